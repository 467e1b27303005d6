// random.ts — Secrets that are created here, and the hashes that are kept of them.
import { createHash, randomBytes } from 'node:crypto'

/** A new secret of 192 random bits, in base64url; with a prefix and "_" before it, by which people know what it is. */
export function newSecret(prefix?: string): string {
  const secret = randomBytes(24).toString('base64url')
  return prefix === undefined ? secret : `${prefix}_${secret}`
}

/** The hash of such a secret, in hex. It is long and random, so a plain hash does not reveal it. */
export function secretHash(secret: string): string {
  return createHash('sha256').update(secret).digest('hex')
}
