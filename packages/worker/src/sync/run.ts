// run.ts — One sync, end to end: checks, log, limits, provider, report. Owns what every kind needs; knows no kind.
import { checkFor, failures, upstreamProblem, type Progress, type ReplicaSpec, type SyncReport, type Trigger } from '@kagami/protocol'
import { Default } from 'typebox/value'
import { SyncFailure, type Provider, type SyncStats } from '../providers/provider.ts'
import { createCommandRunner } from './command.ts'
import { createRunLog, type RunLog } from './log.ts'
import { endingOf, oneLine, type Ending } from './outcome.ts'
import { createProgressThinner } from './progress.ts'
import { createMask, type Mask } from './secrets.ts'
import { createTree } from './tree.ts'

/** Longest time a timer can wait; a longer one would fire at once. */
const TIMER_MAX_MS = 2 ** 31 - 1
const TAIL_MAX = 8000

export interface SyncJob {
  readonly sync_id: string
  readonly worker_id: string
  readonly spec: ReplicaSpec
  readonly trigger: Trigger
  readonly request_id: string | null
  /** Seconds; 0 means no limit. */
  readonly timeoutSeconds: number
}

export interface SyncDeps {
  readonly providers: Readonly<Record<string, Provider>>
  readonly dataDir: string
  /** Folders searched for tools before PATH. */
  readonly toolPath?: readonly string[]
  readonly adoptExisting?: boolean
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
  const limit = createLimit(job.timeoutSeconds, deps.signal)
  const thinner = createProgressThinner(deps.onProgress)
  let stats: SyncStats | null = null
  let ending: Ending = { outcome: 'success', reason: null, message: null, tail: null, exitCode: null, fault: false }
  try {
    stats = await bringUpToDate({ job, deps, log, thinner, signal: limit.signal })
    ending = { ...ending, message: stats.note ?? null }
  } catch (error) {
    ending = endingOf(error, { stopped: deps.signal.aborted ? deps.signal.reason : null, timedOut: limit.timedOut(), timeoutSeconds: job.timeoutSeconds })
    log.line('E', `${ending.outcome}${ending.reason ? ` (${ending.reason})` : ''}: ${ending.message ?? ''}`)
    if (ending.fault && error instanceof Error) for (const line of (error.stack ?? '').split('\n')) log.line('E', line)
  } finally {
    limit.end()
    thinner.end()
  }
  const report = reportOf({ job, deps, ending, stats, mask, startedAt, durationMs: Math.round(performance.now() - started) })
  if (report.outcome === 'success') log.line('I', `success in ${report.duration_ms} ms`)
  log.close()
  return report
}

interface Work {
  readonly job: SyncJob
  readonly deps: SyncDeps
  readonly log: RunLog
  readonly thinner: { report: ReturnType<typeof createProgressThinner>['report'] }
  readonly signal: AbortSignal
}

async function bringUpToDate({ job: { spec }, deps, log, thinner, signal }: Work): Promise<SyncStats> {
  thinner.report({ phase: 'preparing' })
  log.line('I', `${spec.kind} ${spec.upstream}`)
  const provider = Object.hasOwn(deps.providers, spec.kind) ? deps.providers[spec.kind] : undefined
  if (!provider) throw new SyncFailure('kind_unknown', `this worker cannot sync the kind "${spec.kind}"`)
  const problem = upstreamProblem(spec.kind, spec.upstream)
  if (problem) throw new SyncFailure('upstream_missing', `the upstream ${problem}`)
  const options = checkOptions(provider, spec.options)
  const run = createCommandRunner({
    signal, toolPath: deps.toolPath, mark: deps.dataDir, log: (line, stream) => log.line(stream === 'stderr' ? 'E' : 'I', line),
  })
  const tree = createTree({ dataDir: deps.dataDir, spec, run, adoptExisting: deps.adoptExisting })
  await tree.claim()
  signal.throwIfAborted()
  return provider.sync({
    upstream: spec.upstream,
    auth: spec.auth ?? null,
    options,
    tree,
    run,
    signal,
    progress: thinner.report,
    log: (line) => log.line('I', line),
  })
}

/** The options with defaults filled in. Throws SyncFailure naming the one that is wrong. */
function checkOptions(provider: Provider, given: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const options = Default(provider.options, structuredClone(given)) as Record<string, unknown>
  const check = checkFor(provider.options)
  if (check.ok(options)) return options
  const { field, message } = check.problem(options)
  throw new SyncFailure('unknown', `option ${field === '' ? '' : `"${field}" `}of kind ${provider.kind}: ${message}`)
}

/** A log that cannot be opened must not keep a mirror from being synced: the report still tells how it went. */
function openLog(job: SyncJob, deps: SyncDeps, mask: Mask): RunLog {
  try {
    return createRunLog({ dataDir: deps.dataDir, replicaId: job.spec.replica_id, syncId: job.sync_id, mask, now: deps.now })
  } catch {
    return { line: () => {}, close: () => {} }
  }
}

/** One signal for stop and timeout. */
function createLimit(seconds: number, stop: AbortSignal): { signal: AbortSignal; timedOut(): boolean; end(): void } {
  const timeout = new AbortController()
  const timer = seconds > 0 ? setTimeout(() => timeout.abort('timed_out'), Math.min(seconds * 1000, TIMER_MAX_MS)) : undefined
  return { signal: AbortSignal.any([stop, timeout.signal]), timedOut: () => timeout.signal.aborted, end: () => clearTimeout(timer) }
}

interface Facts {
  readonly job: SyncJob
  readonly deps: SyncDeps
  readonly ending: Ending
  readonly stats: SyncStats | null
  readonly mask: Mask
  readonly startedAt: Date
  readonly durationMs: number
}

function reportOf({ job, deps, ending, stats, mask, startedAt, durationMs }: Facts): SyncReport {
  const { spec } = job
  return {
    sync_id: job.sync_id,
    worker_id: job.worker_id,
    replica_id: spec.replica_id,
    name: spec.name,
    kind: spec.kind,
    trigger: job.trigger,
    request_id: job.request_id,
    outcome: ending.outcome,
    reason: ending.reason,
    message: ending.message === null ? null : oneLine(mask(ending.message)),
    hint: ending.reason === null ? null : failures[ending.reason].hint,
    tail: ending.tail === null ? null : mask(ending.tail).slice(-TAIL_MAX).toWellFormed(),
    exit_code: ending.exitCode,
    started_at: startedAt.toISOString(),
    ended_at: deps.now().toISOString(),
    duration_ms: durationMs,
    bytes: stats?.bytes ?? null,
    files: stats?.files ?? null,
    size_bytes: stats?.sizeBytes ?? null,
    revision: stats?.revision?.slice(0, 256) ?? null,
  }
}
