// update.ts — The steps between the start of a run and its result: find the provider, claim the tree, then let the
// provider update it, or go back to an earlier generation. Throws what went wrong; outcome.ts says what it means.
import { checkFor, printable, withoutPolicy, withPolicy } from '@kagami/protocol'
import { pause } from '@kagami/runtime'
import { Default } from 'typebox/value'
import { createCommandRunner } from '../programs/command.ts'
import { bytesMoved, canSeeMoves } from '../programs/orphans.ts'
import { watchProgram } from '../programs/watched.ts'
import {
  SyncFailure,
  type Plan,
  type Provider,
  type RunCommand,
  type SyncContext,
  type SyncStats,
} from '../provider.ts'
import { createRunProxies, type RunProxies } from '../proxy/run.ts'
import { NO_SSH, openKey, type OpenKey } from '../ssh/key.ts'
import { currentGeneration, listGenerations, rollBack } from '../tree/generations.ts'
import { freeBytes, hasRoom } from '../tree/space.ts'
import { createTree, type OwnedTree } from '../tree/tree.ts'
import { createScratch } from '../tree/workspace.ts'
import { contentDate } from './freshness.ts'
import type { Run, SyncDeps, SyncJob } from './job.ts'
import { localUpstream } from './local.ts'
import { createPeers, type KnownPeers } from './peers.ts'
import { oneLine, SyncHeld } from './outcome.ts'
import { allowPlan, asksSizes, holdForeign, releasingOnFullDisk } from './permission.ts'
import { guardedTree } from './guarded-tree.ts'
import { namingProxies } from '../proxy/open.ts'
import { checkTrace } from './trace.ts'

type Rollback = Extract<SyncJob['task'], { type: 'rollback' }>

/** What a run that did not fail found out. */
export interface SyncResult {
  readonly stats: SyncStats | null
  /** The published generation; null when the tree is published in place. */
  readonly generation: number | null
  /** The date the content says it has, where a freshness_file is set. */
  readonly contentAt: Date | null
  /** One line for the report. */
  readonly note: string | null
}

/** Updates the tree of a replica, or rolls it back when the job asks for that. */
export async function updateTree(run: Run): Promise<SyncResult> {
  const { job, deps, limits } = run
  if (job.problem !== undefined) throw job.problem
  run.progress.report({ phase: 'preparing' })
  run.log.line('I', `${job.spec.kind} ${job.spec.upstream}`)
  const provider = findProvider(run)
  const options = checkOptions(provider, job.spec)
  const local = await localUpstream(job.spec, deps)
  const command = providerCommands(run)
  await deps.place?.check(job.worker_id)
  const tree = createTree({ ...deps, spec: job.spec, run: command, policy: run.policy })
  const was = await tree.claim()
  if (was !== null) run.log.line('I', `the files of ${was} are those of ${job.spec.name} now`)
  limits.signal.throwIfAborted()
  refuseForeign(run, tree)
  if (job.task?.type === 'rollback') {
    tree.saveTrace(null)
    return goBack(job, deps, job.task)
  }
  const takenBack = await findMissing(run, tree)
  await tree.tryLinks()
  const copies = copiesNote(tree)
  if (copies !== null) run.log.line('I', copies)
  const proxies = proxiesOf(run, (name) => peers.resolve(name))
  const peers = peersOf(run, tree, proxies)
  const key = keyOf(run)
  const scratch = createScratch(deps.dataDir, job.sync_id)
  const given = { local, options, run: command, tree, peers, ssh: key?.ssh ?? null, scratch: scratch.path }
  const context = contextOf(run, given)
  const { task } = job
  const update = (traced: boolean) => () =>
    task?.type === 'restore' ? restore(provider, context, task.id) : provider.sync({ ...context, traced })
  const attempt = async () => {
    try {
      const trace = await checkTrace(run, { tree, provider, context })
      return { trace, stats: trace.unchanged ?? (await releasingOnFullDisk(limits, tree, update(trace.follows))) }
    } catch (error) {
      throw namingProxies(error, proxies?.used() ?? [])
    } finally {
      for (const one of [key, proxies]) one?.close()
      await tree.flushed()
      await scratch.remove()
    }
  }
  const { trace, stats } = await attempt()
  await tree.settle()
  if (task?.type !== 'restore') tree.markUpstream()
  tree.markFolder()
  if (peers.reach && peers.reach !== tree.reach()) tree.saveReach(peers.reach)
  trace.settle(stats)
  const note = [takenBack, stats.note, trace.note].filter(Boolean).join('; ') || null
  return resultOf(run, tree, { ...stats, note })
}

function findProvider({ job, deps }: Run): Provider {
  const { kind } = job.spec
  const provider = Object.hasOwn(deps.providers, kind) ? deps.providers[kind] : undefined
  if (!provider) throw new SyncFailure('kind_unknown', `this worker cannot sync the kind "${kind}"`)
  return provider
}

