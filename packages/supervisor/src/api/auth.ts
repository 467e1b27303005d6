// auth.ts — Who may write: the bearer token, compared in constant time, kept 0600, never logged.
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { chmodSync, mkdirSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { readIfThere, writeDurably } from '@kagami/runtime'
import type { SupervisorConfig } from '../config.ts'

export interface Token {
  /** Whether this is the token. */
  fits(given: string): boolean
  readonly text: string
  /** Made just now, so that it is to be shown once. */
  readonly fresh: boolean
  readonly file: string | null
}

/** The configured token, the kept one, or a new one. */
export function openToken(config: SupervisorConfig): Token {
  if (config.auth === 'none') return { fits: () => true, text: '', fresh: false, file: null }
  if (config.api_token) return tokenOf(config.api_token, { fresh: false, file: null })
  const file = join(config.stateDir, 'api-token')
  const kept = readIfThere(file)?.trim()
  if (kept) {
    // Somebody may have copied it about; only its owner may read it.
    if ((statSync(file).mode & 0o077) !== 0) chmodSync(file, 0o600)
    return tokenOf(kept, { fresh: false, file })
  }
  mkdirSync(config.stateDir, { recursive: true, mode: 0o700 })
  const made = `kgm_${randomBytes(24).toString('base64url')}`
  writeDurably(file, `${made}\n`, 0o600)
  return tokenOf(made, { fresh: true, file })
}

function tokenOf(text: string, facts: { fresh: boolean; file: string | null }): Token {
  const digest = digestOf(text)
  return { ...facts, text, fits: (given) => timingSafeEqual(digestOf(given), digest) }
}

/** Equal lengths make the comparison take the same time for every guess. */
const digestOf = (text: string) => createHash('sha256').update(text).digest()

/** Where the command line of the same user looks for the token of the supervisor on a port of this machine. */
export function tokenHint(port: number, env: NodeJS.ProcessEnv = process.env): string {
  return join(env['XDG_STATE_HOME'] || join(homedir(), '.local', 'state'), 'kagami', `api-token-${port}`)
}

/** Leaves the token for the command line; a home that cannot be written to is no harm. */
export function leaveHint(port: number, token: Token): void {
  try {
    mkdirSync(dirname(tokenHint(port)), { recursive: true, mode: 0o700 })
    writeDurably(tokenHint(port), `${token.text}\n`, 0o600)
  } catch {
    // The command line then needs KAGAMI_TOKEN.
  }
}

/** The token of an Authorization header, or null. */
export function bearerOf(header: string | undefined): string | null {
  const match = /^Bearer\s+(\S{1,512})$/i.exec(header ?? '')
  return match?.[1] ?? null
}
