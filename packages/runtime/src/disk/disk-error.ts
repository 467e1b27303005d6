// disk-error.ts — What this machine says no to, in words: which file, whose fault, why, and what to do. Such an error
// is no fault in Kagami. The one table of error codes of files and disks.
import { accessSync, constants, existsSync, mkdirSync, readFileSync, rmdirSync, statfsSync, statSync } from 'node:fs'
import { constants as system, userInfo } from 'node:os'
import { dirname, join, relative, sep } from 'node:path'
import { getSystemErrorName } from 'node:util'
import type { FailureReason } from '@kagami/protocol'
import { ConfigError } from '../config.ts'

/** Who acts next: whoever frees space, owns the files, or looks after the disk. */
export type DiskReason = Extract<FailureReason, 'disk_full' | 'local_denied' | 'disk_error'>

interface Meaning {
  /** Null: what stands at the path is of another kind than expected, which is no refusal of the machine. */
  readonly reason: DiskReason | null
  readonly words: string
  /** The cure when a program does not start. */
  readonly start: string
}

const SPACE = 'Free space on that disk, and start it again.'
const RIGHTS = 'Let the user of this program read and write it (chown, chmod), and start it again.'
const HARDWARE = 'Look at the disk (dmesg), and start it again once it can be read.'
const PLACE = 'Move away what is in its place, and start it again.'
const WRITABLE = 'Mount it writable (a disk that fails becomes read-only: dmesg).'
const DESCRIPTORS = 'Raise the limit of open files (ulimit -n, LimitNOFILE=), and start it again.'

const full = (words: string): Meaning => ({ reason: 'disk_full', words, start: SPACE })
const denied = (words: string): Meaning => ({ reason: 'local_denied', words, start: RIGHTS })
const failing = (words: string, start = HARDWARE): Meaning => ({ reason: 'disk_error', words, start })
const inTheWay = (words: string): Meaning => ({ reason: null, words, start: PLACE })
const noMeans = (words: string): Meaning => ({ reason: null, words, start: DESCRIPTORS })

/** By error code: whose fault it is, what is so, and the cure. */
const CODES: Readonly<Record<string, Meaning>> = {
  EACCES: denied('this user has no right to it'),
  EPERM: denied('this user has no right to it'),
  EISDIR: inTheWay('a directory is in its place'),
  ENOTEMPTY: inTheWay('a directory is in its place'),
  ENOTDIR: inTheWay('a part of its path is not a directory'),
  EEXIST: inTheWay('a file is in the place of the directory'),
  ELOOP: inTheWay('it is a link that leads to itself'),
  EIO: failing('the disk fails'),
  EUCLEAN: failing('the filesystem is damaged'),
  ESTALE: failing('its filesystem is not reached any more'),
  ENOTCONN: failing('its filesystem is not reached any more'),
  EHOSTDOWN: failing('its filesystem is not reached any more'),
  EREMOTEIO: failing('its filesystem is not reached any more'),
  ENXIO: failing('its disk is gone'),
  ENODEV: failing('its disk is gone'),
  ENOSPC: full('no space is left'),
  EDQUOT: full('the quota of this user is used up'),
  EFBIG: full('a limit on the size of files is reached'),
  EROFS: failing('the filesystem is read-only', WRITABLE),
  EMFILE: noMeans('this process has no file descriptors left'),
  ENFILE: noMeans('this machine has no file descriptors left'),
}

/** As the C library writes them, and so every tool. */
const WRITTEN: Readonly<Record<string, string>> = {
  'Permission denied': 'EACCES',
  'insufficient permission': 'EACCES',
  'Operation not permitted': 'EPERM',
  'Input/output error': 'EIO',
  'Structure needs cleaning': 'EUCLEAN',
  'Stale file handle': 'ESTALE',
  'Transport endpoint is not connected': 'ENOTCONN',
  'Host is down': 'EHOSTDOWN',
  'Remote I/O error': 'EREMOTEIO',
  'No such device': 'ENODEV',
  'No space left on device': 'ENOSPC',
  'Disk quota exceeded': 'EDQUOT',
  'File too large': 'EFBIG',
  'Read-only file system': 'EROFS',
}

