// git.ts — Mirrors a git repository, bare and whole: every ref, deletions too. What a run does and in which order;
// fetch.ts has how objects arrive.
import Type from 'typebox'
import { callGit, probeGit, routeOf } from './call.ts'
import { isCutShort, refuseFormat, standAlone } from './adopt.ts'
import { gitFailure, fsckIgnoreOption } from './errors.ts'
import {
  fetchLfsFor,
  fetchMissingLfs,
  cloneInto,
  fetchAhead,
  finishRepository,
  idLength,
  readUpstream,
  updateRefs,
} from './fetch.ts'
import type { GitUpstream } from './fetch-call.ts'
import { lacksHead, restoreHead, writeHead } from '../git-refs/head.ts'
import { askToDelete, EXAMPLES_MAX } from './history.ts'
import { carryKept, describeKept, keepOptions, keepTips, settleKept, tipsAtRisk, tipsLost } from './keep.ts'
import {
  describeProof,
  checkObjects,
  judgeCopy,
  maintain,
  mustCheck,
  proveCopy,
  recordCheck,
  replaceObjects,
} from './maintenance.ts'
import {
  fetchLfs,
  removeParts,
  isClonedWhole,
  isLfsDone,
  lfsBytes,
  lfsNote,
  lfsOptions,
  markCloned,
  isLfsEnabled,
  lfsProblem,
} from '../git-lfs/lfs.ts'
import { blameMove, describeMove, reachUpstream } from './moved.ts'
import { infoRefs, readLocalRefs, sameRefs, settleRefs, type LocalRefs, type RemoteRefs } from '../git-refs/refs.ts'
import {
  configuredIdLength,
  isRepository,
  objectBytes,
  objectFiles,
  removeLeftovers,
  settleConfig,
  writeServerListings,
} from './repository.ts'
import { restoreKept } from './restore.ts'
import { isSelected, refsOption, selectionOf } from '../git-refs/selection.ts'
import { tryUpstream } from './trial.ts'
import { SyncFailure, type Provider, type SyncStats } from '../../provider.ts'

const MAX_LOOSE_REFS = 2000
/** With more it is cheaper to fetch twice than to keep each, and look only then which of them are lost. */
const KEEP_UNSEEN_MAX = 200

const options = Type.Object(
  {
    refs: refsOption,
    fsck: Type.Boolean({
      default: true,
      description:
        'Check every object that arrives. Turn off only for an old repository that git itself finds fault with',
    }),
    fsck_ignore: fsckIgnoreOption,
    ...keepOptions,
    ...lfsOptions,
  },
  { additionalProperties: false },
)

/** The kind `git`: http, https and git:// upstreams, kept as `git clone --mirror` would. */
export const git: Provider<typeof options> = {
  kind: 'git',
  options,
  checkSpec: lfsProblem,
  probe: probeGit,
  async sync(context) {
    context.progress({ phase: 'connecting' })
    const lfs = isLfsEnabled(context)
    const exists = await context.tree.exists()
    const { listed, addresses, moved, ...found } = await reachUpstream(context)
    const upstream: GitUpstream = {
      context: found.context,
      configured: context.upstream,
      lfs,
      selection: selectionOf(context.options.refs),
      addresses,
      route: await routeOf(found.context, addresses),
      look: () => readUpstream(upstream),
    }
    const remote = await readUpstream(upstream, listed).catch(blameMove(context, found.context))
    const stats = await (exists ? update(upstream, remote) : create(upstream, remote))
    const proved = context.thorough ? await prove(upstream, remote, stats) : stats
    if (moved === null) return proved
    return { ...proved, note: [describeMove(context, moved), proved.note].filter(Boolean).join('; ') }
  },
  restore: restoreKept,
  tryUpstream,
}