/** The options of the kind with defaults filled in. Throws SyncFailure invalid_options, which names the wrong one. */
export function checkOptions(provider: Provider, spec: Run['job']['spec']): Record<string, unknown> {
  const schema = withPolicy(provider.options)
  const options = Default(schema, structuredClone(spec.options)) as Record<string, unknown>
  const check = checkFor(schema)
  if (check.ok(options)) {
    const own = withoutPolicy(options)
    const problem = provider.checkSpec?.(spec.upstream, own) ?? null
    if (problem === null) return own
    throw new SyncFailure('invalid_options', problem)
  }
  const { field, message } = check.problem(options)
  throw new SyncFailure(
    'invalid_options',
    `option ${field === '' ? '' : `"${field}" `}of kind ${provider.kind}: ${message}`,
  )
}

/** Starts the programs of a run until `signal` ends them; their output goes to its log. */
export function commandsOf({ deps, job, log }: Pick<Run, 'deps' | 'job' | 'log'>, signal: AbortSignal): RunCommand {
  return createCommandRunner({
    signal,
    toolPath: deps.toolPath,
    mark: markOf(deps, job),
    log: (text, stream) => log.line(stream === 'stderr' ? 'E' : 'I', text),
  })
}

/**
 * The programs a provider may start. Their output does not count as movement: much of it is the upstream's own text,
 * which may go on for ever.
 */
function providerCommands(run: Run): RunCommand {
  const { limits } = run
  const mark = markOf(run.deps, run.job)
  return (command, args, options) => {
    const start = (signal: AbortSignal) => commandsOf(run, signal)(command, args, options)
    const { onMoves } = options ?? {}
    const signal = options?.signal ? AbortSignal.any([limits.signal, options.signal]) : limits.signal
    const work = () => (onMoves ? watchProgram({ mark, onMoves, signal, start }) : start(signal))
    // Of processes that are a service's, only what they do to the disk is seen.
    const ofService = () => (options?.asksService ? freeBytes(run.deps.dataDir) : 0)
    const look = () => bytesMoved(mark) + ofService()
    if (options?.silent) return limits.quietly(work)
    return options?.moves ? limits.watching(look, work) : work()
  }
}

/** In the environment of every program of a run. */
const markOf = ({ dataDir }: SyncDeps, { sync_id }: SyncJob) => `${dataDir}:${sync_id}`

/** What is asked of an earlier tree, or of a kept ref, is not asked of files of something else. */
function refuseForeign({ job: { task } }: Run, tree: OwnedTree): void {
  const whose = tree.foreign()
  if (whose === null || !task || task.type === 'sync') return
  throw new SyncFailure('local_conflict', `${whose}: a sync has to take them over first; nothing was changed`)
}

/** Whether files of something else are taken over, and whether somebody allowed it. */
function adoptingOf({ job: { task }, deps }: Run, tree: OwnedTree): SyncContext['adopting'] {
  if (!tree.adopting()) return null
  const allowed = tree.foreign() === null || deps.adoptExisting || (task?.type === 'sync' && task.approved !== null)
  return allowed ? 'go' : 'ask'
}

/**
 * A copy that had files and has none is no first copy, unless somebody said so. Where adopt_existing lets the worker
 * believe files that it finds, a folder that was moved within data_dir is copied back; returns a note of that.
 */
async function findMissing(
  { job: { files, task, sizeBytes }, log, deps }: Run,
  tree: OwnedTree,
): Promise<string | null> {
  if (!files || task?.type === 'restore') return null
  const problem = tree.missing()
  if (problem === null) return null
  if (task?.type === 'sync' && task.approved !== null && task.approved >= files) {
    log.line('I', `${problem}; it was approved to fetch everything anew`)
    return null
  }
  const moved = tree.movedTo()
  if (moved === null || !deps.adoptExisting || !hasRoom(deps.dataDir, sizeBytes ?? Infinity))
    throw gone(problem, files, moved)
  log.line('I', `${problem}: they are in ${moved} now, and are copied from there`)
  tree.saveTrace(null)
  await tree.takeBack(moved)
  return `its folder was moved to ${moved}, which stays as it is: the files were copied from there`
}

function gone(problem: string, files: number, moved: string | null): SyncHeld {
  const where = moved === null ? 'its disk is not mounted, or was replaced' : `they were moved to ${moved}`
  const back =
    moved === null
      ? {}
      : {
          hint:
            `Nothing was fetched or deleted. Move ${moved} back, and the next sync goes on as before. With ` +
            'adopt_existing = true, a worker copies such files back by itself. To fetch them anew: kagami replicas ' +
            'approve NAME@WORKER.',
        }
  return new SyncHeld(
    { reason: 'missing_disk', message: `${problem}, where ${files} were: ${where}`, ...back },
    { removed: files, total: files, examples: [], incomingBytes: null, sizeBeforeBytes: null, sizeAfterBytes: null },
  )
}

function proxiesOf({ job: { proxies, task }, limits, log }: Run, resolve: KnownPeers['resolve']): RunProxies | null {
  if (!proxies || task?.type === 'restore') return null
  return createRunProxies(proxies, { signal: limits.signal, resolve, log: (line) => log.line('I', line) })
}

