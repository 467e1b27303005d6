// fetch.ts — How refs are listed, and how objects and refs get into a repository: cloned, fetched, deleted; a failure
// leaves nothing behind. git.ts decides when and where.
import { callGit, createProgressReader, credentials, targetOf } from './call.ts'
import { isCutShort, recordBoundary } from './adopt.ts'
import { fetchChanged, fetchCommand, type GitUpstream } from './fetch-call.ts'
import { gitFailure, rejections } from './errors.ts'
import { fetchLfs } from '../git-lfs/lfs.ts'
import { chooseHead, looseHead, writeHead } from '../git-refs/head.ts'
import {
  collectLine,
  createRefCollector,
  infoRefs,
  inTheWay,
  readLocalRefs,
  sameRefs,
  type RemoteRefs,
} from '../git-refs/refs.ts'
import { objectFiles, removeLeftovers, removeObjectsBut, writeConfig, writeServerListings } from './repository.ts'
import { checkObjects } from './maintenance.ts'
import { isSelected, type Selection } from '../git-refs/selection.ts'
import type { AskGit, listRefs as ListRefs } from '../git-refs/wire.ts'
import { bytesOf } from '../../names.ts'
import { SyncFailure, type AskContext, type Exit, type SyncContext } from '../../provider.ts'

/** What is needed to ask an upstream for its refs. */
export interface GitQuestion extends Pick<GitUpstream, 'selection' | 'addresses' | 'route'> {
  readonly context: AskContext
}

/** The refs of the upstream that the options select. `known`: what its first answer already said. */
export async function readUpstream(
  { context, selection, addresses, route }: GitQuestion,
  known?: RemoteRefs | AskGit,
): Promise<RemoteRefs> {
  const listed = known ?? (await askForRefs(context, addresses))
  if ('location' in listed) throw (await import('../git-refs/wire.ts')).redirectedLate(listed)
  if ('refs' in listed) return select(listed, selection)
  const collector = createRefCollector()
  const onLine = (line: string, stream: string) => !(stream === 'stdout' && collectLine(collector, line))
  const exit = await callGit(context, ['ls-remote', '--symref', ...route.flags, '--', route.url], {
    onLine,
    route,
    exact: true,
  })
  if (exit.code !== 0) throw gitFailure(exit)
  return select({ ...collector.done(), ...listed }, selection)
}

