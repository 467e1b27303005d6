// keys.ts — Keys and signed claims in the encodings of NATS. Signed with Ed25519 of node:crypto, which is a hundred
// times faster than that of the NATS library.
import { createPrivateKey, createPublicKey, sign, verify, type KeyObject } from 'node:crypto'
import { Algorithms, encode } from '@nats-io/jwt'
import { createAccount, createOperator, createUser, fromPublic, fromSeed } from '@nats-io/nkeys'

/** A key pair. `seed` is the secret half, a text that begins with S. */
export interface NatsKey {
  readonly publicKey: string
  readonly seed: string
  sign(bytes: Uint8Array): Uint8Array
}

/** The credentials of a user: claims that an account has signed, and the key they are for. */
export interface NatsUser {
  readonly jwt: string
  readonly seed: string
}

const CREATE = { operator: createOperator, account: createAccount, user: createUser } as const

/** Creates a key. */
export function newNatsKey(kind: keyof typeof CREATE): NatsKey {
  return openNatsKey(new TextDecoder().decode(CREATE[kind]().getSeed()))
}

/** The key of a seed. Throws when the text is not a seed. */
export function openNatsKey(seed: string): NatsKey {
  const publicKey = fromSeed(new TextEncoder().encode(seed)).getPublicKey()
  let key: KeyObject | null = null
  return { publicKey, seed, sign: (bytes) => sign(null, bytes, (key ??= privateKeyOf(seed))) }
}

/** Whether the text is the public key of a user, with a correct checksum. */
export function isUserKey(text: string): boolean {
  if (!/^U[A-Z2-7]{55}$/.test(text)) return false
  try {
    return fromPublic(text).getPublicKey() === text
  } catch {
    return false
  }
}

/** Whether the holder of this user key signed the text; `signature` is base64url. */
export function signedByUser(publicKey: string, text: string, signature: string): boolean {
  // The first byte is the kind of key, the last two are a checksum.
  const x = fromBase32(publicKey).subarray(1, 33).toString('base64url')
  return verify(
    null,
    Buffer.from(text),
    createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' }),
    Buffer.from(signature, 'base64url'),
  )
}

/** The PKCS #8 header before the 32 raw bytes of an Ed25519 key. */
const PKCS8_HEADER = Buffer.from('302e020100300506032b657004220420', 'hex')

function privateKeyOf(seed: string): KeyObject {
  // The first two bytes are the kind of key, the last two are a checksum.
  const raw = fromBase32(seed).subarray(2, 34)
  return createPrivateKey({ key: Buffer.concat([PKCS8_HEADER, raw]), format: 'der', type: 'pkcs8' })
}

function fromBase32(text: string): Buffer {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
  const bytes: number[] = []
  let [bits, value] = [0, 0]
  for (const letter of text) {
    value = ((value << 5) | letters.indexOf(letter)) & 0xfff
    bits += 5
    if (bits >= 8) bytes.push((value >> (bits -= 8)) & 0xff)
  }
  return Buffer.from(bytes)
}

/** The claims of a JWT. `nats` is what NATS defines for their type. */
export interface Claim {
  readonly name: string
  /** Public key that the claims are about. */
  readonly about: string
  readonly nats: Record<string, unknown> & { readonly type: 'operator' | 'account' | 'user' }
}

/** Signs claims. The result is not secret: it is useless without the key it is about. */
export function signClaim(claim: Claim, signer: NatsKey): Promise<string> {
  const key = { getPublicKey: () => signer.publicKey, sign: (bytes: Uint8Array) => signer.sign(bytes) }
  return encode(
    Algorithms.v2,
    { name: claim.name, sub: claim.about, aud: 'NATS', nats: claim.nats } as never,
    key as never,
  )
}

/** Reads the claims of a JWT without checking who signed them. Throws when the text is not a JWT. */
export function readClaim(jwt: string): { readonly sub: string; readonly name: string; readonly nats: Claim['nats'] } {
  return JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString('utf8')) as never
}

/** Whether this key signed the JWT. */
export function signedBy(jwt: string, signer: NatsKey): boolean {
  const [header = '', payload = '', signature = ''] = jwt.split('.')
  const publicKey = createPublicKey(privateKeyOf(signer.seed))
  return verify(null, Buffer.from(`${header}.${payload}`), publicKey, Buffer.from(signature, 'base64url'))
}
