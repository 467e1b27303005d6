// content.ts — Whether a response can be the file that was requested: not compressed on the way, and no error page with
// status 200.
import { closeSync, openSync, readSync } from 'node:fs'
import { pathBytes } from '../names.ts'
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
const PAGE_ENDINGS = /\.(x?html?|shtml|php\d?|aspx?|jsp|cgi)$/i

/** The first bytes of what a program compressed; deflate and br have none. */
const MAGIC: Readonly<Record<string, Buffer>> = {
  gzip: Buffer.from([0x1f, 0x8b]),
  bzip2: Buffer.from('BZh'),
  xz: Buffer.from('\xfd7zXZ\0', 'latin1'),
  compress: Buffer.from([0x1f, 0x9d]),
  zstd: Buffer.from([0x28, 0xb5, 0x2f, 0xfd]),
}

/**
 * Says how the first bytes of a body are checked when its response names an encoding that was not asked for; null when
 * there is nothing to check. Apache names one for every ending of a name (`AddEncoding x-gzip .gz` for
 * `a.tar.gz.asc`), so the bytes decide: the check throws SyncFailure when they are encoded, or may be.
 */
export function encodingCheck(
  headers: Readonly<Record<string, string>>,
  file: string,
): ((start: Buffer) => void) | null {
  const named = (headers['content-encoding'] ?? '').toLowerCase().split(',')
  const foreign = named
    .map((encoding) => encoding.trim())
    .filter((encoding) => encoding !== '' && encoding !== 'identity' && !OWN_ENCODING[encoding]?.test(file))
  if (foreign.length === 0) return null
  return (start) => {
    const found = foreign.find((encoding) => mayBeEncoded(start, encoding.replace(/^x-/, '')))
    if (found === undefined) return
    throw new SyncFailure(
      'content_invalid',
      `the upstream sends ${file} encoded as ${found.slice(0, 40)}, though it was asked not to; encoded ` +
        'bytes are never stored',
    )
  }
}

function mayBeEncoded(start: Buffer, encoding: string): boolean {
  const magic = MAGIC[encoding]
  if (!magic) return true
  const length = Math.min(start.length, magic.length)
  return start.subarray(0, length).equals(magic.subarray(0, length))
}

/** Whether a response claims to be a web page. */
export function seemsPage(headers: Readonly<Record<string, string>>): boolean {
  const type = headers['content-type'] ?? 'text/html'
  return /^(text\/html|application\/xhtml\+xml)\b/i.test(type.trim())
}

/** Whether a file of that name is a web page: by its ending, or possibly because it has none. */
export function promisesPage(file: string): 'yes' | 'maybe' | 'no' {
  return PAGE_ENDINGS.test(file) ? 'yes' : file.includes('.') ? 'no' : 'maybe'
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
    handle = openSync(pathBytes(path), 'r')
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
