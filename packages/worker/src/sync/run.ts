// run.ts — One sync, end to end: checks, log, limits, provider, report. Owns what every kind needs; knows no kind.
import {
  checkFor,
  policyOf,
  withoutPolicy,
  withPolicy,
  type Policy,
  type Progress,
  type SyncReport,
  type Trigger,
} from '@kagami/protocol'
import { pause } from '@kagami/runtime'
import { Default } from 'typebox/value'
import type { Task } from '../core/replica.ts'
import { SyncFailure, type Provider, type RunCommand, type SyncStats, type Tree } from '../provider.ts'
import { createCommandRunner } from '../programs/command.ts'
import { currentGeneration, listGenerations, rollBack } from '../tree/generations.ts'
import type { OpenSpec } from './credentials.ts'
import { contentDate, verifyDebian } from './freshness.ts'
import { HOOK_MAX_MS, runHook, type Hooks } from './hooks.ts'
import { localUpstream } from './local.ts'
import { createRunLimits, type RunLimits } from './limits.ts'
import { createRunLog, type RunLog } from './log.ts'
import { endingOf, metFullDisk, oneLine, type Ending } from './outcome.ts'
import { paths } from '../tree/paths.ts'
import { createPeers } from './peers.ts'
import { allowPlan, NoRoom } from './permission.ts'
import { createProgressThinner } from './progress.ts'
import { reportOf } from './report.ts'
import { createMask, type Mask } from './secrets.ts'
import { createTree, type OwnedTree } from '../tree/tree.ts'

export interface SyncJob {
  readonly sync_id: string
  readonly worker_id: string
  readonly spec: OpenSpec
  /** What already went wrong before the run; thrown as its failure. */
  readonly problem?: unknown
  readonly trigger: Trigger
  readonly request_id: string | null
  /** What the run is for; absent: a plain sync. */
  readonly task?: Task
  /** Size of the copy as it was last measured, bytes. */
  readonly sizeBytes?: number | null
  /** Seconds; 0 means no limit. The replica's own time_limit_secs goes before. */
  readonly timeoutSeconds: number
}

export interface SyncDeps {
  readonly providers: Readonly<Record<string, Provider>>
  readonly dataDir: string
  /** Folders searched for tools before PATH. */
  readonly toolPath?: readonly string[]
  readonly adoptExisting?: boolean
  /** Programs to run afterwards. */
  readonly hooks?: Hooks
  /** Folders of this machine below which file:// upstreams are allowed, absolute paths; absent: none. */
  readonly upstreamRoots?: readonly string[]
  /** Refuses private and loopback upstreams. */
  readonly publicOnly?: boolean
  /** Aborted with the reason 'cancelled' or 'interrupted'. */
  readonly signal: AbortSignal
  /** At most once a second; the last one is always delivered. */
  readonly onProgress: (progress: Progress) => void
  readonly now: () => Date
}

/** Runs one sync and reports how it ended. Never throws. */
export async function runSync(job: SyncJob, deps: SyncDeps): Promise<SyncReport> {
  const startedAt = deps.now()
  const started = performance.now()
  const mask = createMask(job.spec.auth)
  const log = openLog(job, deps, mask)
  const policy = policyOf(job.spec.options)
  const timeoutSeconds = policy.time_limit_secs || job.timeoutSeconds
  const limits = createRunLimits({
    stop: deps.signal,
    timeoutSeconds,
    stallSeconds: policy.stall_secs,
    dataDir: deps.dataDir,
  })
  const thinner = createProgressThinner(deps.onProgress)
  let brought: Brought = { stats: null, generation: null, contentAt: null, note: null }
  let ending: Ending = { outcome: 'success', reason: null, message: null, tail: null, exitCode: null, fault: false }
  let thrown: unknown = null
  try {
    brought = await bringUpToDate({ job, deps, log, thinner, limits, policy })
    ending = { ...ending, message: brought.note }
  } catch (error) {
    thrown = error
    ending = endingOf(error, {
      stopped: deps.signal.aborted ? deps.signal.reason : null,
      cause: limits.cause,
      timeoutSeconds,
      stallSeconds: policy.stall_secs,
    })
    log.line('E', `${ending.outcome}${ending.reason ? ` (${ending.reason})` : ''}: ${ending.message ?? ''}`)
    if (ending.fault && error instanceof Error) for (const line of (error.stack ?? '').split('\n')) log.line('E', line)
  } finally {
    limits.end()
    thinner.end()
  }
  const durationMs = Math.round(performance.now() - started)
  const report = reportOf({ job, ending, ...brought, mask, startedAt, endedAt: deps.now(), durationMs, error: thrown })
  if (report.outcome === 'success') log.line('I', `success in ${report.duration_ms} ms`)
  const told = await tellHook(report, deps, log)
  log.close()
  return told
}

