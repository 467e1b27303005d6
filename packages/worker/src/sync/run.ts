// run.ts — One sync from its start to its report: log, limits, the steps of update.ts, report, hook. Knows no kind.
import { join } from 'node:path'
import { policyOf, type SyncReport } from '@kagami/protocol'
import { localFailure } from '../local-failure.ts'
import { paths } from '../tree/paths.ts'
import { HOOK_MAX_MS, runHook } from './hooks.ts'
import type { Run, SyncDeps, SyncJob } from './job.ts'
import { createLeftOutCounter } from './left-out.ts'
import { createRunLimits } from './limits.ts'
import { createRunLog, type RunLog } from './log.ts'
import { endingOf, oneLine, SUCCESS, type Ending } from './outcome.ts'
import { createProgressThrottle } from './progress.ts'
import { loginsOf } from '../proxy/open.ts'
import { reportOf } from './report.ts'
import { createMask, type Mask } from './credentials.ts'
import { commandsOf, updateTree, type SyncResult } from './update.ts'

export type { SyncDeps, SyncJob } from './job.ts'

/** Runs one sync and reports how it ended. Never throws. */
export async function runSync(job: SyncJob, deps: SyncDeps): Promise<SyncReport> {
  const startedAt = deps.now()
  const started = performance.now()
  const mask = createMask([job.spec.auth, ...loginsOf(job.proxies)], secretsOf(job, deps))
  const run = openRun(job, deps, mask)
  const attempt = await attemptUpdate(run)
  const durationMs = Math.round(performance.now() - started)
  const report = reportOf({
    job,
    ...attempt,
    leftOut: run.leftOut.result(),
    mask,
    startedAt,
    endedAt: deps.now(),
    durationMs,
  })
  if (report.outcome === 'success') run.log.line('I', `success in ${report.duration_ms} ms`)
  const finished = await withHook(report, run)
  return withLogProblem(finished, run.log.close(), run)
}

function openRun(job: SyncJob, deps: SyncDeps, mask: Mask): Run {
  const policy = policyOf(job.spec.options)
  const log = openLog(job, deps, mask)
  return {
    job,
    deps,
    policy,
    log,
    limits: createRunLimits({
      stop: deps.signal,
      timeoutSeconds: policy.time_limit_secs || job.timeoutSeconds,
      stallSeconds: policy.stall_secs,
      dataDir: deps.dataDir,
    }),
    progress: createProgressThrottle(deps.onProgress),
    leftOut: createLeftOutCounter((line) => log.line('I', line)),
    mask,
  }
}

/** What worker.toml gives the programs of the kind, and nobody may see. */
function secretsOf({ spec }: SyncJob, { providers }: SyncDeps): readonly string[] {
  const provider = Object.hasOwn(providers, spec.kind) ? providers[spec.kind] : undefined
  return provider?.secrets?.(spec.options) ?? []
}

interface Attempt {
  readonly result: SyncResult | null
  readonly ending: Ending
  /** What was thrown; null after a success. */
  readonly error: unknown
}

async function attemptUpdate(run: Run): Promise<Attempt> {
  try {
    const result = await updateTree(run)
    return { result, ending: { ...SUCCESS, message: result.note }, error: null }
  } catch (thrown) {
    const error = await causeOf(thrown, run)
    const ending = endingOf(error, {
      stopped: run.deps.signal.aborted ? run.deps.signal.reason : null,
      cause: run.limits.cause,
      timeoutSeconds: run.policy.time_limit_secs || run.job.timeoutSeconds,
      stallSeconds: run.policy.stall_secs,
      // Only for words: a name that cannot name a folder fails too.
      published: join(run.deps.dataDir, run.job.spec.name),
    })
    logEnding(run.log, ending, error)
    return { result: null, ending, error }
  } finally {
    run.limits.end()
    run.progress.end()
  }
}

/** A disk that went away meanwhile explains whatever else was thrown. */
async function causeOf(thrown: unknown, { deps, job }: Run): Promise<unknown> {
  try {
    await deps.place?.check(job.worker_id)
    return thrown
  } catch (missing) {
    return missing
  }
}

function logEnding(log: RunLog, { outcome, reason, message, fault }: Ending, error: unknown): void {
  log.line('E', `${outcome}${reason ? ` (${reason})` : ''}: ${message ?? ''}`)
  if (fault && error instanceof Error) for (const line of (error.stack ?? '').split('\n')) log.line('E', line)
}

/** The report after its hook ran, with the hook's error if it failed. A hook does not change the outcome of a sync. */
async function withHook(report: SyncReport, { deps, job, log }: Run): Promise<SyncReport> {
  if (!deps.hooks || deps.signal.aborted) return report
  const signal = AbortSignal.any([deps.signal, AbortSignal.timeout(HOOK_MAX_MS)])
  const run = commandsOf({ deps, job, log }, signal)
  const problem = await runHook(deps.hooks, report, { run, published: paths.published(deps.dataDir, report.name) })
  if (problem === null) return report
  log.line('E', problem)
  return noted(report, problem)
}

function noted(report: SyncReport, note: string): SyncReport {
  return { ...report, message: oneLine(report.message === null ? note : `${report.message}; ${note}`) }
}

/** Nobody looks for a log that is not there. A sync that failed says what is wrong itself. */
function withLogProblem(report: SyncReport, refused: unknown, { deps, job }: Run): SyncReport {
  if (refused === null || report.outcome !== 'success') return report
  const said = localFailure(refused, paths.logs(deps.dataDir, job.spec.replica_id)) ?? (refused as Error)
  return noted(report, `the log of this sync is not whole: ${said.message}`)
}

const withoutLog = (refused: unknown = null): RunLog => ({ line: () => {}, close: () => refused })

/** A log that cannot be opened must not stop the sync: the report still says how it went. */
function openLog(job: SyncJob, deps: SyncDeps, mask: Mask): RunLog {
  try {
    // Nor is it written onto the disk below one that is gone.
    if (deps.place?.isThere() === false) return withoutLog()
    return createRunLog({
      dataDir: deps.dataDir,
      replicaId: job.spec.replica_id,
      syncId: job.sync_id,
      mask,
      now: deps.now,
    })
  } catch (error) {
    return withoutLog(error)
  }
}
