// trust.ts — Which certificate authorities this process and its tools trust besides the public ones. Process-wide,
// because Node's trust in TLS is.
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { ConfigError, readIfThere, writeDurably } from '@kagami/runtime'

/** The bundle that tools are given; null while no authority was added. */
let bundle: string | null = null

/**
 * Trusts the authorities in `file` (PEM) besides those of Node and of this system, in every TLS connection of this
 * process from now on, and writes all of them to `into` for its tools. Throws ConfigError when the file holds none.
 */
export function trustAlso(file: string, into: string): void {
  const own = authoritiesIn(file)
  const all = [...new Set([...getCACertificates('default'), ...getCACertificates('system'), ...own])]
  setDefaultCACertificates(all)
  // A tool that is given a file trusts only that file.
  const text = `${all.map((one) => one.trim()).join('\n')}\n`
  if (readIfThere(into) !== text) writeDurably(into, text)
  bundle = into
}

/** The variables that tell a tool which authorities to trust. */
export function trustOfTools(): Readonly<Record<string, string>> {
  return bundle === null ? {} : { GIT_SSL_CAINFO: bundle }
}

function authoritiesIn(file: string): string[] {
  try {
    const found = readFileSync(file, 'latin1').match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
    if (found.length === 0) throw new Error('there is no certificate in it')
    return found.map((one) => new X509Certificate(one).toString())
  } catch (error) {
    throw new ConfigError(
      `ca_file ${file} cannot be used: ${(error as Error).message}`,
      'It must hold the certificates of the authorities in PEM: -----BEGIN CERTIFICATE----- and so on.',
    )
  }
}