async function create(upstream: GitUpstream, remote: RemoteRefs): Promise<SyncStats> {
  const { context, lfs } = upstream
  const { staging } = context.tree
  const bytes = (isClonedWhole(staging) ? await resumeClone(upstream, remote, staging) : null) ?? {
    git: await cloneInto(upstream, remote, staging),
  }
  if (lfs) markCloned(staging)
  const received = lfs ? await fetchLfsFor(upstream, remote, staging) : 0
  await removeParts(context)
  context.progress({ phase: 'publishing' })
  // git does not report the size of what arrives in one piece.
  const all = (bytes.git ?? objectBytes(staging)) + received
  const stats = statsOf(upstream, remote, { gitDir: staging, bytes: all, own: new Map() })
  await context.tree.publish()
  recordCheck(context)
  return stats
}

/** Updates a clone that waited for its LFS objects; null when it must be cloned again. */
async function resumeClone(
  upstream: GitUpstream,
  remote: RemoteRefs,
  staging: string,
): Promise<{ git: number | null } | null> {
  upstream.context.log('goes on with the clone of an earlier run')
  removeLeftovers(staging)
  const local = readLocalRefs(staging)
  if (sameRefs(local.refs, remote.refs)) return { git: 0 }
  const { exit, bytes } = await updateRefs(upstream, remote, {
    gitDir: staging,
    gone: [...local.refs.keys()].filter((name) => !remote.refs.has(name)),
  })
  if (exit.code === 0) return { git: bytes }
  const failure = gitFailure(exit)
  if ((await judgeCopy(upstream.context, staging, failure)) === 'whole') throw failure
  return null
}

async function update(upstream: GitUpstream, remote: RemoteRefs): Promise<SyncStats> {
  const { context } = upstream
  const { published } = context.tree
  if (!isRepository(published)) {
    throw new SyncFailure(
      'local_conflict',
      `${published} is not a git repository (any more): move it away and it is fetched anew`,
    )
  }
  if (context.adopting === 'ask') showAdoption(context, remote)
  refuseFormat(published)
  removeLeftovers(published)
  if (!upstream.lfs) await removeParts(context)
  const local = settleRefs(published, context.log)
  const length = local.refs.values().next().value?.length ?? configuredIdLength(published)
  settleConfig(published, upstream.configured, length)
  restoreHead(published, remote, local.refs)
  if (idLength(remote) !== length && (remote.refs.size > 0 || remote.headId !== null))
    return changeFormat(upstream, remote, local)
  const missing = [...local.refs.keys()].filter((name) => !remote.refs.has(name))
  // Of refs that the option leaves out, a list that was cut off says nothing.
  const gone = remote.whole === false ? missing.filter((name) => !isSelected(upstream.selection, name)) : missing
  const cutOff =
    remote.plain && isCutShort(context, published)
      ? 'the history of the copy is cut off, and a web server adds none'
      : null
  const flaw = (await standAlone(context, published)) ?? cutOff ?? (await maintain(context, published))
  await askToDelete(upstream, remote, { local, gone, unasked: flaw !== null })
  if (flaw !== null) return fetchAnew(upstream, remote, flaw)
  if (missing.length > gone.length) return keepMissing(upstream, remote, missing)
  if (!sameRefs(local.refs, remote.refs) || lacksHead(published, remote) || isCutShort(context, published))
    return applyUpdate(upstream, remote, gone)
  const refused = await keepTips(context, published, tipsAtRisk(context, remote, { before: local.refs, gone: [] }))
  if (refused) return mendOrBlame(upstream, remote, { gitDir: published, failure: gitFailure(refused), gone: [] })
  writeHead(published, remote, local.refs)
  const { own } = await settleKept(context, published, { local, before: null })
  // git's own maintenance, when somebody runs it there, lists what no reader should see.
  if (own.size > 0) writeServerListings(published, infoRefs(local.refs, remote.peeled))
  const received =
    upstream.lfs && !isLfsDone(context, published, remote.refs.values()) ? await fetchMissingLfs(upstream, remote) : 0
  return statsOf(upstream, remote, { gitDir: published, bytes: received, own })
}

