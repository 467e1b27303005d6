// git.ts — Mirrors a git repository, bare and whole: every ref, deletions too. How git is called is here; what it says is read in git-errors.ts.
import Type from 'typebox'
import { gitFailure } from './git-errors.ts'
import { collectLine, createRefCollector, inTheWay, readLocalRefs, sameRefs, type RemoteRefs } from './git-refs.ts'
import { callGit, createProgressReader, credentials, routeOf, type Route } from './git-call.ts'
import { careFor, isDamaged, keepCareDate, replaceObjects } from './git-care.ts'
import { isRepository, objectBytes, packFiles, removeLeftovers, removePacksBut, writeConfig, writeHead, writeServerListings } from './git-repository.ts'
import { isSelected, refsOption, refspecsOf, selectionOf, type Selection } from './git-selection.ts'
import { listRefs } from './git-wire.ts'
import { SyncFailure, type Exit, type Provider, type SyncContext, type SyncStats } from './provider.ts'

const MAX_LOOSE_REFS = 2000

const options = Type.Object(
  {
    refs: refsOption,
    fsck: Type.Boolean({ default: true, description: 'Check every object that arrives. Turn off only for an old repository that git itself finds fault with' }),
  },
  { additionalProperties: false },
)

/** The kind `git`: http, https and git:// upstreams, kept as `git clone --mirror` would. */
export const git: Provider = {
  kind: 'git',
  options,
  async probe(run) {
    let detail = ''
    try {
      const exit = await run('git', ['--version'], { onLine: (line) => void (detail ||= line) })
      return { available: exit.code === 0, detail: detail || 'git does not start' }
    } catch (error) {
      return { available: false, detail: (error as Error).message }
    }
  },
  async sync(context) {
    context.progress({ phase: 'connecting' })
    const exists = await context.tree.exists()
    const addresses = context.local === null ? await context.peers.resolve(new URL(context.upstream).hostname) : []
    const upstream: Upstream = { context, selection: selectionOf(context.options.refs), addresses, route: routeOf(context, addresses) }
    const remote = await readUpstream(upstream)
    return exists ? update(upstream, remote) : create(upstream, remote)
  },
}

/** An upstream as this run sees it. */
interface Upstream {
  readonly context: SyncContext
  readonly selection: Selection
  readonly addresses: readonly string[]
  readonly route: Route
}

