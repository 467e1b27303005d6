// config.ts — Reads configuration from file, environment and flags against one schema. Errors name the source, the key,
// and what to do.
import { checkFor } from '@kagami/protocol'
import { parse, TomlError } from 'smol-toml'
import type Type from 'typebox'

/** The configuration cannot be used. The message says where and what is wrong, the hint how to correct it. */
export class ConfigError extends Error {
  readonly hint: string | null
  constructor(message: string, hint: string | null = null) {
    super(message)
    this.name = 'ConfigError'
    this.hint = hint
  }
}

/** Configuration values by key, not checked yet. */
export type Values = Record<string, unknown>

/** Parses TOML. A ConfigError names file, line and column, and shows the line. */
export function parseToml(text: string, file: string): Values {
  try {
    return parse(text)
  } catch (error) {
    if (!(error instanceof TomlError)) throw error
    const line = text.split('\n')[error.line - 1]?.trim() ?? ''
    const what = error.message.split('\n')[0]?.replace(/^Invalid TOML document: /, '') ?? 'cannot be read'
    throw new ConfigError(
      `${file}, line ${error.line}, column ${error.column}: ${what}`,
      line ? `The line reads: ${line}` : null,
    )
  }
}

/**
 * Reads the environment variables of a schema's keys: `KAGAMI_DATA_DIR` for `data_dir`. An empty one counts as absent.
 */
export function fromEnvironment(schema: Type.TObject, prefix: string, env: NodeJS.ProcessEnv): Values {
  const values: Values = {}
  for (const [key, property] of Object.entries(schema.properties)) {
    const name = prefix + key.toUpperCase()
    const text = env[name]
    if (text === undefined || text === '') continue
    values[key] = fromText(text, property, name)
  }
  return values
}

const EXAMPLE = '[{"name":"debian","kind":"rsync","upstream":"rsync://host/debian/","interval_secs":3600}]'

/** Converts text to the type of a schema. A ConfigError names `source` when it cannot be converted. */
export function fromText(text: string, schema: Type.TSchema, source: string): unknown {
  const type = (schema as { type?: string }).type
  if (type === 'boolean') {
    if (['true', '1', 'yes', 'on'].includes(text.toLowerCase())) return true
    if (['false', '0', 'no', 'off'].includes(text.toLowerCase())) return false
    throw new ConfigError(`${source}: must be true or false, not "${text}"`)
  }
  if (type === 'integer' || type === 'number') {
    const number = Number(text)
    if (!Number.isFinite(number) || (type === 'integer' && !Number.isInteger(number)))
      throw new ConfigError(`${source}: must be a whole number, not "${text}"`)
    return number
  }
  if (type === 'array' || type === 'object') {
    try {
      return JSON.parse(text)
    } catch (error) {
      throw new ConfigError(`${source}: must be JSON: ${(error as Error).message}`, `Example: ${source}='${EXAMPLE}'`)
    }
  }
  return text
}

/** Keys that are not known, each with the nearest known key, if there is one. */
export function unknownKeys(values: Values, known: readonly string[]): { key: string; suggestion: string | null }[] {
  return Object.keys(values)
    .filter((key) => !known.includes(key))
    .map((key) => ({ key, suggestion: nearest(key, known) }))
}

/** Checks the merged values. A ConfigError names the source of the wrong one. */
export function checkValues(schema: Type.TObject, values: Values, sourceOf: (key: string) => string): void {
  const check = checkFor(schema)
  if (check.ok(values)) return
  const problem = check.problem(values)
  throw new ConfigError(`${sourceOf(problem.field.split('.')[0] ?? '')}: ${problem.field} ${problem.message}`)
}

/** The known word that is nearest to a misspelt one; null when none is near. */
export function nearest(word: string, known: readonly string[]): string | null {
  let best: string | null = null
  let least = Math.max(2, Math.floor(word.length / 3)) + 1
  for (const candidate of known) {
    const far = distance(word.toLowerCase(), candidate.toLowerCase())
    if (far < least) [best, least] = [candidate, far]
  }
  return best
}

/** Levenshtein distance. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(next[j - 1]! + 1, row[j]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)))
    }
    row = next
  }
  return row[b.length]!
}
