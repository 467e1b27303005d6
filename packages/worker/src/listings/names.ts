// names.ts — Names in listings: from the form of a request to bytes and back, and which of them can be files here.
import { bytesOf, decodePercent, nameOfBytes, percentBytes } from '../names.ts'
import type { Refused } from './listing.ts'

/** What a link says about something directly below its page. */
export interface Target {
  readonly raw: string
  readonly directory: boolean
}

const PLAIN = /^(?:\.\/)?((?:[\w~+@=,-]|%[\da-f]{2})(?:[\w.~+@=,-]|%[\da-f]{2})*)(\/?)$/i
const SORTED = /^\?C=[NMSD][&;]O=[AD]$/

/** The part of a link that names something directly below the page; null for every other link. */
export function targetBelow(href: string, base: URL): Target | null {
  const plain = PLAIN.exec(href)
  if (plain) return { raw: plain[1]!, directory: plain[2] === '/' }
  const at = resolveLink(href, base)
  // The same host is enough: behind a proxy that adds TLS, servers write addresses of the other scheme.
  if (!at || at.host !== base.host || !/^https?:$/.test(at.protocol)) return null
  const rest = pathBelow(at.pathname, base.pathname)
  if (rest === null || rest === '') return null
  const directory = rest.endsWith('/')
  // nginx's fancyindex keeps the order that was asked for in its links to folders.
  if (at.search !== '' && !(directory && SORTED.test(at.search))) return null
  const raw = directory ? rest.slice(0, -1) : rest
  return raw === '' || raw.includes('/') ? null : { raw, directory }
}

/** The address of a link; null when it has none. A backslash and bytes that are not UTF-8 are part of a name. */
export function resolveLink(href: string, base: URL): URL | null {
  const text = href.replaceAll('\\', '%5C')
  return URL.parse(text.isWellFormed() ? text : encodeStrange(text), base)
}

function encodeStrange(text: string): string {
  return text.replace(/\p{Cs}+/gu, (units) => percentEncode(bytesOf(units)))
}

function pathBelow(path: string, base: string): string | null {
  if (path.startsWith(base)) return path.slice(base.length)
  // Servers differ in what they encode, and in which case they write it.
  const folder = sameSpelling(base)
  const spelled = path.split('/')
  const depth = base.split('/').length - 1
  return sameSpelling(`${spelled.slice(0, depth).join('/')}/`) === folder ? spelled.slice(depth).join('/') : null
}

const sameSpelling = (path: string) => percentBytes(path).toString('latin1')

/** As `decodePercent`, for Python: a byte that is not UTF-8 is there the UTF-8 of the surrogate that stands for it. */
export function decodePythonName(raw: string): string {
  if (!/%ED%B[23]%/i.test(raw)) return decodePercent(raw)
  const bytes = percentBytes(raw)
    .toString('latin1')
    .replace(/\xed([\xb2\xb3])([\x80-\xbf])/g, (_all, high: string, low: string) =>
      String.fromCharCode(((high.charCodeAt(0) & 0x03) << 6) | (low.charCodeAt(0) & 0x3f)),
    )
  return nameOfBytes(Buffer.from(bytes, 'latin1'))
}

/** The text of a page, in which bytes that are not UTF-8 are what names.ts makes of them. */
export function decodePage(bytes: Buffer): string {
  const text = bytes.toString('utf8')
  if (!text.includes('\ufffd')) return text
  // Few lines have such bytes, and reading every byte of a page is slow.
  const lines: string[] = []
  for (let from = 0, end = 0; end < bytes.length; from = end) {
    end = bytes.indexOf(LINE_END, from) + 1 || bytes.length
    lines.push(nameOfBytes(bytes.subarray(from, end)))
  }
  return lines.join('')
}

const LINE_END = 0x0a

/** The percent-encoded form of a name, byte by byte. */
export function encodeName(name: string): string {
  if (/^[\w.~-]*$/.test(name)) return name
  return name.isWellFormed() ? encodeURIComponent(name) : percentEncode(bytesOf(name))
}

function percentEncode(bytes: Buffer): string {
  return bytes
    .toString('latin1')
    .replace(/[^\w.~-]/g, (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`)
}

/** Why a name cannot be a file of a mirror; null when it can. */
export function nameProblem(name: string): string | null {
  if (/^[\w~+@=,-][\w.~+@=, -]{0,254}$/.test(name)) return null
  if (name === '' || name === '.' || name === '..') return 'is not a name'
  if (/[/\\\u0000-\u001f\u007f-\u009f]/.test(name)) return 'has a slash, backslash or control character in it'
  // Only these stand for bytes: every other lone surrogate could become a slash on the disk.
  if (/[\ud800-\udfff]/.test(name) && /(?![\udc80-\udcff])\p{Cs}/u.test(name)) return 'is not text'
  return bytesOf(name).length > 255 ? 'is longer than the 255 bytes that a disk can keep' : null
}

/** A name as `nameOfBytes` gives it, or why it cannot be mirrored. */
export function checkName(name: string): string | Refused {
  const why = nameProblem(name)
  if (why !== null) return { name, why }
  // Bytes that were given one by one may be a character together.
  return name.isWellFormed() ? name : nameOfBytes(bytesOf(name))
}