/** Only reads: what the refs of a repository of something else would become. */
function showAdoption({ tree, allow }: GitUpstream['context'], remote: RemoteRefs): void {
  const { refs } = readLocalRefs(tree.published)
  const gone = [...refs.keys()].filter((name) => !remote.refs.has(name))
  const sizes = { incomingBytes: null, sizeBeforeBytes: null, sizeAfterBytes: null }
  allow({ removed: gone.length, total: refs.size, examples: gone.slice(0, EXAMPLES_MAX), ...sizes })
}

/** The upstream was made anew with ids of another length: nothing of the copy's history is in it. */
async function changeFormat(upstream: GitUpstream, remote: RemoteRefs, local: LocalRefs): Promise<SyncStats> {
  const { context } = upstream
  const why = `the upstream was made anew with ${idLength(remote) === 64 ? 'sha256' : 'sha1'} ids`
  context.log(`${why}: nothing of the history of the copy is in it`)
  const gone = [...local.refs.keys()]
  await askToDelete(upstream, remote, { local, gone, unasked: true })
  return fetchAnew(upstream, remote, why)
}

/** Fetches what is new, deletes nothing, and fails: what is missing may be what was cut off. */
async function keepMissing(upstream: GitUpstream, remote: RemoteRefs, missing: readonly string[]): Promise<never> {
  await applyUpdate(upstream, remote, [])
  throw new SyncFailure(
    'partial',
    `${missing.length} refs of the copy (${missing[0]}) are missing in a list of refs whose length the upstream does ` +
      'not say, so that it may have been cut off; the others are up to date, nothing was deleted',
  )
}

/**
 * Fetches first and deletes afterwards, and deletes only what `allow` approved: an upstream that is emptied meanwhile
 * deletes nothing.
 */
async function applyUpdate(upstream: GitUpstream, remote: RemoteRefs, gone: readonly string[]): Promise<SyncStats> {
  const { context, lfs } = upstream
  const fork = await context.tree.fork()
  const known = objectFiles(fork.path)
  const before = readLocalRefs(context.tree.published).refs
  const risk = tipsAtRisk(context, remote, { before, gone })
  const ahead =
    lfs || mustCheck(context, remote) || risk.length > KEEP_UNSEEN_MAX
      ? await fetchAhead(upstream, remote, {
          gitDir: fork.path,
          async fetchMore() {
            await checkObjects(context, remote, fork.path)
            return lfs ? fetchLfs({ context, gitDir: fork.path, ids: remote.refs.values(), headId: remote.headId }) : 0
          },
        })
      : null
  const failed = ahead && ahead.exit.code !== 0 ? ahead.exit : null
  const coming = { gitDir: fork.path, staying: remote.refs.values() }
  const tips = ahead && !failed ? await tipsLost(context, risk, coming) : risk
  const refused = failed ?? (await keepTips(context, fork.path, tips))
  const { exit, bytes } = refused
    ? { exit: refused, bytes: null }
    : await updateRefs(upstream, remote, { gitDir: fork.path, gone, known })
  if (exit.code !== 0) return mendOrBlame(upstream, remote, { gitDir: fork.path, failure: gitFailure(exit), gone })
  // What changed upstream between the two fetches.
  const late = lfs ? await fetchLfsFor(upstream, remote, fork.path) : 0
  const { own, loose } = await settleKept(context, fork.path, { local: readLocalRefs(fork.path), before })
  if (loose > MAX_LOOSE_REFS) await callGit(context, [`--git-dir=${fork.path}`, 'pack-refs', '--all'])
  const all = ahead ? (ahead.bytes ?? 0) + (bytes ?? 0) + late : bytes
  const stats = statsOf(upstream, remote, { gitDir: fork.path, bytes: all, own })
  context.progress({ phase: 'publishing' })
  // git flushes what it writes: core.fsync=all.
  await fork.publish(true)
  return stats
}

interface Failed {
  readonly gitDir: string
  readonly failure: SyncFailure
  readonly gone: readonly string[]
}

