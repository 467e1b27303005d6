// words.ts — A few words that never go away, by small numbers. Pure.

/** Words and their numbers. */
export interface Words {
  /** The number of a word; a new word gets the next one. */
  numberOf(word: string): number
  wordOf(number: number): string
}

/** The words that are known from the start have the numbers from 0 on, in this order. */
export function createWords(known: readonly string[]): Words {
  const words = [...known]
  const numbers = new Map(words.map((word, number) => [word, number]))
  return {
    numberOf(word) {
      let number = numbers.get(word)
      if (number === undefined) {
        number = words.push(word) - 1
        numbers.set(word, number)
      }
      return number
    },
    wordOf: (number) => words[number] ?? '',
  }
}
