// secrets.ts — Removes credentials from text before anybody sees it. Pure.
import type { Auth } from '@kagami/protocol'

/** Replaces every form of the credentials a tool may print by `***`. */
export type Mask = (text: string) => string

/** A mask for the credentials of one replica: as they are, percent-encoded, and as a Basic header. */
export function createMask(auth: Auth | null | undefined): Mask {
  const found = secretsOf(auth)
  return (text) => found.reduce((masked, secret) => masked.replaceAll(secret, '***'), text)
}

function secretsOf(auth: Auth | null | undefined): string[] {
  if (!auth) return []
  const raw = auth.type === 'basic' ? [auth.password] : [auth.token]
  const pair = auth.type === 'basic' ? [`${auth.username}:${auth.password}`] : [`oauth2:${auth.token}`]
  const all = [
    ...pair.map((text) => Buffer.from(text).toString('base64')),
    ...raw,
    ...raw.map(encodeURIComponent),
    ...raw.map((text) => JSON.stringify(text).slice(1, -1)),
  ]
  // Longest first: a short secret inside a longer one must not leave the rest standing.
  return [...new Set(all)].filter((text) => text !== '').sort((a, b) => b.length - a.length)
}
