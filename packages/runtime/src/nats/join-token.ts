// join-token.ts — The join token: one line with all a new worker needs to ask for credentials. Whoever holds it may
// ask; people still decide.
import { createHash, randomBytes } from 'node:crypto'
import { checkFor } from '@kagami/protocol'
import Type, { type Static } from 'typebox'
import { ConfigError } from '../config.ts'

const BEGINNING = 'kagami-join-'

export const JoinToken = Type.Object({
  url: Type.String({ minLength: 1 }),
  /** Certificate of the authority that signed the server's, PEM; null where the connection is not encrypted. */
  ca: Type.Union([Type.String(), Type.Null()]),
  /** Public key of the account workers are in: tells one locked NATS from another. */
  account: Type.String({ minLength: 1 }),
  /** The user that may ask to join. */
  join: Type.Object({ jwt: Type.String({ minLength: 1 }), seed: Type.String({ minLength: 1 }) }),
  secret: Type.String({ minLength: 16, maxLength: 128 }),
})
export type JoinToken = Static<typeof JoinToken>

/** The token as the one line that is handed on. */
export function writeJoinToken(token: JoinToken): string {
  return BEGINNING + Buffer.from(JSON.stringify(token)).toString('base64url')
}

/** Reads such a line. Throws ConfigError naming `source`. */
export function readJoinToken(line: string, source: string): JoinToken {
  const text = line.trim()
  let value: unknown = null
  try {
    value = JSON.parse(Buffer.from(text.slice(BEGINNING.length), 'base64url').toString('utf8'))
  } catch {
    // Told below, with everything else that is no token.
  }
  if (text.startsWith(BEGINNING) && checkFor(JoinToken).ok(value)) return value
  throw new ConfigError(
    `${source}: this is no join token, or not all of one`,
    `Make one with \`kagami nats token\`: a single line that begins with ${BEGINNING}.`,
  )
}

/** A new secret nobody can guess, and what is kept of it. */
export function newJoinSecret(): { readonly secret: string; readonly hash: string } {
  const secret = randomBytes(24).toString('base64url')
  return { secret, hash: hashOfJoinSecret(secret) }
}

/** What is kept of a secret. It is long and random, so a plain hash gives nothing away. */
export function hashOfJoinSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('hex')
}
