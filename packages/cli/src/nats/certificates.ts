// nats/certificates.ts — Makes a certificate authority for NATS and the server certificate it signs.
import 'reflect-metadata'
import { isIP } from 'node:net'
import * as x509 from '@peculiar/x509'

/** How long both are valid. Only this fleet trusts the authority, so a short life would only cause outages. */
const YEARS = 10
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const

/** Certificate and private key, both PEM. */
export interface Certified {
  readonly certificate: string
  readonly key: string
}

/** A new authority. */
export async function makeAuthority(): Promise<Certified> {
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=Kagami NATS authority',
    keys,
    signingAlgorithm: ALGORITHM,
    serialNumber: serial(),
    ...lifetime(),
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  return { certificate: certificate.toString('pem'), key: await pemOf(keys.privateKey) }
}

/** A server's certificate for these host names and addresses. */
export async function makeServerCertificate(authority: Certified, hosts: readonly string[]): Promise<Certified> {
  const issuer = new x509.X509Certificate(authority.certificate)
  const signingKey = await crypto.subtle.importKey(
    'pkcs8',
    x509.PemConverter.decodeFirst(authority.key),
    ALGORITHM,
    false,
    ['sign'],
  )
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
  const certificate = await x509.X509CertificateGenerator.create({
    subject: 'CN=Kagami NATS',
    issuer: issuer.subject,
    publicKey: keys.publicKey,
    signingKey,
    signingAlgorithm: ALGORITHM,
    serialNumber: serial(),
    ...lifetime(),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(
        hosts.map((value) => ({ type: isIP(value) ? ('ip' as const) : ('dns' as const), value })),
      ),
      await x509.AuthorityKeyIdentifierExtension.create(issuer),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  return { certificate: certificate.toString('pem'), key: await pemOf(keys.privateKey) }
}

async function pemOf(key: CryptoKey): Promise<string> {
  return x509.PemConverter.encode(await crypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY')
}

function serial(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  // A serial number must be positive.
  bytes[0]! &= 0x7f
  return Buffer.from(bytes).toString('hex')
}

function lifetime(): { notBefore: Date; notAfter: Date } {
  // From yesterday on, so that a host whose clock is behind accepts it.
  const notBefore = new Date(Date.now() - 86_400_000)
  return { notBefore, notAfter: new Date(notBefore.getTime() + YEARS * 365.25 * 86_400_000) }
}