/** The report, with what went wrong with its hook. A hook changes no outcome: the sync is over. */
async function tellHook(report: SyncReport, deps: SyncDeps, log: RunLog): Promise<SyncReport> {
  if (!deps.hooks || deps.signal.aborted) return report
  const signal = AbortSignal.any([deps.signal, AbortSignal.timeout(HOOK_MAX_MS)])
  const run = createCommandRunner({
    signal,
    toolPath: deps.toolPath,
    mark: deps.dataDir,
    log: (text, stream) => log.line(stream === 'stderr' ? 'E' : 'I', text),
  })
  const problem = await runHook(deps.hooks, report, { run, published: paths.published(deps.dataDir, report.name) })
  if (problem === null) return report
  log.line('E', problem)
  return { ...report, message: oneLine(report.message === null ? problem : `${report.message}; ${problem}`) }
}

interface Work {
  readonly job: SyncJob
  readonly deps: SyncDeps
  readonly log: RunLog
  readonly thinner: { report: ReturnType<typeof createProgressThinner>['report'] }
  readonly limits: RunLimits
  readonly policy: Policy
}

interface Brought {
  readonly stats: SyncStats | null
  readonly generation: number | null
  readonly contentAt: Date | null
  readonly note: string | null
}

async function bringUpToDate({ job, deps, log, thinner, limits, policy }: Work): Promise<Brought> {
  const { spec } = job
  const { signal } = limits
  if (job.problem !== undefined) throw job.problem
  thinner.report({ phase: 'preparing' })
  log.line('I', `${spec.kind} ${spec.upstream}`)
  const provider = Object.hasOwn(deps.providers, spec.kind) ? deps.providers[spec.kind] : undefined
  if (!provider) throw new SyncFailure('kind_unknown', `this worker cannot sync the kind "${spec.kind}"`)
  const local = await localUpstream(spec, deps)
  const options = checkOptions(provider, spec.options)
  const line = (text: string) => {
    limits.touch()
    log.line('I', text)
  }
  // What a program says does not count as movement: much of it is the upstream's chatter, which may go on for ever.
  const call = createCommandRunner({
    signal,
    toolPath: deps.toolPath,
    mark: deps.dataDir,
    log: (text, stream) => log.line(stream === 'stderr' ? 'E' : 'I', text),
  })
  const run: RunCommand = (command, args, options) =>
    options?.silent ? limits.quietly(() => call(command, args, options)) : call(command, args, options)
  const tree = createTree({ dataDir: deps.dataDir, spec, run, policy, adoptExisting: deps.adoptExisting })
  await tree.claim()
  signal.throwIfAborted()
  if (job.task?.type === 'rollback') return goBack(job, deps, job.task.to)
  const peers = createPeers({
    publicOnly: deps.publicOnly ?? false,
    known: tree.reach(),
    allowPrivate: policy.allow_private,
  })
  const stats = await freeingSpace(tree, limits, () =>
    provider.sync({
      upstream: spec.upstream,
      auth: spec.auth ?? null,
      options,
      tree: watchedTree(tree, limits, { policy, log: line }),
      run,
      peers,
      local,
      signal,
      log: line,
      sizeBytes: job.sizeBytes ?? null,
      allow: (plan) =>
        allowPlan(plan, {
          policy,
          kind: spec.kind,
          dataDir: deps.dataDir,
          approved: job.task?.type === 'sync' ? job.task.approved : null,
          log: line,
        }),
      pause: (seconds) => limits.quietly(() => pause(seconds * 1000, signal)),
      progress(progress) {
        limits.touch()
        thinner.report(progress)
      },
    }),
  )
  if (peers.reach && peers.reach !== tree.reach()) tree.keepReach(peers.reach)
  const contentAt = policy.freshness_file ? contentDate(tree.published, policy.freshness_file) : null
  const missing =
    policy.freshness_file && !contentAt ? `freshness_file ${policy.freshness_file} is not in the copy` : null
  return {
    stats,
    generation: currentGeneration(deps.dataDir, spec.name),
    contentAt,
    note: [stats.note, missing].filter(Boolean).join('; ') || null,
  }
}

