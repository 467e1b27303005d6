// pointers.ts — Which LFS objects refs need: the pointers among the small blobs they reach. Reads the repository,
// downloads nothing.
import { randomUUID } from 'node:crypto'
import { callGit } from '../git/call.ts'
import { gitFailure } from '../git/errors.ts'
import type { LfsObject } from './store.ts'
import type { Exit, SyncContext } from '../../provider.ts'

/** Blobs of this size and more are no pointers, by the specification. */
const POINTER_MAX_BYTES = 1024
/** Blobs that one git process reads. */
const SLICE = 20_000
const VERSIONS = new Set(['version https://git-lfs.github.com/spec/v1', 'version https://hawser.github.com/spec/v1'])

export interface PointerSearch {
  readonly context: SyncContext
  readonly gitDir: string
  /** Object ids whose history is searched. */
  readonly tips: readonly string[]
  /** Object ids whose history is known already. */
  readonly covered: readonly string[]
  /** Called for each pointer, as often as it occurs in the history. */
  readonly onPointer: (object: LfsObject) => void
}

/**
 * Finds every pointer that `tips` reach and `covered` do not. Throws SyncFailure when git cannot read the repository.
 */
export async function findPointers(search: PointerSearch): Promise<void> {
  const { context, gitDir, tips, covered } = search
  if (tips.length === 0) return
  const blobs = createIdList()
  const exit = await listBlobs(search, [...tips, ...covered.map((id) => `^${id}`)], blobs)
  if (exit.code !== 0) throw gitFailure(exit)
  for (const ids of blobs.slices()) {
    // Content cannot guess the word before each blob, and so cannot look like the start of one.
    const mark = randomUUID()
    const reader = createPointerReader(mark, search.onPointer)
    const read = await callGit(
      context,
      [`--git-dir=${gitDir}`, 'cat-file', '--buffer', `--batch=${mark} %(objecttype)`],
      { stdin: ids, silent: true, onLine: (line, stream) => stream !== 'stdout' || reader.line(line) },
    )
    reader.end()
    if (read.code !== 0) throw gitFailure(read)
  }
}

/** Those of `ids` whose objects are in the repository. */
export async function presentIds(context: SyncContext, gitDir: string, ids: readonly string[]): Promise<string[]> {
  if (ids.length === 0) return []
  const found: string[] = []
  const onLine = (line: string, stream: string) => {
    const id = /^([0-9a-f]{40,64}) (?:commit|tag|tree|blob)$/.exec(line)?.[1]
    if (stream === 'stdout' && id !== undefined) found.push(Buffer.from(id, 'latin1').toString('latin1'))
    return stream !== 'stdout'
  }
  const exit = await callGit(
    context,
    [`--git-dir=${gitDir}`, 'cat-file', '--buffer', '--batch-check=%(objectname) %(objecttype)'],
    { stdin: ids.map((id) => `${id}\n`).join(''), silent: true, onLine },
  )
  if (exit.code !== 0) throw gitFailure(exit)
  return found
}

function listBlobs({ context, gitDir }: PointerSearch, revisions: readonly string[], into: IdList): Promise<Exit> {
  // What an earlier run covered may be gone since a damaged copy was fetched again: then more is searched. The option
  // must stand before --stdin.
  const filter = [`--filter=combine:object:type=blob+blob:limit=${POINTER_MAX_BYTES}`, '--filter-provided-objects']
  const onLine = (line: string, stream: string) => {
    if (stream === 'stdout') into.add(line)
    return stream !== 'stdout'
  }
  return callGit(
    context,
    [`--git-dir=${gitDir}`, 'rev-list', '--ignore-missing', '--stdin', '--objects', '--no-object-names', ...filter],
    { stdin: revisions.map((id) => `${id}\n`).join(''), silent: true, onLine },
  )
}

interface IdList {
  add(id: string): void
  /** Ids, one for each line, in slices. */
  slices(): Iterable<string>
}

/** Kept as bytes: a million strings would take ten times as much memory. */
function createIdList(): IdList {
  const full: Buffer[] = []
  let current = Buffer.alloc(0)
  let used = 0
  return {
    add(id) {
      if (used + id.length + 1 > current.length) {
        if (used > 0) full.push(current.subarray(0, used))
        current = Buffer.allocUnsafeSlow(SLICE * (id.length + 1))
        used = 0
      }
      used += current.write(`${id}\n`, used, 'latin1')
    },
    *slices() {
      for (const slice of full) yield slice.toString('latin1')
      if (used > 0) yield current.toString('latin1', 0, used)
    },
  }
}

/**
 * Reads blobs line by line as `git cat-file --batch` prints them, each after a line that begins with `mark`. `line`
 * always returns false, because nothing of this belongs in a log.
 */
export function createPointerReader(
  mark: string,
  onPointer: (object: LfsObject) => void,
): { line(text: string): false; end(): void } {
  let lines: string[] | null = null
  const end = () => {
    const found = lines && parsePointer(lines)
    if (found) onPointer(found)
    lines = null
  }
  return {
    end,
    line(text) {
      if (text.startsWith(mark)) {
        end()
        lines = []
      } else if (lines && (lines.length > 0 || VERSIONS.has(text))) {
        lines.push(text)
      } else {
        // Its first line says that it is no pointer: the rest is not kept.
        lines = null
      }
      return false
    },
  }
}

/**
 * The object a pointer names; null for everything that is no pointer by the specification. White space at line ends is
 * accepted, as git-lfs does.
 */
export function parsePointer(lines: readonly string[]): LfsObject | null {
  const [version, ...rest] = lines
  if (version === undefined || !VERSIONS.has(version)) return null
  const body = rest.filter(
    (line, index) => !/^ext-\d-[a-z0-9.-]+ sha256:[0-9a-f]{64}$/.test(line) || index >= rest.length - 2,
  )
  const oid = /^oid sha256:([0-9a-f]{64})$/.exec(body[0] ?? '')?.[1]
  const size = /^size (0|[1-9]\d{0,14})$/.exec(body[1] ?? '')?.[1]
  if (oid === undefined || size === undefined || body.length !== 2) return null
  // A copy: the line is a slice of a large text that would be kept in memory with it.
  return { oid: Buffer.from(oid, 'latin1').toString('latin1'), size: Number(size) }
}