/** Every refusal of this machine as tools write it, for patterns. */
export const writtenRefusals: readonly string[] = Object.keys(WRITTEN)

/** The code that a number of the system means, or the words of a tool; null when it is no refusal of this machine. */
export function refusalCode(said: number | string): string | null {
  const code = typeof said === 'string' ? WRITTEN[said] : nameOfErrno(said)
  return code !== undefined && CODES[code]?.reason ? code : null
}

/** What Node calls "Unknown system error -122"; the last has no name there at all. */
const UNNAMED = new Map([
  [system.errno.EDQUOT, 'EDQUOT'],
  [system.errno.ESTALE, 'ESTALE'],
  [117, 'EUCLEAN'],
])

/** The code of an error of the system; undefined when it is none. */
function codeOf(error: unknown): string | undefined {
  const { code, errno = 0, message } = error as NodeJS.ErrnoException
  // rmSync gives most errors no code, only the words of the C library.
  const [, words = ''] = code === '' ? (/^, Unknown error: (.*) '/.exec(message) ?? []) : []
  return UNNAMED.get(-errno) ?? WRITTEN[words] ?? code
}

function nameOfErrno(errno: number): string | undefined {
  try {
    return UNNAMED.get(errno) ?? (errno > 0 ? getSystemErrorName(-errno) : undefined)
  } catch {
    // A number that this system does not have.
    return undefined
  }
}

/** Something of this machine that refuses an operation. */
export interface DiskRefusal {
  readonly reason: DiskReason
  readonly code: string
  readonly path: string
  /** What is so, after the path. */
  readonly problem: string
  /** The command that mends it. */
  readonly cure: string
}

/**
 * What this machine refuses, in words. `place`: the folder that all of it is for, which stands for what has no path.
 * Null: the error is something else.
 */
export function diskRefusal(error: unknown, place: string): DiskRefusal | null {
  const found = refusedPath(error, place)
  const meaning = found && CODES[found.code]
  if (!found || !meaning?.reason) return null
  const { code, path } = found
  const inodes = code === 'ENOSPC' && lacksInodes(path)
  const words = inodes ? 'no inodes are left' : meaning.words
  return {
    reason: meaning.reason,
    code,
    path,
    problem: `${words.replace('this user', `${userHere()}, the user of this program,`)} (${code})`,
    cure: meaning.reason === 'local_denied' ? ownerCure(path, place) : cureOf(code, path, inodes),
  }
}

/** Files that the filesystem of a path can still take; Infinity where there is no such limit or it is not known. */
export function freeInodes(path: string): number {
  try {
    const { files, ffree } = statfsSync(existingParent(path))
    return files > 0 ? ffree : Infinity
  } catch {
    return Infinity
  }
}

/** A run that failed frees some at once: few inodes beside much space are what was missing. */
function lacksInodes(path: string): boolean {
  const free = freeInodes(path)
  if (free === 0 || free >= FEW_INODES) return free === 0
  const { bavail, bsize } = statfsSync(existingParent(path))
  return bavail * bsize >= MUCH_BYTES
}

const FEW_INODES = 100
const MUCH_BYTES = 64 * 1024 * 1024

interface Refused {
  readonly code: string
  readonly path: string
}

/** What was written to an open file carries no path. */
const PATHLESS = new Set(['ENOSPC', 'EDQUOT', 'EROFS', 'EIO', 'ESTALE', 'EUCLEAN', 'EFBIG'])

function refusedPath(error: unknown, place: string): Refused | null {
  if (!(error instanceof Error)) return null
  const { path, dest, syscall = '' } = error as NodeJS.ErrnoException & { dest?: string }
  const code = codeOf(error)
  if (code === undefined || /^(spawn|connect|bind|listen|getaddrinfo)/.test(syscall))
    return refusedPath(error.cause, place)
  const at = dest ?? path
  if (at === undefined) return PATHLESS.has(code) ? { code, path: place } : refusedPath(error.cause, place)
  // A recursive mkdir says ENOENT where the system said that it may not.
  if (code === 'ENOENT' && syscall === 'mkdir') return refusedParent(at)
  return { code, path: at }
}

function refusedParent(path: string): Refused | null {
  const parent = existingParent(dirname(path))
  try {
    accessSync(parent, constants.W_OK)
    // A disk that failed is told only to those who write.
    const first = join(parent, relative(parent, path).split(sep)[0] ?? '')
    mkdirSync(first)
    rmdirSync(first)
    return null
  } catch (error) {
    return { code: codeOf(error) ?? '', path: parent }
  }
}

function existingParent(path: string): string {
  return path === dirname(path) || existsSync(path) ? path : existingParent(dirname(path))
}

/** The whole of what belongs to somebody else: one file after the other would fail next. */
function ownerCure(path: string, place: string): string {
  const uid = process.getuid?.() ?? 0
  const whole = path.startsWith(`${place}/`) ? place : foreignFolder(existingParent(path), uid)
  if (uid !== 0) return `Give it to that user, as root: chown -R ${uid} ${quoted(whole)}`
  return `Not even root may: look for a flag (lsattr -R ${quoted(whole)}; chattr -R -i), or a mount that denies it.`
}

/** The highest folder above a path up to which all belongs to another user. */
function foreignFolder(path: string, uid: number): string {
  const parent = dirname(path)
  const foreign = parent !== path && statSync(parent, { throwIfNoEntry: false })?.uid !== uid
  return foreign && dirname(parent) !== parent ? foreignFolder(parent, uid) : path
}

function cureOf(code: string, path: string, inodes: boolean): string {
  const mount = mountOf(path)
  if (code === 'EROFS')
    return `Mount it writable: mount -o remount,rw ${quoted(mount)} (a disk that fails becomes read-only: dmesg).`
  if (code === 'EDQUOT') return `Free space of that user on ${mount}, or raise the quota (quota, setquota).`
  if (code === 'ENOSPC' && inodes) return `Remove files on ${mount}: df -i ${quoted(mount)} shows how many it can take.`
  if (CODES[code]?.reason === 'disk_full') return `Free space on ${mount} (df ${quoted(mount)}).`
  const at = quoted(mount)
  return `Look at the disk of ${mount} (dmesg), then mount it again: umount -l ${at} && mount ${at}`
}

const quoted = (path: string) => (/^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`)

/** The user of this process as people know it. */
export function userHere(): string {
  const uid = process.getuid?.() ?? 0
  try {
    return `user ${userInfo().username} (uid ${uid})`
  } catch {
    // A container may run as a user that no file names.
    return `uid ${uid}`
  }
}

/** The mount point that a path is on; the root where that is not known. */
function mountOf(path: string): string {
  try {
    const points = readFileSync('/proc/self/mounts', 'utf8')
      .split('\n')
      .map((line) =>
        (line.split(' ')[1] ?? '').replace(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(parseInt(octal, 8))),
      )
    const above = points.filter(
      (point) => point !== '' && (path === point || path.startsWith(`${point.replace(/\/$/, '')}/`)),
    )
    return above.sort((a, b) => b.length - a.length)[0] ?? '/'
  } catch {
    return '/'
  }
}

/** What a file or directory says no to, as a ConfigError that names it; null when the error is something else. */
export function diskProblem(error: unknown): ConfigError | null {
  const { path, dest } = error as NodeJS.ErrnoException & { dest?: string }
  const code = codeOf(error)
  const meaning = CODES[code ?? '']
  if (!meaning || path === undefined) return null
  return new ConfigError(`${dest ?? path} cannot be used: ${meaning.words} (${code})`, meaning.start)
}

/** Whether the process had no means to look: then nothing is known of the file. */
export function couldNotLook(error: unknown): boolean {
  return ['EMFILE', 'ENFILE', 'ENOMEM', 'EAGAIN', 'EINTR'].includes((error as NodeJS.ErrnoException).code ?? '')
}

/** Why a file cannot be read, in a few words after its name. */
export function readProblem(error: unknown): string {
  const code = codeOf(error)
  return `cannot be read: ${CODES[code ?? '']?.words ?? (error as Error).message} (${code})`
}