/** A run that met a full disk gives back what it had taken: others need it more. */
async function freeingSpace<T>(tree: OwnedTree, limits: RunLimits, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const filled =
      error instanceof SyncFailure ? error.reason === 'disk_full' && !(error instanceof NoRoom) : metFullDisk(error)
    if (filled || limits.cause === 'disk_full') await tree.release()
    throw error
  }
}

function goBack({ spec }: SyncJob, { dataDir }: SyncDeps, to: number | null): Brought {
  const number = rollBack({ dataDir, name: spec.name }, to)
  const put = listGenerations(dataDir, spec.name).find((generation) => generation.number === number)
  return {
    stats: null,
    generation: number,
    contentAt: null,
    note: `went back to generation ${number} of ${put?.at.toISOString() ?? 'an unknown time'}`,
  }
}

/**
 * Our own work on a large tree may be silent for long: that is no stall of the upstream. What is wrong is found before
 * it is published.
 */
function watchedTree(
  tree: Tree,
  { quietly, signal }: RunLimits,
  { policy, log }: { policy: Policy; log(line: string): void },
): Tree {
  const verify = async (path: string) => {
    if (policy.verify === 'debian')
      log(`${await verifyDebian(path, signal)} indices have the checksums their lists name`)
  }
  return {
    ...tree,
    flush: (folder, files) => quietly(() => tree.flush(folder, files)),
    discard: () => quietly(tree.discard),
    publish: () =>
      quietly(async () => {
        await verify(tree.staging)
        await tree.publish()
      }),
    publishFile: (from, file) => quietly(() => tree.publishFile(from, file)),
    async fork() {
      const fork = await quietly(tree.fork)
      return {
        path: fork.path,
        publish: (flushed) =>
          quietly(async () => {
            await verify(fork.path)
            await fork.publish(flushed)
          }),
      }
    },
  }
}

/** The options of the kind with defaults filled in. Throws SyncFailure naming the one that is wrong. */
function checkOptions(provider: Provider, given: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const schema = withPolicy(provider.options)
  const options = Default(schema, structuredClone(given)) as Record<string, unknown>
  const check = checkFor(schema)
  if (check.ok(options)) return withoutPolicy(options)
  const { field, message } = check.problem(options)
  throw new SyncFailure(
    'invalid_options',
    `option ${field === '' ? '' : `"${field}" `}of kind ${provider.kind}: ${message}`,
  )
}

/** A log that cannot be opened must not keep a mirror from being synced: the report still tells how it went. */
function openLog(job: SyncJob, deps: SyncDeps, mask: Mask): RunLog {
  try {
    return createRunLog({
      dataDir: deps.dataDir,
      replicaId: job.spec.replica_id,
      syncId: job.sync_id,
      mask,
      now: deps.now,
    })
  } catch {
    return { line: () => {}, close: () => {} }
  }
}
