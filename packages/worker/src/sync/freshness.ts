// freshness.ts — What "exit 0" does not tell: how old the content is, and whether its indices match its own signed
// list.
import { createHash } from 'node:crypto'
import {
  createReadStream,
  existsSync,
  openSync,
  closeSync,
  readFileSync,
  readSync,
  realpathSync,
  statSync,
} from 'node:fs'
import { join, sep } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { nameOfBytes, pathBytes, readEntries } from '../names.ts'
import { SyncFailure } from '../provider.ts'

const HEAD_BYTES = 4096

/**
 * When the content last changed at its source, as a file in the tree says; null when that file is missing. Throws
 * SyncFailure invalid_options when the file lies outside the tree.
 */
export function contentDate(tree: string, file: string): Date | null {
  const path = join(tree, file)
  if (!path.startsWith(tree + sep))
    throw new SyncFailure('invalid_options', `freshness_file "${file}" is not a path inside the copy`)
  if (!existsSync(path)) return null
  if (!realpathSync(path).startsWith(realpathSync(tree) + sep))
    throw new SyncFailure('invalid_options', `freshness_file "${file}" leads out of the copy`)
  return dateIn(readHead(path)) ?? statSync(path).mtime
}

/**
 * The date at the beginning of a text: Unix seconds or milliseconds, or a date as people, mail and Debian's traces
 * write it. Null when there is none.
 */
export function dateIn(text: string): Date | null {
  const first =
    text
      .split(/\r?\n/)
      .find((line) => line.trim() !== '')
      ?.trim() ?? ''
  const number = /^(?:timestamp[=:]\s*)?(\d{9,10}|\d{12,13})$/i.exec(first)?.[1]
  const date = new Date(
    number
      ? Number(number) * (number.length > 10 ? 1 : 1000)
      : /\d{4}/.test(first)
        ? Date.parse(first.replace(/^date:\s*/i, ''))
        : Number.NaN,
  )
  return Number.isNaN(date.getTime()) ? null : date
}

function readHead(path: string): string {
  const handle = openSync(path, 'r')
  try {
    const buffer = Buffer.alloc(HEAD_BYTES)
    return buffer.toString('utf8', 0, readSync(handle, buffer, 0, HEAD_BYTES, 0))
  } finally {
    closeSync(handle)
  }
}

/**
 * Checks every index below `dists/` against the SHA-256 that its InRelease (or Release) names. Throws SyncFailure
 * content_invalid naming the first that differs.
 */
export async function verifyDebian(tree: string, signal: AbortSignal): Promise<number> {
  const lists = findLists(join(tree, 'dists'), 0)
  if (lists.length === 0)
    throw new SyncFailure('content_invalid', 'verify = "debian", but there is no InRelease below dists/')
  let checked = 0
  for (const list of lists) {
    for (const { digest, size, name } of entriesOf(
      nameOfBytes(readFileSync(pathBytes(join(list.folder, list.file)))),
    )) {
      signal.throwIfAborted()
      const path = join(list.folder, name)
      // A mirror may leave out architectures; what is there must be right.
      if (!path.startsWith(list.folder + sep) || !existsSync(pathBytes(path))) continue
      const shown = path.slice(tree.length + 1)
      const found = statSync(pathBytes(path)).size
      if (found !== size)
        throw new SyncFailure('content_invalid', `${shown} has ${found} bytes where ${list.file} names ${size}`)
      if ((await sha256(path)) !== digest)
        throw new SyncFailure('content_invalid', `${shown} does not have the checksum that ${list.file} names`)
      checked++
    }
  }
  return checked
}

function findLists(folder: string, depth: number): { folder: string; file: string }[] {
  if (!existsSync(pathBytes(folder)) || depth > 4) return []
  for (const file of ['InRelease', 'Release'])
    if (existsSync(pathBytes(join(folder, file))) && depth > 0) return [{ folder, file }]
  return readEntries(folder).flatMap((entry) =>
    entry.isDirectory() ? findLists(join(folder, entry.name), depth + 1) : [],
  )
}

function entriesOf(text: string): { digest: string; size: number; name: string }[] {
  const lines = text.split('\n')
  const start = lines.indexOf('SHA256:') + 1
  if (start === 0) return []
  const end = lines.findIndex((line, index) => index >= start && !line.startsWith(' '))
  return lines.slice(start, end < 0 ? undefined : end).flatMap((line) => {
    const [, digest, size, name] = /^ ([0-9a-f]{64})\s+(\d+)\s+(\S+)$/.exec(line) ?? []
    return digest && size && name ? [{ digest, size: Number(size), name }] : []
  })
}

async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(pathBytes(path)), hash)
  return hash.digest('hex')
}
