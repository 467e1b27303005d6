// trust.ts — Which certificate authorities this process believes besides the public ones, and its tools with it.
// Process-wide, as the trust of TLS in Node is.
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { ConfigError, readIfThere, writeDurably } from '@kagami/runtime'

/** The bundle tools are told of; null while nobody named an authority of his own. */
let bundle: string | null = null

/**
 * Believes the authorities in `file` (PEM) besides those of Node and of this system, in every TLS connection of this
 * process from now on, and writes all of them to `into` for its tools. Throws ConfigError when there is none in it.
 */
export function trustAlso(file: string, into: string): void {
  const own = authoritiesIn(file)
  const all = [...new Set([...getCACertificates('default'), ...getCACertificates('system'), ...own])]
  setDefaultCACertificates(all)
  // A tool that is given a file believes that file alone.
  const text = `${all.map((one) => one.trim()).join('\n')}\n`
  if (readIfThere(into) !== text) writeDurably(into, text)
  bundle = into
}

/** What the environment of a tool says about whom to believe. */
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