function peersOf({ deps, policy }: Run, tree: OwnedTree, proxies: RunProxies | null): KnownPeers {
  return createPeers({
    proxies,
    publicOnly: deps.publicOnly ?? false,
    known: tree.reach(),
    allowPrivate: policy.allow_private,
  })
}

interface ContextParts extends Pick<SyncContext, 'local' | 'options' | 'run' | 'peers' | 'ssh' | 'scratch'> {
  readonly tree: OwnedTree
}

/** The key for an upstream over ssh, when the run asks one. */
function keyOf({ job: { spec, sync_id, task }, deps }: Run): OpenKey | null {
  if (task?.type === 'restore') return null
  return openKey({
    upstream: spec.upstream,
    auth: spec.auth ?? null,
    settings: deps.ssh ?? NO_SSH,
    dataDir: deps.dataDir,
    syncId: sync_id,
  })
}

/** Everything the provider may touch. */
function contextOf(run: Run, { tree, ...parts }: ContextParts): SyncContext {
  const { job, deps, policy, limits } = run
  const log = (line: string) => {
    limits.touch()
    run.log.line('I', line)
  }
  const permission = {
    policy,
    kind: job.spec.kind,
    dataDir: tree.disk(),
    approved: job.task?.type === 'sync' ? job.task.approved : null,
    log,
  }
  const adopting = adoptingOf(run, tree)
  return {
    ...parts,
    adopting,
    upstream: job.spec.upstream,
    // Over ssh they are the key, which is for ssh alone.
    auth: parts.ssh ? null : (job.spec.auth ?? null),
    thorough: job.task?.type === 'sync' && job.task.thorough === true,
    traced: false,
    tree: guardedTree(tree, limits, { policy, log, checkDisk: async () => deps.place?.check(job.worker_id) }),
    signal: limits.signal,
    log,
    sizeBytes: job.sizeBytes ?? null,
    asksSizes: asksSizes(permission, job.sizeBytes ?? null),
    seesMoves: canSeeMoves(),
    allow(plan) {
      if (adopting === 'ask') throw holdForeign(tree.foreign() ?? tree.published, plan, permission)
      const shortage = allowPlan(tree.needsFullCopy() ? withFullCopy(plan, job) : plan, permission)
      tree.markUpstream()
      return shortage
    },
    startedAt: deps.now(),
    about: aboutOf(job),
    paces: deps.paces,
    leaveOut: run.leftOut.add,
    pause: (seconds) => limits.quietly(() => pause(seconds * 1000, limits.signal)),
    progress(progress) {
      limits.touch()
      const { line } = progress
      run.progress.report(
        typeof line === 'string' ? { ...progress, line: oneLine(printable(run.mask(line)), 200) } : progress,
      )
    },
  }
}

function aboutOf({ spec, worker_id, sync_id, trigger }: SyncJob): SyncContext['about'] {
  return { replica: spec.name, replicaId: spec.replica_id, workerId: worker_id, syncId: sync_id, trigger }
}

/** Where hard links are refused, the published tree takes its size again until an earlier one is pruned. */
function withFullCopy(plan: Plan, job: SyncJob): Plan {
  const published =
    plan.sizeBeforeBytes === null ? (job.sizeBytes ?? 0) : plan.sizeBeforeBytes + (plan.kept?.bytes ?? 0)
  return { ...plan, incomingBytes: (plan.incomingBytes ?? 0) + published }
}

function copiesNote(tree: OwnedTree): string | null {
  const why = tree.linksRefused()
  if (why === null) return null
  return (
    `hard links are refused here (${why}): the tree is copied for each update, which takes its size again on the ` +
    'disk until the earlier one is pruned'
  )
}

function restore(provider: Provider, context: SyncContext, id: string): Promise<SyncStats> {
  if (!provider.restore)
    throw new SyncFailure('local_conflict', `the kind ${provider.kind} keeps nothing that could be restored`)
  return provider.restore(context, id)
}

function resultOf({ job, deps, policy }: Run, tree: OwnedTree, stats: SyncStats): SyncResult {
  const { freshness_file } = policy
  const contentAt = freshness_file ? contentDate(tree.published, freshness_file) : null
  const missing = freshness_file && !contentAt ? `freshness_file ${freshness_file} is not in the copy` : null
  return {
    stats,
    generation: currentGeneration(deps.dataDir, job.spec.name),
    contentAt,
    note: [stats.note, missing, copiesNote(tree)].filter(Boolean).join('; ') || null,
  }
}

/** A request that comes again, or too late, must not take back what was published after it. */
function goBack({ spec }: SyncJob, { dataDir }: SyncDeps, { to, from = null }: Rollback): SyncResult {
  const present = currentGeneration(dataDir, spec.name)
  if (from !== null && present !== null && present !== from)
    throw new SyncFailure(
      'cancelled',
      `generation ${present} is published, not ${from}, for which this rollback was requested: nothing was changed`,
    )
  const number = rollBack({ dataDir, name: spec.name }, to)
  const published = listGenerations(dataDir, spec.name).find((generation) => generation.number === number)
  return {
    stats: null,
    generation: number,
    contentAt: null,
    note: `went back to generation ${number} of ${published?.at.toISOString() ?? 'an unknown time'}`,
  }
}
