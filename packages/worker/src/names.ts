// names.ts — Names of files are bytes, and not all of them are UTF-8. Here they are carried as text: what is UTF-8 as
// it is, every other byte as one lone surrogate between U+DC80 and U+DCFF (the "surrogateescape" of Python, PEP 383).
// Such a text gives the same bytes back; only `pathBytes` may hand it to the system, and only `showName` to people.
import { lstatSync, readdirSync, renameSync, rmdirSync, rmSync, unlinkSync } from 'node:fs'
import { copyFile, open } from 'node:fs/promises'

const ESCAPE = 0xdc00

/** The name that bytes from the disk or from an upstream mean. */
export const nameOfBytes = (bytes: Buffer): string => nameWithin(bytes, 0, bytes.length)

/** The name that a part of bytes means. */
export function nameWithin(bytes: Buffer, from: number, to: number): string {
  const text = bytes.toString('utf8', from, to)
  return text.includes('\ufffd') ? decodeEscaped(bytes.subarray(from, to)) : text
}

function decodeEscaped(bytes: Buffer): string {
  let text = ''
  for (let at = 0; at < bytes.length;) {
    const length = characterLength(bytes, at)
    text += length === 0 ? String.fromCharCode(ESCAPE + bytes[at]!) : bytes.toString('utf8', at, at + length)
    at += length || 1
  }
  return text
}

/** Bytes of the UTF-8 character that begins at a place; 0 when none does. */
function characterLength(bytes: Buffer, at: number): number {
  const lead = bytes[at]!
  if (lead < 0x80) return 1
  const length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2
  const character = bytes.subarray(at, at + length)
  const text = character.toString('utf8')
  // U+FFFD is what the decoder writes for damage, but may be meant.
  if (text.includes('\ufffd')) return character.equals(Buffer.from('\ufffd')) ? length : 0
  return character.length === length ? length : 0
}

/** The name that a percent-encoded text means; a `%` that is followed by no byte stays. */
export function decodePercent(text: string): string {
  if (!text.includes('%')) return text
  try {
    return decodeURIComponent(text)
  } catch {
    return nameOfBytes(percentBytes(text))
  }
}

/** The bytes that a percent-encoded text means. */
export function percentBytes(text: string): Buffer {
  if (!text.includes('%')) return bytesOf(text)
  const pieces = text.split(/((?:%[\da-f]{2})+)/i)
  return Buffer.concat(
    pieces.map((piece, index) => (index % 2 === 0 ? bytesOf(piece) : Buffer.from(piece.replaceAll('%', ''), 'hex'))),
  )
}

/** A path as node:fs must be given it: text while that says the same bytes, which is faster, else bytes. */
export function pathBytes(path: string): string | Buffer {
  return path.isWellFormed() ? path : bytesOf(path)
}

/** The bytes of a name or path. */
export function bytesOf(path: string): Buffer {
  if (path.isWellFormed()) return Buffer.from(path)
  const pieces = path.split(/(\p{Cs}+)/u)
  return Buffer.concat(
    pieces.map((piece, index) =>
      index % 2 === 0 ? Buffer.from(piece) : Buffer.from(Array.from(piece, (unit) => unit.charCodeAt(0) - ESCAPE)),
    ),
  )
}

/** One entry of a folder. */
export interface DiskEntry {
  readonly name: string
  isFile(): boolean
  isDirectory(): boolean
  isSymbolicLink(): boolean
}

/** The entries of a folder, unsorted. Throws what readdir throws. */
export function readEntries(folder: string): DiskEntry[] {
  const entries: DiskEntry[] = readdirSync(pathBytes(folder), { withFileTypes: true })
  if (!entries.some(({ name }) => name.includes('\ufffd'))) return entries
  return readdirSync(pathBytes(folder), { withFileTypes: true, encoding: 'buffer' }).map((entry) => ({
    name: nameOfBytes(entry.name),
    isFile: () => entry.isFile(),
    isDirectory: () => entry.isDirectory(),
    isSymbolicLink: () => entry.isSymbolicLink(),
  }))
}

/** Removes a file, or a folder with everything in it; does nothing when it is not there. */
export function removePath(path: string): void {
  // Node's rmSync decodes a path it is given as bytes, and then finds nothing to remove.
  if (path.isWellFormed()) return rmSync(path, { recursive: true, force: true })
  const found = lstatSync(pathBytes(path), { throwIfNoEntry: false })
  if (!found) return
  if (!found.isDirectory()) return unlinkSync(pathBytes(path))
  for (const { name } of readEntries(path)) removePath(`${path}/${name}`)
  rmdirSync(pathBytes(path))
}

/** The end of the name of a file whose bytes are just being written beside its place. */
export const PART_SUFFIX = '.kagami-part'

/** Moves a file: by one rename, also when that is on another disk, where its bytes are written beside it before. */
export async function moveAnywhere(from: string, to: string): Promise<void> {
  try {
    return renameSync(pathBytes(from), pathBytes(to))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EXDEV') throw error
  }
  const part = pathBytes(`${to}${PART_SUFFIX}`)
  await copyFile(pathBytes(from), part)
  const { atime, mtime, mode } = lstatSync(pathBytes(from))
  const handle = await open(part, 'r+')
  try {
    await handle.chmod(mode & 0o7777)
    await handle.utimes(atime, mtime)
    await handle.sync()
  } finally {
    await handle.close()
  }
  renameSync(part, pathBytes(to))
  unlinkSync(pathBytes(from))
}

/** Text for people in which each byte that is not UTF-8 is written as `ls -b` does: `caf\351.txt`. */
export function escapeBytes(text: string): string {
  return text.isWellFormed() ? text : text.replace(/\p{Cs}/gu, (unit) => octal(unit.charCodeAt(0) - ESCAPE))
}

/** A name for people, unambiguous on one line: as `escapeBytes`, with backslashes and control characters escaped. */
export function showName(name: string): string {
  return escapeBytes(
    name.replace(/[\\\u0000-\u001f\u007f-\u009f]/g, (found) =>
      found === '\\' ? '\\\\' : [...Buffer.from(found)].map(octal).join(''),
    ),
  )
}

const octal = (byte: number) => `\\${(byte & 0xff).toString(8).padStart(3, '0')}`

/**
 * Names that no file and no folder of an upstream can have in a copy, because something else is kept under them. What
 * has one is left out, and counted. rsync, at any depth: incomplete files, also those of an upstream that is just being
 * changed. http, at the top of a tree: what is remembered of a first copy.
 */
export const RESERVED = { rsync: '.~tmp~', http: '.kagami-http' } as const

/** Why such a name is left out. */
export const RESERVED_WHY = 'the name is reserved for incomplete files and for notes of Kagami'

/** The folder that mkfs makes at the top of a disk, for root and fsck alone. */
export const DISK_OWN = 'lost+found'

/** Why it is left out where the disk of a copy has one. */
export const DISK_OWN_WHY = 'the disk of the copy has a folder of its own under this name'

/**
 * Whether a folder is the top of a disk with a folder of its own, which is never read, changed or deleted. A copy of
 * an upstream's has other rights.
 */
export function hasDiskOwn(folder: string): boolean {
  try {
    const found = lstatSync(pathBytes(`${folder}/${DISK_OWN}`), { throwIfNoEntry: false })
    return found !== undefined && found.isDirectory() && found.uid === 0 && (found.mode & 0o077) === 0
  } catch {
    // What cannot be looked at is told by whoever reads the folder.
    return false
  }
}