/** Asks without git where that is possible. */
export async function askForRefs(
  { upstream, local, ssh, auth, signal, peers }: AskContext,
  addresses: readonly string[],
): ReturnType<typeof ListRefs> {
  if (local !== null || ssh !== null) return { whole: true, plain: false }
  const [user, password] = credentials(auth)
  const authorization = password === null ? null : `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
  const { listRefs } = await import('../git-refs/wire.ts')
  return listRefs({ upstream, authorization, addresses, signal, via: peers.via(targetOf(upstream)) })
}

function select(remote: RemoteRefs, selection: Selection): RemoteRefs {
  return selection.whole
    ? remote
    : chooseHead({ ...remote, refs: new Map([...remote.refs].filter(([name]) => isSelected(selection, name))) })
}

/**
 * Creates a repository in `folder`, which is emptied first, because half a clone cannot be continued. Returns the
 * received bytes, where git reports them.
 */
export async function cloneInto(upstream: GitUpstream, remote: RemoteRefs, folder: string): Promise<number | null> {
  const { context, selection, route } = upstream
  const progress = createProgressReader(context)
  await context.tree.discard()
  const something = remote.refs.size > 0 || looseHead(remote) !== null
  const direct = selection.whole && something && remote.hasOwn !== true
  const format = idLength(remote) === 64 ? ['--object-format=sha256'] : []
  const command = direct
    ? ['clone', '--mirror', '--template=', '--progress', ...route.flags, '--', route.url, folder]
    : ['init', '--bare', '--template=', ...format, '--', folder]
  const exit = await callGit(context, command, { onLine: progress.onLine, route })
  if (exit.code !== 0) throw gitFailure(exit)
  let { tail } = exit
  if (!direct && something) {
    const fetched = await callGit(context, fetchCommand(upstream, remote, folder), { onLine: progress.onLine, route })
    if (fetched.code !== 0) throw gitFailure(fetched)
    tail = fetched.tail
  }
  // A clone brings those too, when the upstream has got them since it was asked.
  await removeRefs(context, folder, [...readLocalRefs(folder).own.keys()])
  await checkObjects(context, remote, folder)
  await finishRepository(upstream, remote, { gitDir: folder, tail })
  return progress.bytes()
}

/**
 * Fetches objects without moving a ref, so that nobody sees a branch before all of its files are there. A dry run of
 * `git fetch` downloads objects. `fetchMore` downloads what belongs to them and returns the bytes it received; when it
 * throws, the new objects are removed again.
 */
export async function fetchAhead(
  upstream: GitUpstream,
  remote: RemoteRefs,
  { gitDir, fetchMore }: { gitDir: string; fetchMore: () => Promise<number> },
): Promise<FetchResult> {
  const { context } = upstream
  const progress = createProgressReader(context)
  let received = 0
  const exit = await removingOnFailure(gitDir, async () => {
    const fetched = await fetchChanged(upstream, remote, { gitDir, more: ['--dry-run'], onLine: progress.onLine })
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
  /** Files of objects that were there before the run; by default those that are there now. */
  readonly known?: ReadonlySet<string>
}

/** Fetches refs and deletes those that are gone. */
export async function updateRefs(
  upstream: GitUpstream,
  remote: RemoteRefs,
  { gitDir, gone, known = objectFiles(gitDir) }: RefUpdate,
): Promise<FetchResult> {
  const { context } = upstream
  await removeRefs(context, gitDir, inTheWay(gone, remote.refs))
  const progress = createProgressReader(context)
  const cutShort = isCutShort(context, gitDir)
  const exit = await removingOnFailure(
    gitDir,
    () => fetchChanged(upstream, remote, { gitDir, onLine: progress.onLine }),
    known,
  )
  if (exit.code !== 0) return { exit, bytes: null }
  const left = readLocalRefs(gitDir).refs
  await removeRefs(
    context,
    gitDir,
    gone.filter((name) => left.has(name)),
  )
  if (cutShort) recordBoundary(context, gitDir)
  await finishRepository(upstream, remote, { gitDir, tail: exit.tail })
  return { exit, bytes: progress.bytes() }
}

/**
 * Removes what a failed fetch brought: incomplete packs, and objects that no ref needs. An upstream that never
 * finishes would fill the disk with them.
 */
async function removingOnFailure(
  gitDir: string,
  fetch: () => Promise<Exit>,
  known = objectFiles(gitDir),
): Promise<Exit> {
  const { refs } = readLocalRefs(gitDir)
  let whole = false
  try {
    const exit = await fetch()
    whole = exit.code === 0
    return exit
  } finally {
    if (!whole) {
      removeLeftovers(gitDir)
      if (sameRefs(refs, readLocalRefs(gitDir).refs)) removeObjectsBut(gitDir, known)
    }
  }
}

async function removeRefs(context: SyncContext, gitDir: string, names: readonly string[]): Promise<void> {
  if (names.length === 0) return
  const exit = await callGit(context, [`--git-dir=${gitDir}`, 'update-ref', '--no-deref', '--stdin', '-z'], {
    stdin: bytesOf(names.map((name) => `delete ${name}\0\0`).join('')),
  })
  if (exit.code !== 0) throw gitFailure(exit)
}

interface Fetched {
  readonly gitDir: string
  /** The end of what git said. */
  readonly tail: string
}

/**
 * Writes the repository's own files after objects and refs have arrived. Throws SyncFailure content_invalid when the
 * copy does not have what the upstream lists.
 */
export async function finishRepository(
  upstream: GitUpstream,
  listed: RemoteRefs,
  { gitDir, tail }: Fetched,
): Promise<void> {
  const { context } = upstream
  writeConfig(gitDir, upstream.configured, idLength(listed))
  const { refs } = readLocalRefs(gitDir)
  if (refs.size === 0 && listed.refs.size > 0)
    throw new SyncFailure('content_invalid', 'git reported success, but the copy has no refs', { tail })
  const moved = sameRefs(refs, listed.refs) ? null : await upstream.look()
  const remote = moved ?? listed
  const loose = looseHead(remote)
  const proved = loose !== null && (await hasObject(context, gitDir, loose)) ? loose : null
  if (loose !== null && proved === null)
    context.log(`HEAD stays where it was: the commit it is detached at, ${loose}, did not come`)
  writeHead(gitDir, remote, refs, proved)
  writeServerListings(gitDir, infoRefs(refs, remote.peeled))
  if (moved) explainDifference(upstream, { listed, moved, refs, tail })
}

interface Difference {
  readonly listed: RemoteRefs
  /** What the upstream lists after the fetch. */
  readonly moved: RemoteRefs
  readonly refs: ReadonlyMap<string, string>
  readonly tail: string
}

/** A ref that the upstream moved meanwhile may be where it was; one that it did not move must be where it is listed. */
function explainDifference({ context }: GitUpstream, { listed, moved, refs, tail }: Difference): void {
  const stuck = [...listed.refs].filter(([name, id]) => refs.get(name) !== id && moved.refs.get(name) === id)
  const first = stuck[0]
  if (!first) return context.log('the upstream moved while it was fetched')
  const [name, id] = first
  const others = stuck.length > 1 ? ` and ${stuck.length - 1} other refs` : ''
  throw new SyncFailure(
    'content_invalid',
    `git did not take over ${name}${others}, which the upstream has at ${id}: ` +
      `${rejections(tail) || 'it gave no reason'}. Everything else is up to date`,
    { tail },
  )
}

async function hasObject(context: SyncContext, gitDir: string, id: string): Promise<boolean> {
  const exit = await callGit(context, [`--git-dir=${gitDir}`, 'cat-file', '-e', `${id}^{commit}`], {
    silent: true,
    onLine: () => false,
  })
  return exit.code === 0
}

/** Downloads the LFS objects of the refs a repository has. Returns the received bytes. */
export function fetchLfsFor({ context }: GitUpstream, remote: RemoteRefs, gitDir: string): Promise<number> {
  return fetchLfs({ context, gitDir, ids: readLocalRefs(gitDir).refs.values(), headId: remote.headId })
}

/**
 * Downloads LFS objects that a published copy lacks although its refs are those of the upstream. Returns the received
 * bytes.
 */
export async function fetchMissingLfs(
  { context }: GitUpstream,
  remote: RemoteRefs,
  everyByte = false,
): Promise<number> {
  const { published } = context.tree
  return fetchLfs({
    context,
    gitDir: published,
    open: context.tree.fork,
    everyByte,
    ids: readLocalRefs(published).refs.values(),
    headId: remote.headId,
  })
}

/** Length of this upstream's object ids, hex digits. */
export function idLength(remote: RemoteRefs): number {
  return remote.headId?.length ?? remote.refs.values().next().value?.length ?? 40
}
