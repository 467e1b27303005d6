// bulk.ts — Bulk jobs: started, tried again, cancelled, and run one after the other, in the order in which they came.
// A job that a killed supervisor leaves behind goes on with what waits.
import {
  describePatch,
  describeQuery,
  Refusal,
  type BulkAction,
  type BulkPatch,
  type ReplicaQuery,
} from '@kagami/protocol'
import { newId, pause } from '@kagami/runtime'
import { takeTurn } from '../pieces.ts'
import type { Services } from '../services.ts'
import { Superseded, type BulkRecord, type BulkTarget } from '../store/store.ts'
import { doTurn } from './bulk-turn.ts'
import { auditEntry } from './save.ts'
import type { Caller } from './types.ts'

/** Replicas that are read at once, and so at most those of one turn of a worker. */
const READ_AT_ONCE = 1000
/** How long to wait before the database is asked again, ms. */
const RETRY_MS = 1000
/** How many replicas a job names. */
const NAMED = 5

/** What to do with many replicas. */
export interface BulkRequest {
  readonly action: BulkAction
  readonly patch: BulkPatch | null
  readonly reason: string | null
  /** What the replicas were chosen by; null: one by one. */
  readonly query: ReplicaQuery | null
}

/** The bulk jobs of one supervisor. */
export interface BulkJobs {
  /** Starts a job; those of one worker come after one another. Refuses when there are no targets. */
  start(request: BulkRequest, targets: readonly BulkTarget[], by: Caller): Promise<BulkRecord>
  /** Starts a job for what another one could not do. */
  retry(job: BulkRecord, by: Caller): Promise<BulkRecord>
  /** Ends a job: what waits is not done. */
  cancel(job: BulkRecord, by: Caller): Promise<void>
  /** Runs what was left behind. */
  resume(): void
  /** Stops between two turns; resolves when the last one has ended. */
  stop(): Promise<void>
}

/** The jobs of a supervisor; none runs before one is started or `resume` is called. */
export function createBulkJobs(services: Services): BulkJobs {
  const abort = new AbortController()
  let running = Promise.resolve()
  const resume = () => void (running = running.then(() => runJobs(services, abort.signal)))
  async function start(request: BulkRequest & { retry_of: string | null }, targets: readonly BulkTarget[], by: Caller) {
    const job = jobOf(services, { request, targets, by })
    await services.store.addBulkJob(job, targets, auditOfStart(services, job))
    resume()
    return job
  }
  return {
    start(request, targets, by) {
      if (targets.length === 0) throw new Refusal('conflict', 'no replica matches: there is nothing to do', 'query')
      return start({ ...request, retry_of: null }, targets, by)
    },
    async retry(job, by) {
      const refused = await readRefused(services, job)
      if (refused.length === 0) throw new Refusal('conflict', 'nothing of this job was refused: nothing to try again')
      return start({ ...job, query: null, retry_of: job.job_id }, refused, by)
    },
    async cancel({ job_id, total, ok, refused }, by) {
      const detail = `${ok + refused} of ${total} were done`
      const audit = auditEntry(services, by, { action: 'cancel_bulk', target: job_id, detail })
      const at = services.clock.now().toISOString()
      if (!(await services.store.endBulkJob(job_id, { state: 'cancelled', at, audit })))
        throw new Refusal('conflict', 'the job has already ended')
    },
    resume,
    async stop() {
      abort.abort()
      await running
    },
  }
}

interface JobParts {
  readonly request: BulkRequest & { retry_of: string | null }
  readonly targets: readonly BulkTarget[]
  readonly by: Caller
}

function jobOf({ clock }: Services, { request, targets, by }: JobParts): BulkRecord {
  const { action, patch, reason, query, retry_of } = request
  return {
    job_id: newId(),
    action,
    state: 'running',
    total: targets.length,
    ok: 0,
    refused: 0,
    names: targets.slice(0, NAMED).map(({ name }) => name),
    query,
    patch,
    reason,
    retry_of,
    actor: by.actor,
    remote: by.remote,
    started_at: clock.now().toISOString(),
    ended_at: null,
  }
}

function auditOfStart(services: Services, job: BulkRecord) {
  const { action, total, query, names, patch, retry_of, reason } = job
  const chosen = query
    ? describeQuery(query) || 'the whole fleet'
    : names.join(', ') + (total > names.length ? ', …' : '')
  const parts = [`${action} ${total} replicas: ${chosen}`]
  if (patch) parts.push(describePatch(patch))
  if (retry_of) parts.push(`what job ${retry_of} could not do`)
  if (reason) parts.push(reason)
  const detail = parts.join('; ').slice(0, 1000)
  return auditEntry(services, job, { action: 'bulk', target: job.job_id, detail })
}

async function readRefused({ store }: Services, { job_id }: BulkRecord): Promise<BulkTarget[]> {
  const targets: BulkTarget[] = []
  let cursor: string | null = null
  do {
    const page = await store.listBulkItems(job_id, ['refused'], { cursor, limit: READ_AT_ONCE })
    targets.push(...page.items.map(({ worker_id, replica_id, name }) => ({ worker_id, replica_id, name })))
    cursor = page.nextCursor
  } while (cursor !== null)
  return targets
}

/** Runs every job that is not done. While the database does not answer they wait. */
async function runJobs(services: Services, signal: AbortSignal): Promise<void> {
  let said = false
  while (!signal.aborted) {
    try {
      const job = await services.store.nextBulkJob()
      if (!job) return
      await runJob(services, job, signal)
      said = false
    } catch (error) {
      if (error instanceof Superseded || signal.aborted) return
      if (!said)
        services.logger.warn(
          { reason: (error as Error).message },
          'bulk jobs wait: the database cannot be used. It is tried again each second; mirrors keep syncing',
        )
      said = true
      await pause(RETRY_MS, signal)
    }
  }
}

/** Does what waits of a job, worker by worker, until nothing does or the job is cancelled. */
async function runJob(services: Services, job: BulkRecord, signal: AbortSignal): Promise<void> {
  for (;;) {
    const page = await services.store.listBulkItems(job.job_id, ['waiting'], { cursor: null, limit: READ_AT_ONCE })
    const groups = [...Map.groupBy(page.items, ({ worker_id }) => worker_id).values()]
    // The last one may go on in the next page; a worker has one turn.
    if (page.nextCursor !== null && groups.length > 1) groups.pop()
    if (groups.length === 0) break
    for (const items of groups) {
      await takeTurn()
      if (signal.aborted || !(await doTurn(services, { job, items, signal }))) return
    }
  }
  await services.store.endBulkJob(job.job_id, {
    state: 'finished',
    at: services.clock.now().toISOString(),
    audit: null,
  })
}
