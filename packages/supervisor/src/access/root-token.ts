// root-token.ts — The token that may do everything: created, stored for its owner only, compared in constant time,
// never logged.
import { createHash, timingSafeEqual } from 'node:crypto'
import { chmodSync, mkdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import {
  copyOfLine,
  homeDirectory,
  logDamage,
  newSecret,
  oneLine,
  openStateFile,
  previousOf,
  writeDurably,
  type Logger,
  type StateFile,
} from '@kagami/runtime'
import type { SupervisorConfig } from '../config.ts'

/** The token that may do everything. */
export interface Token {
  /** Whether `text` is the token. */
  matches(text: string): boolean
  readonly text: string
  /** True when it was created just now, and has to be shown once. */
  readonly isNew: boolean
  readonly file: string | null
}

/** A token that was created here. */
const CREATED = /^kgm_[A-Za-z0-9_-]{32}$/
/** What the configuration accepts too. */
const isToken = (text: string) =>
  CREATED.test(text) || (/^[\x21-\x7e]{16,512}$/.test(text) && !text.startsWith('kgm_') && !/^[{[]/.test(text))

/**
 * The token of the configuration, or of the state directory; created there when there is none. Throws ConfigError when
 * its file is damaged and there is no copy of it.
 */
export function openToken(config: SupervisorConfig, logger: Logger): Token {
  if (config.auth === 'none') return { matches: () => true, text: '', isNew: false, file: null }
  if (config.api_token) return tokenOf(config.api_token, { isNew: false, file: null })
  const kept = tokenFile(config.stateDir, logger)
  const file = kept.path
  const stored = kept.read()
  if (stored !== null) {
    // The file may have been copied with other permissions; only its owner may read it.
    if ((statSync(file).mode & 0o077) !== 0) chmodSync(file, 0o600)
    return tokenOf(stored, { isNew: false, file })
  }
  mkdirSync(config.stateDir, { recursive: true, mode: 0o700 })
  const created = newSecret('kgm')
  kept.write(created)
  return tokenOf(created, { isNew: true, file })
}

function tokenFile(directory: string, logger: Logger): StateFile<string> {
  const path = join(directory, 'api-token')
  return openStateFile<string>({
    path,
    form: oneLine(isToken),
    copyForm: copyOfLine(isToken),
    onDamage: logDamage(logger),
    // People may give a token of their own, but not a part of the one before.
    judge: (token, copy) => (copy.startsWith(token) ? 'damaged' : 'own'),
    cure:
      'Write the token into it again: one line of at least 16 visible characters. Or remove it, and a new token is ' +
      `created; ${previousOf(path)} must be removed with it.`,
  })
}

function tokenOf(text: string, facts: { isNew: boolean; file: string | null }): Token {
  const digest = digestOf(text)
  return { ...facts, text, matches: (other) => timingSafeEqual(digestOf(other), digest) }
}

/** Digests have equal lengths, so that every comparison takes the same time. */
const digestOf = (text: string) => createHash('sha256').update(text).digest()

/** The file in which the command line of the same user finds the token of the supervisor on this port. */
export function tokenHintFile(port: number, env: NodeJS.ProcessEnv = process.env): string {
  return join(env['XDG_STATE_HOME'] || join(homeDirectory(), '.local', 'state'), 'kagami', `api-token-${port}`)
}

/** Writes that file. A home directory that cannot be written to is not an error. */
export function writeTokenHint(port: number, token: Token): void {
  try {
    mkdirSync(dirname(tokenHintFile(port)), { recursive: true, mode: 0o700 })
    writeDurably(tokenHintFile(port), `${token.text}\n`, 0o600)
  } catch {
    // The command line then needs the variable KAGAMI_TOKEN.
  }
}
