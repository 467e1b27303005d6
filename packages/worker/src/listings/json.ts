// json.ts — Listings as JSON: nginx with autoindex_format json, and Caddy when asked for it.
import type { Entry, Listing, Problem, Refused } from './listing.ts'
import { checkName, decodePage, encodeName, targetBelow } from './names.ts'
import { readStandardDate } from './times.ts'
import { CADDY_FULL, CADDY_MAX } from './whole.ts'
import { decodePercent } from '../names.ts'

/** What a page of JSON lists; null when it is no array of entries. */
export function parseJson(bytes: Buffer): Listing | Problem | null {
  // nginx writes the bytes of names as they are, so the page need not be UTF-8.
  const text = decodePage(bytes)
  let rows: unknown
  try {
    rows = JSON.parse(text)
  } catch {
    return text.trimStart().startsWith('[') ? { problem: BROKEN, likely: true } : null
  }
  if (!Array.isArray(rows) || !rows.every(isRow)) return null
  const found = rows.filter(({ name }) => name !== './' && name !== '../')
  const format = formatOf(found)
  const entries: Entry[] = []
  const refused: Refused[] = []
  for (const row of found) {
    const named = nameOf(row)
    if ('why' in named) refused.push(named)
    else entries.push(entryOf(row, named, format))
  }
  const incomplete = format === 'caddy-json' && found.length === CADDY_MAX ? CADDY_FULL : null
  return { format, entries, refused, incomplete, next: null }
}

const BROKEN = 'the listing is JSON that ends in the middle or is damaged'

/** nginx: name, type, mtime, size. Caddy: name, is_dir, mod_time, size, url, is_symlink. */
interface Row {
  readonly name: string
  readonly type?: unknown
  readonly is_dir?: unknown
  readonly is_symlink?: unknown
  readonly url?: unknown
  readonly mtime?: unknown
  readonly mod_time?: unknown
  readonly size?: unknown
}

function isRow(row: unknown): row is Row {
  const { name, type, is_dir: isDirectory } = (row ?? {}) as Row
  return typeof name === 'string' && (typeof type === 'string' || typeof isDirectory === 'boolean')
}

function formatOf(rows: readonly Row[]): string | null {
  // ngx_http_autoindex_module.c: times as in headers, a number of bytes for files.
  if (rows.every(({ type, mtime }) => typeof type === 'string' && String(mtime).endsWith(' GMT'))) return 'nginx-json'
  // browsetplcontext.go of Caddy: RFC 3339 with nanoseconds, a number of bytes.
  const isCaddy = ({ is_dir: folder, mod_time: time }: Row) => typeof folder === 'boolean' && typeof time === 'string'
  return rows.every(isCaddy) ? 'caddy-json' : null
}

interface Named {
  readonly name: string
  readonly raw: string
}

const HERE = new URL('http://directory.invalid/')

function nameOf({ name: written, url, is_dir: folder }: Row): Named | Refused {
  const plain = written.endsWith('/') ? written.slice(0, -1) : written
  // Go replaces bytes that are not UTF-8, in the name but not in the address.
  const replaced = folder !== undefined && plain.includes('\ufffd')
  const target = replaced && typeof url === 'string' ? targetBelow(url, HERE) : null
  if (replaced && target === null) return { name: plain, why: 'is not UTF-8, and the listing does not give its bytes' }
  const name = checkName(target === null ? plain : decodePercent(target.raw))
  return typeof name === 'string' ? { name, raw: target?.raw ?? encodeName(name) } : name
}

function entryOf(row: Row, named: Named, format: string | null): Entry {
  const directory = row.type === 'directory' || row.is_dir === true
  const said = row.mtime ?? row.mod_time
  // What Caddy says of a symbolic link is about the link, not the file.
  const known = format !== null && !directory && row.is_symlink !== true
  const size = typeof row.size === 'number' && Number.isSafeInteger(row.size) && row.size >= 0 ? row.size : null
  const time = format !== null && row.is_symlink !== true && typeof said === 'string' ? readStandardDate(said) : null
  return {
    name: named.name,
    directory,
    raw: named.raw,
    size: known ? size : null,
    exact: known && size !== null,
    time: time?.time ?? null,
    grain: time?.grain ?? 1000,
    stamp: `${String(said)} ${directory ? null : size}`,
  }
}
