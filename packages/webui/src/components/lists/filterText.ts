// filterText.ts — Filters as they stand in the address, with words added and taken away. Pure.
import { choiceOf, textOfChoice, type Choice } from '@kagami/protocol'

const NOTHING: Choice = { wanted: [], unwanted: [] }
const without = (words: readonly string[], word: string): string[] => words.filter((one) => one !== word)
/** What a label says something about; of other words each is about the same. */
const keyOf = (word: string): string => word.split('=', 1)[0]!

/** Only what has this word. Of labels those with other keys stay. */
export function filterTo(text: string, word: string, isLabel: boolean): string {
  if (!isLabel) return textOfChoice({ wanted: [word], unwanted: [] })
  const { wanted, unwanted } = choiceOf(text) ?? NOTHING
  const others = wanted.filter((one) => keyOf(one) !== keyOf(word))
  return textOfChoice({ wanted: [...others, word], unwanted: without(unwanted, word) })
}

/** Nothing that has this word. */
export function filterOut(text: string, word: string): string {
  const { wanted, unwanted } = choiceOf(text) ?? NOTHING
  return textOfChoice({ wanted: without(wanted, word), unwanted: [...without(unwanted, word), word] })
}

/** Also what has this word. */
export function addWord(text: string, word: string): string {
  const { wanted, unwanted } = choiceOf(text) ?? NOTHING
  return textOfChoice({ wanted: [...without(wanted, word), word], unwanted: without(unwanted, word) })
}

/** As if the word had not been named. */
export function dropWord(text: string, word: string, isUnwanted: boolean): string {
  const { wanted, unwanted } = choiceOf(text) ?? NOTHING
  return isUnwanted
    ? textOfChoice({ wanted, unwanted: without(unwanted, word) })
    : textOfChoice({ wanted: without(wanted, word), unwanted })
}
