// store.ts — The LFS objects of a repository on disk, laid out as git-lfs does, and what is known about them. Contacts
// no server.
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { gitFailure } from '../git/errors.ts'
import { replaceFile } from '../git/repository.ts'
import type { SyncContext } from '../../provider.ts'

/** A file that Git LFS keeps outside of the repository. */
export interface LfsObject {
  /** Its sha256, lower-case hex. */
  readonly oid: string
  /** Bytes. */
  readonly size: number
}

/**
 * What is known about the LFS objects of a repository. The file lies in the repository, so that it goes with the
 * objects: into the next generation, and back to an earlier one.
 */
export interface LfsState {
  /** Object ids of refs whose LFS objects are here, or in `missing`. */
  readonly tips: readonly string[]
  /** Objects the upstream itself does not have: the first MISSING_KEPT, and the count of all. */
  readonly missing: readonly LfsObject[]
  readonly missingCount: number
  /** Size of all objects. */
  readonly bytes: number
  /** When everything was last checked, ISO 8601. */
  readonly checkedAt: string
  /** How often everything was checked; decides which part is read next. */
  readonly round: number
}

/** Missing objects that are remembered by name; the weekly check requests the others again. */
export const MISSING_KEPT = 10_000

/** Parts in which all objects are read, one each week. */
export const ROUNDS = 4

/** What is remembered of a copy's LFS files, below its folder. */
export const STATE_FILE = 'lfs/kagami.json'

const stateFile = (gitDir: string) => join(gitDir, STATE_FILE)

/** The state; null when there is none that can be read: then everything is checked again. */
export function readState(gitDir: string): LfsState | null {
  try {
    const state = JSON.parse(readFileSync(stateFile(gitDir), 'utf8')) as LfsState
    return Array.isArray(state.tips) && Array.isArray(state.missing) && Number.isFinite(state.bytes) ? state : null
  } catch {
    return null
  }
}

/** Writes the state durably: to another file, flushed, renamed. */
export function writeState(gitDir: string, state: LfsState): void {
  replaceFile(stateFile(gitDir), JSON.stringify(state))
}

/** Path of an object below a repository. */
export function objectPath({ oid }: Pick<LfsObject, 'oid'>): string {
  return join('lfs', 'objects', oid.slice(0, 2), oid.slice(2, 4), oid)
}

/** Whether an object is there with its size. Its bytes were checked on arrival, and `findDamaged` checks them again. */
export function hasObject(gitDir: string, object: LfsObject): boolean {
  return statSync(join(gitDir, objectPath(object)), { throwIfNoEntry: false })?.size === object.size
}

/** Bytes of all objects, counted. */
export function countBytes(gitDir: string): number {
  const root = join(gitDir, 'lfs', 'objects')
  return [...oidsIn(gitDir)].reduce(
    (sum, oid) =>
      sum + (statSync(join(root, oid.slice(0, 2), oid.slice(2, 4), oid), { throwIfNoEntry: false })?.size ?? 0),
    0,
  )
}

/** Every directory between an object and the repository, paths below it. */
export function foldersOf({ oid }: LfsObject): string[] {
  return [
    join('lfs', 'objects', oid.slice(0, 2), oid.slice(2, 4)),
    join('lfs', 'objects', oid.slice(0, 2)),
    join('lfs', 'objects'),
    'lfs',
    '',
  ]
}

/**
 * Reads one of `ROUNDS` parts of the objects, or all of them (null), and returns those with wrong bytes. sha256sum
 * reads them, because that may take hours of CPU.
 */
export async function findDamaged(context: SyncContext, gitDir: string, round: number | null): Promise<Set<string>> {
  const root = join(gitDir, 'lfs', 'objects')
  const isDue = (oid: string) => round === null || Number.parseInt(oid[0]!, 16) % ROUNDS === round % ROUNDS
  const names = [...oidsIn(gitDir)].filter(isDue)
  const all = new Set<string>()
  while (names.length > 0) {
    const stdin = names
      .splice(0, 1000)
      .map((oid) => `${oid}  ${oid.slice(0, 2)}/${oid.slice(2, 4)}/${oid}\n`)
      .join('')
    const damaged: string[] = []
    const onLine = (line: string, stream: string) => {
      const oid = /([0-9a-f]{64}): FAILED/.exec(line)?.[1]
      if (stream === 'stdout' && oid) damaged.push(oid)
      return stream !== 'stdout'
    }
    const exit = await context.run('sha256sum', ['-c', '-'], { cwd: root, stdin, onLine, silent: true })
    if (exit.code !== 0 && damaged.length === 0) throw gitFailure(exit)
    for (const oid of damaged) {
      context.log(`the LFS object ${oid} is damaged: it is fetched anew`)
      all.add(oid)
    }
  }
  return all
}

function* oidsIn(gitDir: string): Iterable<string> {
  const root = join(gitDir, 'lfs', 'objects')
  for (const first of shards(root)) {
    for (const second of shards(join(root, first))) {
      for (const oid of entries(join(root, first, second)))
        if (/^[0-9a-f]{64}$/.test(oid) && oid.startsWith(first + second)) yield oid
    }
  }
}

const shards = (folder: string) => entries(folder).filter((entry) => /^[0-9a-f]{2}$/.test(entry))

function entries(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return []
    throw error
  }
}