/** Looks at the copy after git failed: what is damaged is mended at once, otherwise the failure is the upstream's. */
async function mendOrBlame(
  upstream: GitUpstream,
  remote: RemoteRefs,
  { gitDir, failure, gone }: Failed,
): Promise<SyncStats> {
  const verdict = await judgeCopy(upstream.context, gitDir, failure)
  if (verdict === 'whole') throw failure
  // Nothing derived is left that could fail a second time.
  if (verdict === 'derived') return applyUpdate(upstream, remote, gone)
  return fetchAnew(upstream, remote, `the copy was damaged (${verdict.flaw})`)
}

/** Clones everything again beside the damaged copy, and replaces what is damaged only once the clone is whole. */
async function fetchAnew(upstream: GitUpstream, remote: RemoteRefs, why: string): Promise<SyncStats> {
  const { context } = upstream
  const { staging, published } = context.tree
  const isMissing = (name: string) => !remote.refs.has(name) && isSelected(upstream.selection, name)
  if (remote.whole === false && [...readLocalRefs(published).refs.keys()].some(isMissing))
    throw new SyncFailure(
      'partial',
      `${why}; it is fetched anew once the upstream says how long its list of refs is: what is missing there would go`,
    )
  context.log(`${why}: all of it is fetched anew, the copy stays as it is meanwhile`)
  const bytes = await cloneInto(upstream, remote, staging)
  await carryKept(context, published, staging)
  const fork = await context.tree.fork()
  replaceObjects(staging, fork.path)
  await finishRepository(upstream, remote, { gitDir: fork.path, tail: '' })
  context.progress({ phase: 'publishing' })
  await fork.publish()
  await context.tree.discard()
  recordCheck(context)
  // The mended copy is published at once; LFS objects of refs that moved meanwhile come after it.
  const received =
    upstream.lfs && !isLfsDone(context, context.tree.published, remote.refs.values())
      ? await fetchMissingLfs(upstream, remote)
      : 0
  const all = (bytes ?? objectBytes(published)) + received
  const stats = statsOf(upstream, remote, { gitDir: published, bytes: all, own: readLocalRefs(published).own })
  return { ...stats, note: [`${why}; it was fetched anew`, stats.note].filter(Boolean).join('; ') }
}

/** Proves that the copy is whole, byte for byte, and mends it where it is not. */
async function prove(upstream: GitUpstream, remote: RemoteRefs, stats: SyncStats): Promise<SyncStats> {
  const { context, lfs } = upstream
  const { published } = context.tree
  const first = await proveCopy(context, published)
  const mended = first.flaw === null ? stats : await fetchAnew(upstream, remote, `the copy was damaged (${first.flaw})`)
  const { flaw, objects } = first.flaw === null ? first : await proveCopy(context, published)
  if (flaw !== null)
    throw new SyncFailure('content_invalid', `all was fetched anew, and the copy is still not whole: ${flaw}`)
  await finishRepository(upstream, remote, { gitDir: published, tail: '' })
  recordCheck(context)
  const received = lfs ? await fetchMissingLfs(upstream, remote, true) : 0
  const { refs, own } = readLocalRefs(published)
  const proof = describeProof({ objects, refs: refs.size + own.size, kept: own.size, lfs, lfsBytes: received })
  const more = (mended === stats ? 0 : (mended.bytes ?? 0)) + received
  return {
    ...mended,
    bytes: more === 0 ? stats.bytes : (stats.bytes ?? 0) + more,
    sizeBytes: objectBytes(published) + lfsBytes(published),
    note: [mended.note, proof].filter(Boolean).join('; '),
  }
}

interface Finished {
  readonly gitDir: string
  readonly bytes: number | null
  readonly own: LocalRefs['own']
}

function statsOf({ context }: GitUpstream, remote: RemoteRefs, { gitDir, bytes, own }: Finished): SyncStats {
  return {
    bytes,
    files: remote.refs.size,
    sizeBytes: objectBytes(gitDir) + lfsBytes(gitDir),
    revision: remote.headId ?? (remote.head ? (remote.refs.get(remote.head) ?? null) : null),
    kept: describeKept(context, own),
    note: lfsNote(gitDir),
  }
}
