// listed.ts — A run by the names that its dry run listed: rsync is asked for what changed alone, and does not walk the
// whole tree a second time; what is to be deleted goes by our own hands, name by name.
import { PassThrough } from 'node:stream'
import { bytesOf } from '../../names.ts'
import { localFailure } from '../../local-failure.ts'
import type { Exit } from '../../provider.ts'
import { removeEmptyFolders, removeFiles } from '../remove-kept.ts'
import type { RsyncOptions } from './options.ts'

/** With more than so much text the whole tree is walked instead: nothing of a tree's size is held. */
const HELD_MAX = 16 * 1024 * 1024
/** So much text is sent at once. */
const STREAMED = 1024
/** What an entry costs besides its name. */
const ENTRY = 32
/** Options with which an entry depends on others that did not change. */
const NEED_ALL: ReadonlySet<string> = new Set(['--hard-links', '--prune-empty-dirs'])

/** What a run is about to change, by name. A folder's name has a slash at its end. */
export interface Listed {
  readonly changed: readonly string[]
  /** What is in a folder comes before it. */
  readonly lost: readonly string[]
}

/** What decides whether the names of a dry run are enough. */
interface Looked {
  readonly listed: Listed | null
  readonly makesWay: boolean
  readonly unread: string | null
  readonly refused: Error | null
}

/** Collects the names of a dry run, as long as they are not too many. */
export function createNameLists(onChanged: (name: string) => void = () => {}) {
  let lists: { changed: string[]; lost: string[] } | null = { changed: [], lost: [] }
  let held = 0
  const add = (to: 'changed' | 'lost', name: string | null) => {
    held += (name?.length ?? HELD_MAX) + ENTRY
    if (name === null || held > HELD_MAX) lists = null
    else lists?.[to].push(name)
  }
  return {
    /** `isBlocked`: it is new, and something of another kind is in its place, of which the dry run may not tell all. */
    change(name: string | null, { isBlocked }: { isBlocked: boolean }) {
      if (isBlocked) lists = null
      add('changed', name)
      if (lists !== null && name !== null) onChanged(name)
    },
    lose: (name: string | null) => add('lost', name),
    result: (): Listed | null => lists,
  }
}

/** The names by which a run may go; null: all of the upstream must be walked again. */
export function listedOf(
  { extra_options }: RsyncOptions,
  { listed, makesWay, unread, refused }: Looked,
): Listed | null {
  if (listed === null || makesWay || unread !== null || refused !== null) return null
  if (!mayGoByNames({ extra_options })) return null
  // What becomes of another kind is left to rsync.
  const changed = new Set(listed.changed.map(withoutSlash))
  return listed.lost.some((name) => changed.has(withoutSlash(name))) ? null : listed
}

/** Whether the options allow a run by names. */
export const mayGoByNames = ({ extra_options }: Pick<RsyncOptions, 'extra_options'>) =>
  !extra_options.some((option) => NEED_ALL.has(option))

/** What `--files-from=-` with `--from0` reads. */
export function namesOf({ changed }: Pick<Listed, 'changed'>): Uint8Array {
  const below = changed.map(nameOf).join('')
  // The top itself comes with everything below it.
  return bytesOf(below === '' ? TOP : below)
}

const TOP = '.\0'

/** The dot keeps a name from being read as a comment. */
const nameOf = (name: string) => (name === './' ? '' : `./${withoutSlash(name)}\0`)

/** The same as it becomes known, name by name. */
export function createNamesStream() {
  const stream = new PassThrough()
  let held: string[] = []
  let size = 0
  const flush = () => {
    const text = held.map(nameOf).join('')
    if (text !== '') stream.write(bytesOf(text))
    held = []
    size = 0
  }
  return {
    stream,
    add(name: string): void {
      held.push(name)
      size += name.length
      if (size >= STREAMED) flush()
    },
    /** Once all were added. */
    end: ({ changed }: Listed) => (flush(), void stream.end(changed.every((name) => name === './') ? TOP : '')),
  }
}

/**
 * Deletes what was listed, through no link, as far as it is empty or a file. Throws the first error of this machine,
 * once all else is done.
 */
export async function deleteListed(tree: string, { lost }: Listed): Promise<void> {
  let first: Error | null = null
  const refused = (error: Error) => void (first ??= error)
  const isFolder = (name: string) => name.endsWith('/')
  await removeFiles(
    tree,
    lost.filter((name) => !isFolder(name)),
    refused,
  )
  removeEmptyFolders(tree, lost.filter(isFolder).map(withoutSlash), refused)
  if (first !== null) throw localFailure(first, tree) ?? first
}

/** Whether an upstream does not take lists of names: too old, or told not to. */
export function lacksLists({ code, tail }: Exit): boolean {
  return [1, 2, 4].includes(code ?? 0) || /configured to refuse --(files-from|from0|relative|dirs)/.test(tail)
}

/** Counts what rsync says of names that are gone from the upstream since they were listed. */
export function createVanishedReader() {
  let [vanished, others] = [0, 0]
  return {
    read(line: string): void {
      if (/^rsync: (\[sender\] )?link_stat ".*" (\(in .*\) )?failed: No such file or directory \(2\)$/s.test(line))
        vanished++
      else if (/^rsync: |^IO error/.test(line)) others++
    },
    /** Whether nothing else happened. */
    onlyVanished: (): boolean => vanished > 0 && others === 0,
  }
}

/** The name of a folder without the slash at its end. */
export const withoutSlash = (name: string) => (name.endsWith('/') ? name.slice(0, -1) : name)
