// content.ts — Whether a response can be the file that was requested: not compressed on the way, and no error page with
// status 200.
import { closeSync, openSync, readSync } from 'node:fs'
import { SyncFailure } from '../provider.ts'

const SNIFF_BYTES = 1024
/**
 * File endings whose bytes are the encoding itself: some servers name it in Content-Encoding and mean the file as it
 * is.
 */
const OWN_ENCODING: Readonly<Record<string, RegExp>> = {
  gzip: /\.(t?gz|svgz)$/i,
  'x-gzip': /\.(t?gz|svgz)$/i,
  bzip2: /\.t?bz2?$/i,
  'x-bzip2': /\.t?bz2?$/i,
  xz: /\.t?xz$/i,
  'x-xz': /\.t?xz$/i,
  compress: /\.Z$/,
  'x-compress': /\.Z$/,
  br: /\.br$/i,
  zstd: /\.t?zst$/i,
}
const PAGE_NAMES = /(^[^.]+|\.(x?html?|shtml|php\d?|aspx?|jsp|cgi))$/i

/** Throws SyncFailure when a response is encoded although the request asked for the file as it is. */
export function refuseEncoded(headers: Readonly<Record<string, string>>, file: string): void {
  const encoding = (headers['content-encoding'] ?? 'identity').trim().toLowerCase()
  if (encoding === 'identity' || encoding === '' || OWN_ENCODING[encoding]?.test(file)) return
  throw new SyncFailure(
    'content_invalid',
    `the upstream sends ${file} encoded as ${encoding.slice(0, 40)}, though it was asked not to; encoded ` +
      'bytes are never stored',
  )
}

/** Whether a response claims to be a web page where a file of that name would not be one. */
export function seemsPage(headers: Readonly<Record<string, string>>, file: string): boolean {
  const type = headers['content-type'] ?? 'text/html'
  return /^(text\/html|application\/xhtml\+xml)\b/i.test(type.trim()) && !PAGE_NAMES.test(file)
}

/** Whether bytes begin like a web page. */
export function beginsLikePage(bytes: Buffer): boolean {
  return /^(\ufeff|\s|<!--[^]*?-->|<\?xml[^]*?\?>)*<(!doctype\s+html|html[\s>])/i.test(
    bytes.subarray(0, SNIFF_BYTES).toString('utf8'),
  )
}

/** Whether a file begins like a web page; false when it is not there. */
export function isPage(path: string): boolean {
  let handle: number
  try {
    handle = openSync(path, 'r')
  } catch {
    return false
  }
  try {
    const start = Buffer.alloc(SNIFF_BYTES)
    return beginsLikePage(start.subarray(0, readSync(handle, start)))
  } finally {
    closeSync(handle)
  }
}

/** The failure for a web page in place of a file. */
export function pageFailure(file: string): SyncFailure {
  return new SyncFailure(
    'content_invalid',
    `the upstream sends a web page in place of ${file}, as for an error; the option accept_html takes it`,
  )
}
