// disk-error.ts — What a disk says no to, in words: which file, why, and what to do. Such an error is no fault in
// Kagami.
import { ConfigError } from './config.ts'

const SPACE = 'Free space on that disk, and start it again.'
const RIGHTS = 'Let the user of this program read and write it (chown, chmod), and start it again.'
const HARDWARE = 'Look at the disk (dmesg), and start it again once it can be read.'
const PLACE = 'Move away what is in its place, and start it again.'
const DESCRIPTORS = 'Raise the limit of open files (ulimit -n, LimitNOFILE=), and start it again.'

/** By error code: what is so, and the cure. */
const CODES: Readonly<Record<string, readonly [reason: string, cure: string]>> = {
  EACCES: ['this user has no right to', RIGHTS],
  EPERM: ['this user has no right to', RIGHTS],
  EISDIR: ['a directory is in its place', PLACE],
  ENOTEMPTY: ['a directory is in its place', PLACE],
  ENOTDIR: ['a part of its path is not a directory', PLACE],
  EEXIST: ['a file is in the place of the directory', PLACE],
  ELOOP: ['it is a link that leads to itself', PLACE],
  EIO: ['the disk fails', HARDWARE],
  ENOSPC: ['no space is left', SPACE],
  EDQUOT: ['the quota of this user is used up', SPACE],
  EFBIG: ['a limit on the size of files is reached', SPACE],
  EROFS: ['the filesystem is read-only', 'Mount it writable (a disk that fails becomes read-only: dmesg).'],
  EMFILE: ['this process has no file descriptors left', DESCRIPTORS],
  ENFILE: ['this machine has no file descriptors left', DESCRIPTORS],
}

/** What a file or directory says no to, as a ConfigError that names it; null when the error is something else. */
export function diskProblem(error: unknown): ConfigError | null {
  const { code, path, dest } = error as NodeJS.ErrnoException & { dest?: string }
  const words = CODES[code ?? '']
  if (!words || path === undefined) return null
  return new ConfigError(`${dest ?? path} cannot be used: ${words[0]} (${code})`, words[1])
}

/** Whether the process had no means to look: then nothing is known of the file. */
export function couldNotLook(error: unknown): boolean {
  return ['EMFILE', 'ENFILE', 'ENOMEM', 'EAGAIN', 'EINTR'].includes((error as NodeJS.ErrnoException).code ?? '')
}

/** Why a file cannot be read, in a few words after its name. */
export function readProblem(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  return `cannot be read: ${CODES[code ?? '']?.[0] ?? message} (${code})`
}
