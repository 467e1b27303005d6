// sealing.ts — Encrypts text for one recipient: HPKE (RFC 9180) with X25519, HKDF-SHA256 and AES-256-GCM.
import { Aes256Gcm, CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } from '@hpke/core'
import { copyOfLine, oneLine, openStateFile, previousOf, type Damage } from '../disk/state-file.ts'

const suite = new CipherSuite({ kem: new DhkemX25519HkdfSha256(), kdf: new HkdfSha256(), aead: new Aes256Gcm() })
const INFO = new TextEncoder().encode('kagami credentials 1')
/** Length of the encapsulated key, which comes before the encrypted text. */
const ENC_BYTES = 32

/** A private key that opens what was sealed with its public key. */
export interface SealingKey {
  /** Base64; not secret. */
  readonly publicKey: string
  /** Returns the text. Throws when the box is for another key or purpose, or was changed. */
  open(box: string, purpose: string): Promise<string>
}

/**
 * Reads the private key in a file; creates the file, readable only by its owner, when it is missing. Throws ConfigError
 * when the file contains something else and there is no copy of it.
 */
export async function openSealingKey(path: string, onDamage?: (damage: Damage) => void): Promise<SealingKey> {
  const isKey = (text: string) => /^[A-Za-z0-9+/]{43}=$/.test(text)
  const file = openStateFile<string>({
    path,
    form: oneLine(isKey),
    copyForm: copyOfLine(isKey),
    onDamage,
    judge: () => 'unclear',
    cure:
      `Restore it from a backup. Or remove it and ${previousOf(path)}: a new key is made, and the credentials of ` +
      'this worker’s replicas must be given again.',
  })
  let text = file.read()
  if (text === null) {
    const { privateKey: created } = await suite.kem.generateKeyPair()
    text = toBase64(await suite.kem.serializePrivateKey(created))
    file.write(text)
  }
  const raw = fromBase64(text)
  const privateKey = await suite.kem.importKey('raw', raw, false)
  const publicKey = await publicOf(raw)
  return {
    publicKey,
    async open(box, purpose) {
      const bytes = new Uint8Array(fromBase64(box))
      const opened = await suite.open(
        { recipientKey: privateKey, enc: bytes.slice(0, ENC_BYTES), info: INFO },
        bytes.slice(ENC_BYTES),
        new TextEncoder().encode(purpose),
      )
      return new TextDecoder().decode(opened)
    },
  }
}

/** Seals a text for the owner of a public key (base64) and for one purpose. */
export async function seal(publicKey: string, purpose: string, text: string): Promise<string> {
  const recipientPublicKey = await suite.kem.importKey('raw', fromBase64(publicKey), true)
  const { enc, ct } = await suite.seal(
    { recipientPublicKey, info: INFO },
    new TextEncoder().encode(text),
    new TextEncoder().encode(purpose),
  )
  return Buffer.concat([Buffer.from(enc), Buffer.from(ct)]).toString('base64')
}

function toBase64(bytes: ArrayBuffer): string {
  return Buffer.from(bytes).toString('base64')
}

function fromBase64(text: string): ArrayBuffer {
  return new Uint8Array(Buffer.from(text, 'base64')).buffer
}

/** The public half of a raw private key. */
async function publicOf(raw: ArrayBuffer): Promise<string> {
  const { x } = await crypto.subtle.exportKey('jwk', await importPrivate(raw))
  return Buffer.from(x ?? '', 'base64url').toString('base64')
}

/** X25519 private keys are imported as PKCS #8 (RFC 8410): a fixed header, then the 32 bytes. */
function importPrivate(raw: ArrayBuffer): Promise<CryptoKey> {
  const header = Buffer.from('302e020100300506032b656e04220420', 'hex')
  return crypto.subtle.importKey('pkcs8', Buffer.concat([header, Buffer.from(raw)]), { name: 'X25519' }, true, [
    'deriveBits',
  ])
}