/** The refs of the upstream that are wanted. */
async function readUpstream({ context, selection, addresses, route }: Upstream): Promise<RemoteRefs> {
  const { upstream, auth, signal } = context
  const [user, password] = credentials(auth)
  const authorization = password === null ? null : `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
  const listed = context.local === null ? await listRefs({ upstream, authorization, addresses, signal }) : null
  if (listed) return select(listed, selection)
  const collector = createRefCollector()
  const onLine = (line: string, stream: string) => !(stream === 'stdout' && collectLine(collector, line))
  const exit = await callGit(context, ['ls-remote', '--symref', ...route.flags, '--', route.url], { onLine, route })
  if (exit.code !== 0) throw gitFailure(exit)
  return select(collector.done(), selection)
}

function select(remote: RemoteRefs, selection: Selection): RemoteRefs {
  return selection.whole ? remote : { ...remote, refs: new Map([...remote.refs].filter(([name]) => isSelected(selection, name))) }
}

async function create(upstream: Upstream, remote: RemoteRefs): Promise<SyncStats> {
  const { context } = upstream
  const bytes = await cloneInto(upstream, remote, context.tree.staging)
  context.progress({ phase: 'publishing' })
  const stats = statsOf(context.tree.staging, remote, bytes)
  await context.tree.publish()
  keepCareDate(context)
  // git does not tell the size of what arrives in one piece.
  return { ...stats, bytes: stats.bytes ?? stats.sizeBytes }
}

/** Makes a new repository in `folder`, which is emptied first: a half clone cannot be continued. Returns the bytes that came, where git says. */
async function cloneInto({ context, selection, route }: Upstream, remote: RemoteRefs, folder: string): Promise<number | null> {
  const { tree } = context
  const progress = createProgressReader(context)
  await tree.discard()
  const direct = selection.whole && remote.refs.size > 0
  const command = direct ? ['clone', '--mirror', '--template=', '--progress', ...route.flags, '--', route.url, folder] : ['init', '--bare', '--template=', '--', folder]
  const exit = await callGit(context, command, { onLine: progress.onLine, route })
  if (exit.code !== 0) throw gitFailure(exit)
  if (!direct && remote.refs.size > 0) {
    const fetched = await callGit(context, fetchCommand(route, folder, selection), { onLine: progress.onLine, route })
    if (fetched.code !== 0) throw gitFailure(fetched)
  }
  settle(folder, context, remote)
  return progress.bytes()
}

async function update(upstream: Upstream, remote: RemoteRefs): Promise<SyncStats> {
  const { context } = upstream
  const { published } = context.tree
  if (!isRepository(published)) {
    throw new SyncFailure('local_conflict', `${published} is not a git repository (any more): move it away and it is fetched anew`)
  }
  removeLeftovers(published)
  const local = readLocalRefs(published)
  const gone = [...local.refs.keys()].filter((name) => !remote.refs.has(name))
  context.allow({ removed: gone.length, total: local.refs.size, examples: gone.slice(0, 500), incomingBytes: null, sizeBeforeBytes: null, sizeAfterBytes: remote.refs.size === 0 ? 0 : null })
  writeConfig(published, context.upstream, idLength(remote))
  if (!(await careFor(context, published))) return mend(upstream, remote, 'a check of the copy found damaged objects')
  if (sameRefs(local.refs, remote.refs)) {
    writeHead(published, remote)
    return statsOf(published, remote, 0)
  }
  return follow(upstream, remote, gone)
}

/** Fetches first and deletes afterwards, and only what was asked leave for: an upstream that is emptied meanwhile deletes nothing. */
async function follow(upstream: Upstream, remote: RemoteRefs, gone: readonly string[]): Promise<SyncStats> {
  const { context, selection, route } = upstream
  const fork = await context.tree.fork()
  await removeRefs(context, fork.path, inTheWay(gone, remote.refs))
  const progress = createProgressReader(context)
  const exit = await leavingNothing(fork.path, () => callGit(context, fetchCommand(route, fork.path, selection), { onLine: progress.onLine, route }))
  if (exit.code !== 0 && isDamaged(exit)) return mend(upstream, remote, 'git found damaged objects in the copy')
  if (exit.code !== 0) throw gitFailure(exit)
  const left = readLocalRefs(fork.path).refs
  await removeRefs(context, fork.path, gone.filter((name) => left.has(name)))
  settle(fork.path, context, remote)
  if (readLocalRefs(fork.path).loose > MAX_LOOSE_REFS) await callGit(context, [`--git-dir=${fork.path}`, 'pack-refs', '--all'])
  const stats = statsOf(fork.path, remote, progress.bytes())
  context.progress({ phase: 'publishing' })
  // git flushes what it writes: core.fsync=all.
  await fork.publish(true)
  return stats
}

/** Takes away what a fetch that failed has brought: half packs, and whole ones no ref needs. An upstream that never finishes would fill the disk with them. */
async function leavingNothing(gitDir: string, fetch: () => Promise<Exit>): Promise<Exit> {
  const packs = packFiles(gitDir)
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

/** Fetches everything anew beside the damaged copy, and puts it in the place of what is damaged only once it is whole. */
async function mend(upstream: Upstream, remote: RemoteRefs, why: string): Promise<SyncStats> {
  const { context } = upstream
  const { staging } = context.tree
  context.log(`${why}: fetching all of it anew, the copy stays as it is meanwhile`)
  const bytes = await cloneInto(upstream, remote, staging)
  const fork = await context.tree.fork()
  replaceObjects(staging, fork.path)
  settle(fork.path, context, remote)
  const stats = statsOf(fork.path, remote, bytes)
  context.progress({ phase: 'publishing' })
  await fork.publish()
  await context.tree.discard()
  keepCareDate(context)
  return { ...stats, bytes: bytes ?? stats.sizeBytes, note: `${why}; it was fetched anew` }
}

async function removeRefs(context: SyncContext, gitDir: string, names: readonly string[]): Promise<void> {
  if (names.length === 0) return
  const exit = await callGit(context, [`--git-dir=${gitDir}`, 'update-ref', '--stdin', '-z'], { stdin: names.map((name) => `delete ${name}\0\0`).join('') })
  if (exit.code !== 0) throw gitFailure(exit)
}

function fetchCommand({ url, flags }: Route, gitDir: string, selection: Selection): string[] {
  const quiet = ['--progress', '--no-write-fetch-head', '--no-auto-maintenance', '--no-recurse-submodules', '--no-tags']
  return [`--git-dir=${gitDir}`, 'fetch', ...quiet, ...flags, '--', url, ...refspecsOf(selection)]
}

/** Brings the repository's own files in order after objects and refs have arrived, and refuses an empty result. */
function settle(gitDir: string, context: SyncContext, remote: RemoteRefs): void {
  writeConfig(gitDir, context.upstream, idLength(remote))
  const { refs } = readLocalRefs(gitDir)
  if (refs.size === 0 && remote.refs.size > 0) throw new SyncFailure('content_invalid', 'git reported success, but the copy has no refs')
  if (!sameRefs(refs, remote.refs)) context.log('the upstream moved while it was fetched')
  writeHead(gitDir, remote)
  writeServerListings(gitDir, refs, remote.peeled)
}

function idLength(remote: RemoteRefs): number {
  return remote.headId?.length ?? remote.refs.values().next().value?.length ?? 40
}

function statsOf(gitDir: string, remote: RemoteRefs, bytes: number | null): SyncStats {
  const revision = remote.headId ?? (remote.head ? (remote.refs.get(remote.head) ?? null) : null)
  return { bytes, files: remote.refs.size, sizeBytes: objectBytes(gitDir), revision }
}
