// compare.ts — Compares a tree with what its upstream lists: which files are asked for, which stay. Reads the disk,
// requests nothing.
import { join } from 'node:path'
import { hasSameBytes } from '../../http/bytes.ts'
import { showName } from '../../names.ts'
import type { FileRun } from './file.ts'
import { readLocal, type LocalFile, type LocalTree } from './local.ts'
import { decideFile } from './plan.ts'
import { FRESH_MS, type FileJob } from './receive.ts'
import { STATE_FOLDER, yieldToEventLoop, type KnownFile, type TreeMemory } from './tree-memory.ts'
import { withoutFacts, type Trust } from './trust.ts'
import type { TreeListing } from './walk.ts'

const BREATHE_EVERY = 10_000
const NAMED = 3

export interface ComparedTree {
  readonly local: LocalTree
  readonly jobs: readonly FileJob[]
  /** What is known of files that stay, published or downloaded earlier. */
  readonly known: Map<string, KnownFile>
  /** Files that an interrupted run downloaded. */
  readonly staged: Map<string, KnownFile>
  /** What was known before. */
  readonly before: ReadonlyMap<string, KnownFile>
}

/** What is here before a run, on disk and in memory. */
export interface FoundTree {
  readonly local: LocalTree
  /** Files that an interrupted run downloaded and did not publish. */
  readonly aside: LocalTree['files']
  readonly known: ReadonlyMap<string, KnownFile>
  readonly fetched: ReadonlyMap<string, KnownFile>
}

/** Reads what is here; may go on while listings are read. `first`: nothing is published yet. */
export async function findTree({ context }: FileRun, memory: TreeMemory, first: boolean): Promise<FoundTree> {
  const { known, fetched } = await memory.load()
  const local: LocalTree = first ? { files: new Map(), folders: [] } : await readLocal(context.tree.published)
  const aside = await readLocal(first ? context.tree.staging : memory.newFolder, first ? STATE_FOLDER : null)
  return { local, aside: aside.files, known, fetched }
}

export interface CompareParts {
  readonly listed: TreeListing
  readonly found: FoundTree
  readonly first: boolean
  readonly trust: Trust
  /** Files this run has asked for already. */
  readonly settled: {
    readonly fetched: ReadonlyMap<string, KnownFile>
    readonly unchanged: ReadonlyMap<string, KnownFile>
  }
}

/** Compares what is here with the listing. */
export async function compareTree({ context, options }: FileRun, parts: CompareParts): Promise<ComparedTree> {
  const { listed, found, first, trust, settled } = parts
  const { local, aside, known: before, fetched } = found
  const known = new Map<string, KnownFile>()
  const staged = new Map<string, KnownFile>()
  const jobs: FileJob[] = []
  const believed = trust.believes()
  const bySize = context.adopting !== null && options.adopt === 'size'
  let seen = 0
  for (const [path, listing] of listed.files) {
    if (++seen % BREATHE_EVERY === 0) await yieldToEventLoop()
    const done = settled.fetched.get(path) ?? settled.unchanged.get(path)
    if (done) {
      known.set(path, done)
      if (settled.fetched.has(path)) staged.set(path, done)
      continue
    }
    const remote = believed ? listing : withoutFacts(listing)
    const early = fetched.get(path)
    const lying = aside.get(path)
    const usesAside = lying && (early === undefined ? first : sameAs(early, lying) !== undefined)
    const here = usesAside ? lying : local.files.get(path)
    const mine = usesAside ? early : (sameAs(early, local.files.get(path)) ?? before.get(path))
    // What this run or one before it fetched and did not publish yet is proved by what it is compared with.
    const verdict =
      context.thorough && !usesAside
        ? 'fetch'
        : decideFile({ remote, local: here, known: mine, compare: options.compare, bySize })
    if (verdict !== 'fetch') known.set(path, mine ?? { ...here!, ...adoptedFacts(here!, bySize), stamp: remote.stamp })
    if (verdict !== 'fetch' && usesAside) staged.set(path, known.get(path)!)
    if (verdict !== 'same') jobs.push({ remote, known: verdict === 'ask' ? mine! : null })
  }
  return { local, jobs, known, staged, before }
}

/**
 * What is known of a file that is taken for the upstream's. Its time is that of the upstream, by which one can ask for
 * a change that came too soon for the listing; where only sizes were compared it says nothing.
 */
function adoptedFacts({ mtime }: LocalFile, bySize: boolean): Pick<KnownFile, 'etag' | 'modified' | 'fresh'> {
  const modified = bySize ? '' : new Date(mtime * 1000).toUTCString()
  return { etag: '', modified, fresh: !bySize && Date.now() - mtime * 1000 < FRESH_MS }
}

/** What an interrupted run downloaded and already published. */
function sameAs(
  early: KnownFile | undefined,
  local: { size: number; mtime: number } | null | undefined,
): KnownFile | undefined {
  return early && local && local.size === early.size && local.mtime === early.mtime ? early : undefined
}

/** What a comparison of every file by its bytes found. */
export interface Proof {
  /** Files that were fetched anew and are as the published ones: these need not be put in place. */
  readonly same: ReadonlySet<string>
  /** One line for the report. */
  readonly said: string
}

/** Compares what a thorough run fetched, in `folder`, with the published files. */
export async function proveFiles(
  { context }: Pick<FileRun, 'context'>,
  { local, fetched, folder }: Pick<ComparedTree, 'local'> & { fetched: ReadonlyMap<string, KnownFile>; folder: string },
): Promise<Proof> {
  context.progress({ phase: 'verifying', percent: null })
  const same = new Set<string>()
  const others: string[] = []
  for (const [path, { mtime }] of fetched) {
    const equal = await hasSameBytes(join(context.tree.published, path), join(folder, path))
    if (!equal) others.push(path)
    else if (local.files.get(path)?.mtime === mtime) same.add(path)
  }
  const compared = `${fetched.size} files were downloaded anew and compared by their bytes`
  if (others.length === 0) return { same, said: `${compared}: each was as the upstream has it` }
  const names = others.slice(0, NAMED).map(showName).join(', ')
  return { same, said: `${compared}: ${others.length} were missing or had other bytes (${names}), and were replaced` }
}

interface Placed {
  readonly state: Pick<ComparedTree, 'staged'>
  readonly settled: CompareParts['settled']
  /** `vanished`: files that are listed and were missing. */
  readonly result: { readonly vanished: readonly string[] }
  /** How many files were deleted. */
  readonly goes: number
}

/**
 * The files of a published tree on the disk, where these may be more than what is listed: what may not be read upstream
 * stays, what vanished does, and what is somebody's own. Else null.
 */
export async function countOthers(
  { context, found, listed, first }: Pick<FileRun, 'context'> & Pick<CompareParts, 'found' | 'listed' | 'first'>,
  { state, settled, result, goes }: Placed,
): Promise<{ files: number; sizeBytes: number } | null> {
  let others = 0
  for (const path of found.local.files.keys()) if (!listed.files.has(path)) others++
  if (others <= goes && result.vanished.length === 0 && listed.forbidden.size === 0) return null
  const changed = first || settled.fetched.size + state.staged.size + goes > 0
  const { files } = changed ? await readLocal(context.tree.published) : found.local
  const sizes = [...files.values()].filter((file) => file !== null).map(({ size }) => size)
  return { files: sizes.length, sizeBytes: sizes.reduce((sum, size) => sum + size, 0) }
}
