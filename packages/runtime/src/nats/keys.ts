// keys.ts — Keys and signed claims in NATS' encodings. Signatures are node:crypto's Ed25519, which is a hundred
// times faster than the library's own.
import { createPrivateKey, createPublicKey, sign, verify, type KeyObject } from 'node:crypto'
import { Algorithms, encode } from '@nats-io/jwt'
import { createAccount, createOperator, createUser, fromPublic, fromSeed } from '@nats-io/nkeys'

/** A key pair. `seed` is the secret, as text that begins with S. */
export interface NatsKey {
  readonly publicKey: string
  readonly seed: string
  sign(bytes: Uint8Array): Uint8Array
}

/** A user's credentials: the claims an account signed, and the key that proves they are ours. */
export interface NatsUser {
  readonly jwt: string
  readonly seed: string
}

const MAKERS = { operator: createOperator, account: createAccount, user: createUser } as const

/** A new key. */
export function newNatsKey(kind: keyof typeof MAKERS): NatsKey {
  return openNatsKey(new TextDecoder().decode(MAKERS[kind]().getSeed()))
}

/** The key of a seed. Throws when it is none. */
export function openNatsKey(seed: string): NatsKey {
  const publicKey = fromSeed(new TextEncoder().encode(seed)).getPublicKey()
  let key: KeyObject | null = null
  return { publicKey, seed, sign: (bytes) => sign(null, bytes, (key ??= privateKeyOf(seed))) }
}

/** Whether the text is the public key of a user: right letters, right checksum. */
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
  // One byte says what kind of key it is, two at the end are a checksum.
  const x = fromBase32(publicKey).subarray(1, 33).toString('base64url')
  return verify(
    null,
    Buffer.from(text),
    createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' }),
    Buffer.from(signature, 'base64url'),
  )
}

/** The PKCS#8 frame around 32 raw bytes of an Ed25519 key. */
const PKCS8_FRAME = Buffer.from('302e020100300506032b657004220420', 'hex')

function privateKeyOf(seed: string): KeyObject {
  // Two bytes say what kind of key it is, two at the end are a checksum.
  const raw = fromBase32(seed).subarray(2, 34)
  return createPrivateKey({ key: Buffer.concat([PKCS8_FRAME, raw]), format: 'der', type: 'pkcs8' })
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

/** What somebody says of a subject, signed. `nats` is the body NATS defines for the kind of claim. */
export interface Claim {
  readonly name: string
  /** Public key of whom it is about. */
  readonly about: string
  readonly nats: Record<string, unknown> & { readonly type: 'operator' | 'account' | 'user' }
}

/** Signs a claim; the result is public, since it is worth nothing without the key it is about. */
export function signClaim(claim: Claim, signer: NatsKey): Promise<string> {
  const key = { getPublicKey: () => signer.publicKey, sign: (bytes: Uint8Array) => signer.sign(bytes) }
  return encode(
    Algorithms.v2,
    { name: claim.name, sub: claim.about, aud: 'NATS', nats: claim.nats } as never,
    key as never,
  )
}

/** The claims of a JWT as they stand there; who signed them is not looked at. Throws when it is no JWT. */
export function readClaim(jwt: string): { readonly sub: string; readonly name: string; readonly nats: Claim['nats'] } {
  return JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString('utf8')) as never
}

/** Whether this key signed the JWT. */
export function signedBy(jwt: string, signer: NatsKey): boolean {
  const [head = '', body = '', signature = ''] = jwt.split('.')
  const publicKey = createPublicKey(privateKeyOf(signer.seed))
  return verify(null, Buffer.from(`${head}.${body}`), publicKey, Buffer.from(signature, 'base64url'))
}
