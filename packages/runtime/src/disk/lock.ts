// lock.ts — One process at a time for a file, across containers too. The kernel releases the lock when the process
// ends, however it ends.
import { spawn } from 'node:child_process'
import { closeSync, constants, fstatSync, openSync, statSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { dirname } from 'node:path'
import { ConfigError } from '../config.ts'
import { readIfThere } from './files.ts'

/** A lock that this process has. */
export interface Lock {
  /**
   * Who had the lock before, when that was under another kernel and did not release it: "process 7 on host". Only then
   * may they still have it, on a network filesystem that knows no locks.
   */
  readonly left: string | null
  /** Shows such others that this process lives: the file names it again. Never throws. */
  touch(): void
  /** Whether the file still names this process: another one that lives has put its own name into it. */
  isOurs(): boolean
  release(): void
  /** Gives the lock up to the one that it was left by. */
  yield(): void
}

/**
 * Locks the file at `path`, which is created when it is missing; null when another process has the lock. On a disk that
 * takes no new file, its directory is locked instead. Throws what the system says to opening it, and ConfigError when
 * there is no program flock.
 *
 * A lock by flock(2) belongs to the open file, not to the process that asked for it: the program of util-linux locks
 * our descriptor and ends. Being of the filesystem, it also holds between containers with networks of their own.
 */
export async function lockFile(path: string): Promise<Lock | null> {
  // A file that is open for writing would keep its disk from being made read-only; NFS locks no other.
  for (let access = constants.O_RDONLY; ;) {
    const file = openLock(path, access)
    const answer = await flock(file).catch((error: unknown) => {
      closeSync(file)
      throw error
    })
    if (answer === 'locked' && isStillThere(path, file)) return lockIn(path, file)
    closeSync(file)
    if (answer === 'taken') return null
    if (answer === 'refused') {
      if (access === constants.O_RDWR)
        throw new ConfigError(`${path} cannot be locked`, 'Its filesystem must know locks.')
      access = constants.O_RDWR
    }
    // Otherwise somebody removed the file meanwhile: what was locked is no longer what others would lock.
  }
}

/** Who has the lock, as far as it is written in the file: "process 7 on host"; null when it is not. */
export function ownerOf(path: string): string | null {
  const [host, pid] = linesOf(path)
  return host && pid ? `process ${pid} on ${host}` : null
}

function lockIn(path: string, file: number): Lock {
  const boot = linesOf(path)[2]
  const left = boot && boot !== bootId() ? ownerOf(path) : null
  const self = `${hostname()}\n${process.pid}\n${bootId()}\n`
  const isOurs = () => linesOf(path).join('\n') === self
  // In place of a directory that is locked no file may appear: others would lock that one.
  const named = !fstatSync(file).isDirectory()
  const write = (text: string) => tolerate(() => named && isStillThere(path, file) && writeFileSync(path, text))
  write(self)
  return {
    left,
    touch: () => write(self),
    isOurs,
    release() {
      if (isOurs()) write('')
      closeSync(file)
    },
    yield: () => closeSync(file),
  }
}

function openLock(path: string, access: number): number {
  const { O_CREAT, O_RDONLY } = constants
  try {
    return openSync(path, access | O_CREAT, 0o600)
  } catch (error) {
    if (!['EROFS', 'ENOSPC', 'EDQUOT', 'EISDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
  }
  try {
    return openSync(path, O_RDONLY)
  } catch {
    return openSync(dirname(path), O_RDONLY)
  }
}

/** The exit code that we ask flock for when the lock is taken. */
const TAKEN = 75

/** `locked`: it was free, and is ours. `refused`: the filesystem does not lock a file that is opened like this. */
function flock(file: number): Promise<'locked' | 'taken' | 'refused'> {
  return new Promise((resolve, reject) => {
    const program = spawn('flock', ['-n', '-x', '-E', String(TAKEN), '3'], {
      stdio: ['ignore', 'ignore', 'ignore', file],
      env: { PATH: `${process.env['PATH'] ?? ''}:/usr/bin:/bin` },
    })
    program.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        error.code === 'ENOENT'
          ? new ConfigError('the program flock was not found', 'Install util-linux: apt-get install util-linux')
          : error,
      ),
    )
    program.once('exit', (code) => resolve(code === 0 ? 'locked' : code === TAKEN ? 'taken' : 'refused'))
  })
}

function isStillThere(path: string, file: number): boolean {
  const locked = fstatSync(file)
  if (locked.isDirectory()) return true
  const present = statSync(path, { throwIfNoEntry: false })
  return present?.ino === locked.ino && present.dev === locked.dev
}

function linesOf(path: string): string[] {
  try {
    return readIfThere(path)?.split('\n') ?? []
  } catch {
    return []
  }
}

/** Which run of which kernel this is: locks hold among all processes of one. */
function bootId(): string {
  return linesOf('/proc/sys/kernel/random/boot_id')[0] ?? hostname()
}

/** What the file says is a help for people and for filesystems without locks; the lock holds without it. */
function tolerate(write: () => void): void {
  try {
    write()
  } catch {
    // A disk that takes no write.
  }
}
