// copy.ts — Copies of a published tree to be changed: by hard links, or in full where the filesystem refuses these.
// Also whether a filesystem can have links at all, found out before anything is fetched.
import {
  closeSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readlinkSync,
  readSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { copyingFailure } from '../local-failure.ts'
import { pathBytes } from '../names.ts'
import { SyncFailure, type RunCommand } from '../provider.ts'

const REFUSED = new RegExp(
  '\\blink\\b.*: (Operation not permitted|Operation not supported|Not supported|Function not implemented|' +
    'Too many links|Invalid cross-device link)$',
  'm',
)
const CHUNK_BYTES = 1024 * 1024

/**
 * Copies everything in a folder into another, whose files may be hard links. Returns why they are none where hard links
 * are refused, else null. Throws SyncFailure with what this machine refuses.
 */
export async function copyTree(from: string, to: string, run: RunCommand): Promise<string | null> {
  mkdirSync(to, { recursive: true, mode: 0o755 })
  const linked = await run('cp', ['-al', '--', `${from}/.`, `${to}/`])
  if (linked.code === 0) return null
  const refused = refusalIn(linked.tail)
  if (refused === null) throw copyFailed('by hard links', to, linked)
  rmSync(to, { recursive: true, force: true })
  await copyInFull(from, to, run)
  return refused
}

/** Copies everything in a folder into a new one that shares no file with it. Throws SyncFailure. */
export async function copyInFull(from: string, to: string, run: RunCommand): Promise<void> {
  mkdirSync(to, { recursive: true, mode: 0o755 })
  const copied = await run('cp', ['-a', '--reflink=auto', '--', `${from}/.`, `${to}/`], { silent: true })
  if (copied.code !== 0) throw copyFailed('in full', to, copied)
}

/** Tries in a folder what a copy by hard links needs, with the program that makes it; returns why it is refused. */
export async function linksRefused(folder: string, run: RunCommand): Promise<string | null> {
  mkdirSync(folder, { recursive: true, mode: 0o755 })
  const place = mkdtempSync(join(folder, 'try-'))
  try {
    const [from, to] = [join(place, 'from'), join(place, 'to')]
    for (const one of [from, to]) mkdirSync(one)
    writeFileSync(join(from, 'file'), 'x')
    const said: string[] = []
    const onLine = (line: string) => said.push(line) === 0
    const { code } = await run('cp', ['-al', '--', `${from}/.`, `${to}/`], { onLine })
    return code === 0 ? null : refusalIn(said.join('\n'))
  } finally {
    rmSync(place, { recursive: true, force: true })
  }
}

/** Throws SyncFailure local_conflict when a folder cannot have symbolic links that are replaced by a rename. */
export function requireSymlinks(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o755 })
  const place = mkdtempSync(join(folder, 'try-'))
  try {
    const [link, next] = [join(place, 'link'), join(place, 'next')]
    for (const one of [link, next]) symlinkSync('.', one)
    renameSync(next, link)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === undefined || !['EPERM', 'EOPNOTSUPP', 'ENOTSUP', 'ENOSYS', 'EINVAL', 'EACCES'].includes(code))
      throw error
    throw new SyncFailure(
      'local_conflict',
      `publish = "swap" needs symbolic links, which are refused in ${folder} (${code}); nothing was fetched`,
      { hint: 'Set publish = "in-place", or move data_dir to a filesystem with symbolic links.', cause: error },
    )
  } finally {
    rmSync(place, { recursive: true, force: true })
  }
}

/** What an entry of a copy in full is compared by. */
export interface CopiedEntry {
  readonly copy: string
  readonly original: string
  /** When the copy was complete, by the clock of its filesystem. */
  readonly copiedAtMs: number
}

/**
 * Whether an entry of a copy in full is still what was copied. Bytes are compared only where the entry was touched
 * after it was copied.
 */
export function isUnchanged({ copy, original, copiedAtMs }: CopiedEntry): boolean {
  const [a, b] = [lstatSync(pathBytes(copy)), lstatSync(pathBytes(original))]
  if (a.isSymbolicLink() && b.isSymbolicLink())
    return readlinkSync(pathBytes(copy), 'buffer').equals(readlinkSync(pathBytes(original), 'buffer'))
  if (!a.isFile() || !b.isFile() || a.size !== b.size || a.mode !== b.mode) return false
  if (a.uid !== b.uid || a.gid !== b.gid || Math.floor(a.mtimeMs) !== Math.floor(b.mtimeMs)) return false
  return a.ctimeMs < copiedAtMs || hasSameBytes(copy, original)
}

function hasSameBytes(one: string, other: string): boolean {
  const handles = [one, other].map((path) => openSync(pathBytes(path), 'r')) as [number, number]
  const [a, b] = [Buffer.alloc(CHUNK_BYTES), Buffer.alloc(CHUNK_BYTES)]
  try {
    for (;;) {
      const [read, same] = [readSync(handles[0], a), readSync(handles[1], b)]
      if (read !== same || !a.subarray(0, read).equals(b.subarray(0, same))) return false
      if (read === 0) return true
    }
  } finally {
    for (const handle of handles) closeSync(handle)
  }
}

/** Why the system refused a hard link, in its words; null when something else went wrong. */
function refusalIn(tail: string): string | null {
  return REFUSED.exec(tail)?.[1] ?? null
}

function copyFailed(how: string, to: string, { code, tail }: { code: number | null; tail: string }): SyncFailure {
  const facts = { tail, exitCode: code }
  const message = `the tree cannot be copied ${how}: ${tail.split('\n').at(-1) ?? ''}`
  return copyingFailure(tail, to, facts) ?? new SyncFailure('disk_error', message, facts)
}
