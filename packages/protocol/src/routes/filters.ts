// filters.ts — The one syntax of the filters of lists: `failed,held` is any of these words, `!fresh` everything else.
// Who asks writes it, who answers reads it, and the UI does both.

/** What a filter names. */
export interface Choice {
  /** One of these is needed; none: whatever there is. */
  readonly wanted: readonly string[]
  /** None of these may be there. */
  readonly unwanted: readonly string[]
}

const WORD = /(?:\\[^]|[^\\,])+/g

/** The words of a filter; null when it names none. A comma, "!" or "\" of a word itself has a backslash before it. */
export function choiceOf(text: string | undefined): Choice | null {
  const written = (text ?? '').match(WORD) ?? []
  const words = [...new Set(written.map((word) => word.trim()))].filter((word) => word !== '' && word !== '!')
  if (words.length === 0) return null
  const isUnwanted = (word: string) => word.startsWith('!')
  return {
    wanted: words.filter((word) => !isUnwanted(word)).map(unescape),
    unwanted: words.filter(isUnwanted).map((word) => unescape(word.slice(1))),
  }
}

/** A filter that names these words. */
export function textOfChoice({ wanted, unwanted }: Choice): string {
  return [...wanted.map(escapeWord), ...unwanted.map((word) => `!${escapeWord(word)}`)].join(',')
}

/** A word as it stands in a filter. */
export function escapeWord(word: string): string {
  return word.replaceAll(/[\\,]|^!/g, '\\$&')
}

const unescape = (word: string): string => word.replaceAll(/\\([^])/g, '$1')

/** Whether a filter lets through what has this word; with several: what is called by any of them. */
export function isChosen({ wanted, unwanted }: Choice, ...words: readonly (string | null)[]): boolean {
  const names = (list: readonly string[]) => list.some((word) => words.includes(word))
  return (wanted.length === 0 || names(wanted)) && !names(unwanted)
}

/**
 * Whether a filter lets labels through. A word is KEY=VALUE, or KEY for any value. Of several words with one key one is
 * enough; of different keys each has to be there.
 */
export function areLabelsChosen({ wanted, unwanted }: Choice, labels: Readonly<Record<string, string>>): boolean {
  const keyOf = (word: string) => word.split('=', 1)[0]!
  const has = (word: string) => {
    const key = keyOf(word)
    return Object.hasOwn(labels, key) && (key === word || labels[key] === word.slice(key.length + 1))
  }
  return !unwanted.some(has) && wanted.every((word) => wanted.some((one) => keyOf(one) === keyOf(word) && has(one)))
}

/** A filter by the age of the last good copy: what has one since an instant, or what has none. */
export interface Since {
  /** Unix ms; -Infinity: ever. */
  readonly sinceMs: number
  readonly has: boolean
}

/** What `last_ok` may be: `>24h` no good copy for so long, or never one; `<24h` the opposite; `never`; all with "!". */
export const LAST_OK = '^!?(?:[<>]\\d{1,5}[mhd]|never)?$'

const UNIT_MS = { m: 60_000, h: 3_600_000, d: 86_400_000 }

/** What `last_ok` asks for at an instant, to the minute, Unix ms; null when it asks for nothing. */
export function sinceOf(text: string | undefined, nowMs: number): Since | null {
  const [, not, side, length, unit] = /^(!?)(?:([<>])(\d{1,5})([mhd])|never)$/.exec(text ?? '') ?? []
  if (not === undefined) return null
  const has = (side === '<') !== (not === '!')
  if (side === undefined) return { sinceMs: -Infinity, has }
  const now = Math.floor(nowMs / UNIT_MS.m) * UNIT_MS.m
  return { sinceMs: now - Number(length) * UNIT_MS[unit as keyof typeof UNIT_MS], has }
}

/** Whether a replica is let through whose last good copy is of this instant, Unix ms; NaN: it has none. */
export function isSince({ sinceMs, has }: Since, goodMs: number): boolean {
  return goodMs >= sinceMs === has
}
