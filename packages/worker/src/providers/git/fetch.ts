// fetch.ts — How objects and refs get into a repository: cloned, fetched, deleted; a failure leaves nothing behind.
// git.ts decides when and where.
import { callGit, createProgressReader, type Route } from './call.ts'
import { gitFailure } from './errors.ts'
import { inTheWay, readLocalRefs, sameRefs, type RemoteRefs } from './refs.ts'
import {
  packFiles,
  removeLeftovers,
  removePacksBut,
  writeConfig,
  writeHead,
  writeServerListings,
} from './repository.ts'
import { refspecsOf, type Selection } from './selection.ts'
import { SyncFailure, type Exit, type SyncContext } from '../../provider.ts'

/** The upstream of a run. */
export interface GitUpstream {
  readonly context: SyncContext
  /** Whether LFS objects are mirrored too. */
  readonly lfs: boolean
  readonly selection: Selection
  readonly addresses: readonly string[]
  readonly route: Route
}

/**
 * Creates a repository in `folder`, which is emptied first, because half a clone cannot be continued. Returns the
 * received bytes, where git reports them.
 */
export async function cloneInto(
  { context, selection, route }: GitUpstream,
  remote: RemoteRefs,
  folder: string,
): Promise<number | null> {
  const { tree } = context
  const progress = createProgressReader(context)
  await tree.discard()
  const direct = selection.whole && remote.refs.size > 0
  const command = direct
    ? ['clone', '--mirror', '--template=', '--progress', ...route.flags, '--', route.url, folder]
    : ['init', '--bare', '--template=', '--', folder]
  const exit = await callGit(context, command, { onLine: progress.onLine, route })
  if (exit.code !== 0) throw gitFailure(exit)
  if (!direct && remote.refs.size > 0) {
    const fetched = await callGit(context, fetchCommand(route, folder, selection), { onLine: progress.onLine, route })
    if (fetched.code !== 0) throw gitFailure(fetched)
  }
  finishRepository(folder, context, remote)
  return progress.bytes()
}

/**
 * Fetches objects without moving a ref, so that nobody sees a branch before all of its files are there. A dry run of
 * `git fetch` downloads objects. `fetchMore` downloads what belongs to them and returns the bytes it received; when it
 * throws, the new packs are removed again.
 */
export async function fetchAhead(
  { context, selection, route }: GitUpstream,
  gitDir: string,
  fetchMore: () => Promise<number>,
): Promise<FetchResult> {
  const progress = createProgressReader(context)
  let received = 0
  const exit = await removingOnFailure(gitDir, async () => {
    const fetched = await callGit(context, fetchCommand(route, gitDir, selection, ['--dry-run']), {
      onLine: progress.onLine,
      route,
    })
    if (fetched.code === 0) received = await fetchMore()
    return fetched
  })
  return { exit, bytes: (progress.bytes() ?? 0) + received }
}

/** How a fetch ended. */
export interface FetchResult {
  readonly exit: Exit
  /** Received, where git reports it. */
  readonly bytes: number | null
}

export interface RefUpdate {
  readonly gitDir: string
  /** Names of refs the upstream no longer has. */
  readonly gone: readonly string[]
  /** Packs that were there before the run; by default those that are there now. */
  readonly packs?: ReadonlySet<string>
}

/** Fetches refs and deletes those that are gone. */
export async function updateRefs(
  upstream: GitUpstream,
  remote: RemoteRefs,
  { gitDir, gone, packs = packFiles(gitDir) }: RefUpdate,
): Promise<FetchResult> {
  const { context, selection, route } = upstream
  await removeRefs(context, gitDir, inTheWay(gone, remote.refs))
  const progress = createProgressReader(context)
  const exit = await removingOnFailure(
    gitDir,
    () => callGit(context, fetchCommand(route, gitDir, selection), { onLine: progress.onLine, route }),
    packs,
  )
  if (exit.code !== 0) return { exit, bytes: null }
  const left = readLocalRefs(gitDir).refs
  await removeRefs(
    context,
    gitDir,
    gone.filter((name) => left.has(name)),
  )
  finishRepository(gitDir, context, remote)
  return { exit, bytes: progress.bytes() }
}

/**
 * Removes what a failed fetch brought: incomplete packs, and complete ones that no ref needs. An upstream that never
 * finishes would fill the disk with them.
 */
async function removingOnFailure(gitDir: string, fetch: () => Promise<Exit>, packs = packFiles(gitDir)): Promise<Exit> {
  const { refs } = readLocalRefs(gitDir)
  let whole = false
  try {
    const exit = await fetch()
    whole = exit.code === 0
    return exit
  } finally {
    if (!whole) {
      removeLeftovers(gitDir)
      if (sameRefs(refs, readLocalRefs(gitDir).refs)) removePacksBut(gitDir, packs)
    }
  }
}

async function removeRefs(context: SyncContext, gitDir: string, names: readonly string[]): Promise<void> {
  if (names.length === 0) return
  const exit = await callGit(context, [`--git-dir=${gitDir}`, 'update-ref', '--stdin', '-z'], {
    stdin: names.map((name) => `delete ${name}\0\0`).join(''),
  })
  if (exit.code !== 0) throw gitFailure(exit)
}

function fetchCommand(
  { url, flags }: Route,
  gitDir: string,
  selection: Selection,
  more: readonly string[] = [],
): string[] {
  const quiet = ['--progress', '--no-write-fetch-head', '--no-auto-maintenance', '--no-recurse-submodules', '--no-tags']
  return [`--git-dir=${gitDir}`, 'fetch', ...quiet, ...more, ...flags, '--', url, ...refspecsOf(selection)]
}

/** Writes the repository's own files after objects and refs have arrived, and refuses an empty result. */
export function finishRepository(gitDir: string, context: SyncContext, remote: RemoteRefs): void {
  writeConfig(gitDir, context.upstream, idLength(remote))
  const { refs } = readLocalRefs(gitDir)
  if (refs.size === 0 && remote.refs.size > 0)
    throw new SyncFailure('content_invalid', 'git reported success, but the copy has no refs')
  if (!sameRefs(refs, remote.refs)) context.log('the upstream moved while it was fetched')
  writeHead(gitDir, remote)
  writeServerListings(gitDir, refs, remote.peeled)
}

/** Length of this upstream's object ids, hex digits. */
export function idLength(remote: RemoteRefs): number {
  return remote.headId?.length ?? remote.refs.values().next().value?.length ?? 40
}
