// given.ts — What a replica is given on the command line: pairs, options of its kind, credentials.
import { readFileSync } from 'node:fs'
import { ConfigError } from '@kagami/runtime/config'
import type { Auth } from '@kagami/protocol'

/** `KEY=VALUE` words as an object. Throws ConfigError. */
export function pairsOf(pairs: readonly string[] = []): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf('=')
      if (at < 1) throw new ConfigError(`"${pair}" is not KEY=VALUE`)
      return [pair.slice(0, at), pair.slice(at + 1)]
    }),
  )
}

/** `KEY=VALUE` words as options of a kind. A value is JSON where it reads as JSON (a number, a list), else the text. */
export function optionsOf(pairs: readonly string[] = []): Record<string, unknown> {
  return Object.fromEntries(Object.entries(pairsOf(pairs)).map(([key, text]) => [key, valueOf(text)]))
}

function valueOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/** The credentials in KAGAMI_AUTH; null when it is not set. Throws ConfigError, which does not show them. */
export function authFromEnvironment(): Auth | null {
  const text = process.env['KAGAMI_AUTH']
  if (!text) return null
  try {
    // The supervisor checks what it is.
    return JSON.parse(text) as Auth
  } catch {
    throw new ConfigError(
      'KAGAMI_AUTH is not JSON',
      'Use {"type":"basic","username":"…","password":"…"} or {"type":"token","token":"…"}.',
    )
  }
}

/** The first line of a file with a secret; `-` is the standard input. Throws ConfigError, which does not show it. */
export function readSecret(option: string, path: string): string {
  try {
    const text = readFileSync(path === '-' ? 0 : path, 'utf8')
    // A private key for ssh has many lines.
    if (/^-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----/.test(text)) return text.trim()
    const [line = ''] = text.split(/\r?\n/)
    if (line !== '') return line
  } catch (error) {
    throw new ConfigError(`${option}: ${path} cannot be read: ${(error as NodeJS.ErrnoException).code ?? 'unknown'}`)
  }
  throw new ConfigError(`${option}: ${path} is empty`, 'Write the secret into its first line.')
}
