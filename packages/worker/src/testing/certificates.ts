// certificates.ts — Certificates for tests: an authority, what it signs, and what nobody should believe. No assertions.
import 'reflect-metadata'
import { writeFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { join } from 'node:path'
import * as x509 from '@peculiar/x509'

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
const DAY_MS = 86_400_000

/** Files with a certificate and its key, PEM. */
export interface Certified {
  readonly certificate: string
  readonly key: string
}

export interface Authority {
  /** File with its certificate, PEM. */
  readonly certificate: string
  /** A server's certificate for host names and addresses; `expired`: until yesterday. */
  sign(name: string, hosts: readonly string[], expired?: boolean): Promise<Certified>
}

/** A new authority, its files and those of all it signs below `dir`. */
export async function makeAuthority(dir: string): Promise<Authority> {
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=Kagami test authority',
    keys,
    signingAlgorithm: ALGORITHM,
    ...lifetime(365),
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
    ],
  })
  const certificate = join(dir, 'authority.pem')
  writeFileSync(certificate, root.toString('pem'))
  return {
    certificate,
    async sign(name, hosts, expired = false) {
      const own = await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
      const signed = await x509.X509CertificateGenerator.create({
        subject: `CN=${name}`,
        issuer: root.subject,
        publicKey: own.publicKey,
        signingKey: keys.privateKey,
        signingAlgorithm: ALGORITHM,
        ...lifetime(expired ? -1 : 30),
        extensions: [namesOf(hosts)],
      })
      return await write(dir, name, { certificate: signed, key: own.privateKey })
    },
  }
}

/** A certificate that only speaks for itself. */
export async function makeSelfSigned(dir: string, hosts: readonly string[]): Promise<Certified> {
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=self-signed',
    keys,
    signingAlgorithm: ALGORITHM,
    ...lifetime(30),
    extensions: [namesOf(hosts)],
  })
  return await write(dir, 'self-signed', { certificate, key: keys.privateKey })
}

function namesOf(hosts: readonly string[]): x509.SubjectAlternativeNameExtension {
  return new x509.SubjectAlternativeNameExtension(
    hosts.map((value) => ({ type: isIP(value) ? ('ip' as const) : ('dns' as const), value })),
  )
}

function lifetime(days: number): { notBefore: Date; notAfter: Date } {
  return { notBefore: new Date(Date.now() - 10 * DAY_MS), notAfter: new Date(Date.now() + days * DAY_MS) }
}

async function write(
  dir: string,
  name: string,
  made: { certificate: x509.X509Certificate; key: CryptoKey },
): Promise<Certified> {
  const files = { certificate: join(dir, `${name}.pem`), key: join(dir, `${name}.key`) }
  writeFileSync(files.certificate, made.certificate.toString('pem'))
  writeFileSync(files.key, x509.PemConverter.encode(await crypto.subtle.exportKey('pkcs8', made.key), 'PRIVATE KEY'), {
    mode: 0o600,
  })
  return files
}
