// join-token.ts — The join token: one line with everything a new worker needs to ask for credentials. Its holder may
// ask; people decide.
import { checkFor } from '@kagami/protocol'
import Type, { type Static } from 'typebox'
import { ConfigError } from '../config.ts'

const PREFIX = 'kagami-join-'

/** The content of a join token. */
export const JoinTokenContent = Type.Object({
  url: Type.String({ minLength: 1 }),
  /** Certificate of the authority that signed the server's certificate, PEM; null without encryption. */
  ca: Type.Union([Type.String(), Type.Null()]),
  /** Public key of the workers' account: distinguishes one locked NATS from another. */
  account: Type.String({ minLength: 1 }),
  /** The user that may ask to join. */
  join: Type.Object({ jwt: Type.String({ minLength: 1 }), seed: Type.String({ minLength: 1 }) }),
  secret: Type.String({ minLength: 16, maxLength: 128 }),
})
export type JoinTokenContent = Static<typeof JoinTokenContent>

/** Writes a join token as one line. */
export function writeJoinToken(token: JoinTokenContent): string {
  return PREFIX + Buffer.from(JSON.stringify(token)).toString('base64url')
}

/** Reads a join token. A ConfigError names `source`. */
export function readJoinToken(line: string, source: string): JoinTokenContent {
  const text = line.trim()
  let value: unknown = null
  try {
    value = JSON.parse(Buffer.from(text.slice(PREFIX.length), 'base64url').toString('utf8'))
  } catch {
    // Refused below, with everything else that is not a token.
  }
  if (text.startsWith(PREFIX) && checkFor(JoinTokenContent).ok(value)) return value
  throw new ConfigError(
    `${source}: this is not a join token, or only a part of one`,
    `Create one with \`kagami nats token\`: a single line that begins with ${PREFIX}.`,
  )
}
