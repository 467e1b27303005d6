// rsync-words.ts — Options of rsync as people write them, as those of the kind rsync. Pure.

/** What options say. */
export interface RsyncWords {
  readonly options: Readonly<Record<string, unknown>>
  /** In their order, as `filters` has them. */
  readonly rules: readonly string[]
  /** Options that have no equal here. */
  readonly unknown: readonly string[]
}

const RULES: Readonly<Record<string, string>> = { '--exclude': '- ', '--include': '+ ', '--filter': '', '-f': '' }
/** What Kagami does anyway: rules for the folders of rsync's own, and hard links, which both programs keep. */
const MEANINGLESS = new Set(['-H', '--hard-links', '- .~tmp~', '- .~tmp~/'])

/** Reads the words of a command line. */
export function readRsyncWords(words: readonly string[]): RsyncWords {
  const options: Record<string, unknown> = {}
  const [rules, unknown]: [string[], string[]] = [[], []]
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? ''
    const [flag, value] = word.startsWith('--') && word.includes('=') ? splitWord(word) : [word, null]
    const prefix = Object.hasOwn(RULES, flag) ? RULES[flag] : undefined
    if (prefix !== undefined) rules.push(prefix + (value ?? words[++at] ?? ''))
    else if (flag === '--bwlimit' && /^\d+$/.test(value ?? '')) options['bwlimit_kbps'] = Number(value)
    else if (flag === '--delete-excluded') options['delete_excluded'] = true
    else if (flag === '-z' || flag === '--compress') options['compress'] = true
    else if (!MEANINGLESS.has(flag)) unknown.push(word)
  }
  return { options, rules: rules.filter((rule) => !MEANINGLESS.has(rule)), unknown }
}

/** The options for rules: `exclude` when they only leave out, otherwise `filters`, which keep their order. */
export function rulesAsOptions(rules: readonly string[]): Record<string, unknown> {
  if (rules.length === 0) return {}
  if (rules.every((rule) => rule.startsWith('- '))) return { exclude: rules.map((rule) => rule.slice(2)) }
  return { filters: [...rules] }
}

function splitWord(word: string): [string, string] {
  const at = word.indexOf('=')
  return [word.slice(0, at), word.slice(at + 1)]
}
