// serve/hidden.ts — The names that are not served, as patterns of the servers. A name matches however a disk may take
// it: in upper case, with dots or spaces behind it, with a stream of it. Pure.
import type { OwnNames } from '@kagami/worker'

/** Letters that disks without case take for k and s: the sign of Kelvin, the long s. */
const TWINS: Readonly<Record<string, string>> = { k: '\u212a', s: '\u017f' }

/** Disks of Windows drop dots and spaces at the end, and read what follows a colon as a stream of the file. */
const TAIL = '[. ]*(?::[^/]*)?'

/**
 * A regular expression (PCRE, of bytes, to be used without case) that finds a hidden name in the decoded path of a
 * request.
 */
export function hiddenExpression({ names, suffixes, paths, tops }: OwnNames): string {
  const anywhere = [
    ...names.map(inExpression),
    ...suffixes.map((suffix) => `[^/]+${inExpression(suffix)}`),
    ...paths.map((path) => path.split('/').map(inExpression).join(`${TAIL}/+`)),
  ]
  const top = tops.map(inExpression).join('|')
  return `(?:/(?:${anywhere.join('|')})|^/+(?:[^/]+/+)?(?:${top}))${TAIL}(?:/|$)`
}

/** Patterns for `exclude` of an rsync module, a list for each name. */
export function hiddenPatterns({ names, suffixes, paths, tops }: OwnNames): string[][] {
  const others = [...suffixes.map((suffix) => `*${suffix}`), ...paths]
  return [...names, ...others, ...tops.flatMap((name) => [`/${name}`, `/*/${name}`])].map((name) =>
    [inPattern(name), ...twinsOf(name)].flatMap((pattern) =>
      // What lies below too: a list of files that the daemon reads for a client is compared by its whole path alone.
      ['', ...TAILS].flatMap((tail) => [pattern + tail, `${pattern}${tail}/**`]),
    ),
  )
}

/** The same as TAIL, in what rsync has for patterns: nothing of it matches `name.txt`. */
const TAILS = ['[.[:space:]]', '[.[:space:]][.[:space:]]*', ':*']

function inExpression(name: string): string {
  return Array.from(name)
    .map((letter) => (TWINS[letter] ? `(?:${letter}|${bytesOf(TWINS[letter])})` : escape(letter)))
    .join('')
}

const escape = (letter: string) => letter.replace(/[.+*?^$()[\]{}|\\]/, '\\$&')

const bytesOf = (letter: string) => [...Buffer.from(letter)].map((byte) => `\\x${byte.toString(16)}`).join('')

/** rsync has no patterns without case. */
function inPattern(name: string): string {
  return name.replace(/[a-z]/g, (letter) => `[${letter}${letter.toUpperCase()}]`)
}

/** Nor has it alternatives; written out for the folders of data_dir, which have all the rest. */
function twinsOf(name: string): string[] {
  return Object.entries(TWINS)
    .filter(([letter]) => /^\.[a-z]+$/.test(name) && name.includes(letter))
    .map(([letter, twin]) => name.split(letter).map(inPattern).join(twin))
}
