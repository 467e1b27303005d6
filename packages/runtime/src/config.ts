// config.ts — Reads configuration from file, environment and flags against one schema. Errors name the source, the key,
// and what to do.
import { isUtf8 } from 'node:buffer'
import { readFileSync } from 'node:fs'
import { checkFor } from '@kagami/protocol'
import { parse, TomlError } from 'smol-toml'
import type Type from 'typebox'

/** The configuration cannot be used. The message says where and what is wrong, the hint how to correct it. */
export class ConfigError extends Error {
  readonly hint: string | null
  constructor(message: string, hint: string | null = null, options?: ErrorOptions) {
    super(message, options)
    this.name = 'ConfigError'
    this.hint = hint
  }
}

/** Configuration values by key, not checked yet. */
export type Values = Record<string, unknown>

/** The text of a configuration file; null when there is none. Throws ConfigError, with the line of a bad byte. */
export function readConfigFile(file: string): string | null {
  let bytes: Buffer
  try {
    bytes = readFileSync(file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw new ConfigError(
      `${file}: cannot be read: ${(error as Error).message}`,
      'It must be a file that the user of this program may read.',
    )
  }
  if (isUtf8(bytes)) return bytes.toString('utf8').replace(/^\ufeff/, '')
  const { line, column, byte } = firstStrangeByte(bytes)
  throw new ConfigError(
    `${file}, line ${line}, column ${column}: the byte 0x${byte.toString(16)} is not UTF-8`,
    'Save the file as UTF-8; an editor calls this its encoding.',
  )
}

function firstStrangeByte(bytes: Buffer): { line: number; column: number; byte: number } {
  let from = 0
  for (let line = 1; ; line++) {
    const end = bytes.indexOf(0x0a, from)
    const text = bytes.subarray(from, end < 0 ? undefined : end)
    if (!isUtf8(text) || end < 0) {
      // Cut characters aside, each beginning of the line is UTF-8 until the byte that is not.
      let good = 0
      while (good < text.length && isUtf8(text.subarray(0, good + 1 + following(text[good]!))))
        good += 1 + following(text[good]!)
      return { line, column: text.subarray(0, good).toString('utf8').length + 1, byte: text[good] ?? 0 }
    }
    from = end + 1
  }
}

/** How many bytes follow the first one of a character. */
function following(byte: number): number {
  return byte >= 0xf0 ? 3 : byte >= 0xe0 ? 2 : byte >= 0xc0 ? 1 : 0
}

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

/** Checks the merged values. A ConfigError names the source of the wrong one, and how to write it if that is clear. */
export function checkValues(schema: Type.TObject, values: Values, sourceOf: (key: string) => string): void {
  const check = checkFor(schema)
  if (check.ok(values)) return
  const { field, message } = check.problem(values)
  throw new ConfigError(
    `${sourceOf(field.split('.')[0] ?? '')}: ${field} ${message}`,
    rewritten(field, message, values),
  )
}

const UNIT_SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 }

/** How to write a value that has the wrong type, when it is clear what is meant. */
function rewritten(field: string, message: string, values: Values): string | null {
  const path = field.split('.')
  const key = path.findLast((part) => !/^\d+$/.test(part)) ?? field
  const value = path.reduce<unknown>((inside, part) => (inside as Values | undefined)?.[part], values)
  if (message === 'must be boolean') {
    const word = String(value).toLowerCase()
    if (['true', 'yes', 'on', '1'].includes(word)) return `Write ${key} = true, without quotes.`
    if (['false', 'no', 'off', '0'].includes(word)) return `Write ${key} = false, without quotes.`
    return `Write ${key} = true or ${key} = false, without quotes.`
  }
  if (message === 'must be string' && ['number', 'boolean'].includes(typeof value))
    return `Write ${key} = "${String(value)}", in quotes.`
  if (typeof value !== 'string') return null
  if (message === 'must be array') return `Write ${key} = [${JSON.stringify(value)}], in brackets.`
  if (message !== 'must be integer') return null
  const [, digits, unit] = /^\s*(\d{1,9})\s*([smhd]?)\s*$/i.exec(value) ?? []
  if (digits === undefined) return null
  if (!unit) return `Write ${key} = ${Number(digits)}, without quotes.`
  return key.endsWith('_secs')
    ? `Write ${key} = ${Number(digits) * UNIT_SECONDS[unit.toLowerCase()]!}: it counts seconds.`
    : null
}

/**
 * The known word that is nearest to a misspelt one; null when none is near. `most`: letters that may be wrong; two
 * letters that changed places count as one.
 */
export function nearest(
  word: string,
  known: readonly string[],
  most = Math.max(2, Math.floor(word.length / 3)),
): string | null {
  let best: string | null = null
  let least = most + 1
  for (const candidate of known) {
    const far = distance(word.toLowerCase(), candidate.toLowerCase())
    if (far < least) [best, least] = [candidate, far]
  }
  return best
}

/** Levenshtein distance, with neighbours that changed places as one. */
function distance(a: string, b: string): number {
  let before: number[] = []
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      next.push(
        Math.min(
          next[j - 1]! + 1,
          row[j]! + 1,
          row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1),
          swapped ? before[j - 2]! + 1 : Infinity,
        ),
      )
    }
    before = row
    row = next
  }
  return row[b.length]!
}
