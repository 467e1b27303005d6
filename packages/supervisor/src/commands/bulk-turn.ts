// bulk-turn.ts — What a bulk job does with the replicas of one worker: all in one turn, with one revision of its
// record, which is saved in one transaction with the result of each replica. The rules are those of single commands.
import { Refusal, type BulkAction } from '@kagami/protocol'
import { newId, pause } from '@kagami/runtime'
import { inPieces } from '../pieces.ts'
import type { ReplicaEntry, WorkerEntry } from '../core/entries.ts'
import { requireApproved, withoutReplica, withSyncs } from '../core/records.ts'
import type { Services } from '../services.ts'
import {
  Superseded,
  type BulkItemRecord,
  type BulkOutcome,
  type BulkRecord,
  type BulkTurn,
  type NewAudit,
  type WorkerRecord,
} from '../store/store.ts'
import { auditOf, decideEdit, decidePause, requireCurrent, type Decided, type Subject } from './decide.ts'
import { applyDecision, auditEntry } from './save.ts'

/** How long to wait before a turn is saved again, ms. */
const RETRY_MS = 1000

/** Replicas of one worker that a job is to do. */
export interface Turn {
  readonly job: BulkRecord
  /** At least one, all of the same worker. */
  readonly items: readonly BulkItemRecord[]
  readonly signal: AbortSignal
}

/** Does them. Returns false when the job was cancelled before; then nothing of this turn was done. */
export function doTurn(services: Services, turn: Turn): Promise<boolean> {
  const { worker_id } = turn.items[0]!
  return services.runInTurn(worker_id, async () => {
    const found = findWorker(services, worker_id)
    if (found instanceof Refusal)
      return saveTurn(services, turn, { outcomes: turn.items.map((item) => refusedOf(item, found)), record: null })
    if (found.record.older_wire && ['sync', 'remove'].includes(turn.job.action))
      return askOlderWorker(services, turn, found)
    const { record, ...decided } = await decideAll(services, turn, found)
    const isSaved = await saveTurn(services, turn, { ...decided, record })
    if (isSaved && record) applyDecision(services, record)
    return isSaved
  })
}

function findWorker({ fleet }: Services, workerId: string): WorkerEntry | Refusal {
  try {
    return requireApproved(fleet.workers.get(workerId), workerId)
  } catch (error) {
    if (error instanceof Refusal) return error
    throw error
  }
}

interface Made {
  readonly outcomes: readonly BulkOutcome[]
  readonly record: WorkerRecord | null
  readonly audits?: readonly NewAudit[]
}

/** What the job makes of the worker's record, and of each replica. */
async function decideAll(services: Services, { job, items }: Turn, worker: WorkerEntry): Promise<Made> {
  const { rev } = worker.record
  const outcomes: BulkOutcome[] = []
  const edits: NewAudit[] = []
  const done: string[] = []
  let { record } = worker
  const pieces = inPieces()
  for (const item of items) {
    const turn = pieces.next()
    if (turn) await turn
    try {
      // Whatever it is made of, it becomes one revision: the next one.
      const given = { ...worker, record: { ...record, rev } }
      const subject = { worker: given, entry: entryOf(worker, item), by: job }
      const decided = await decideOne[job.action](services, subject, job)
      record = decided.record ?? record
      if (job.action === 'edit' && decided.record)
        edits.push(auditOf(services, subject, { action: 'edit', more: `${decided.more}; bulk job ${job.job_id}` }))
      done.push(item.name)
      outcomes.push(okOf(item))
    } catch (error) {
      outcomes.push(refusedOf(item, refusalOf(services, item, error)))
    }
  }
  if (record === worker.record) return { outcomes, record: null }
  return { outcomes, record, audits: job.action === 'edit' ? edits : [auditOfTurn(services, job, { worker, done })] }
}

type Decide = (services: Services, subject: Subject, job: BulkRecord) => Decided | Promise<Decided>

const decideOne: Record<BulkAction, Decide> = {
  sync({ clock }, { worker, entry }) {
    return { record: withSyncs(worker, [entry.replicaId], { newId, now: clock.now() }), more: null }
  },
  pause(services, subject, { reason }) {
    requireCurrent(subject.worker)
    return decidePause(services, subject, { reason })
  },
  resume(services, subject) {
    requireCurrent(subject.worker)
    return decidePause(services, subject, null)
  },
  edit(services, subject, { patch }) {
    requireCurrent(subject.worker)
    return decideEdit(services, subject, { patch: patch ?? {}, ifMatch: null })
  },
  remove: (_services, { worker, entry }) => ({ record: withoutReplica(worker, entry.replicaId), more: null }),
}

/**
 * A worker of before desired documents is asked for each replica. What it answers may be lost with this process, and it
 * is never asked twice: what is not known to be done is noted as refused beforehand.
 */
async function askOlderWorker(services: Services, turn: Turn, worker: WorkerEntry): Promise<boolean> {
  const { job, items, signal } = turn
  for (const item of items) {
    if (signal.aborted || !(await saveTurn(services, turn, { outcomes: [inDoubt(item, worker)], record: null })))
      return false
    const outcome = await askFor(services, { job, item, worker })
    const audits = outcome.result === 'ok' ? [auditOfTurn(services, job, { worker, done: [item.name] })] : []
    await saveTurn(services, turn, { outcomes: [outcome], record: null, audits, doubtful: true })
  }
  return true
}

async function askFor(
  services: Services,
  { job, item, worker }: { job: BulkRecord; item: BulkItemRecord; worker: WorkerEntry },
): Promise<BulkOutcome> {
  try {
    const { replicaId, name } = entryOf(worker, item)
    if (job.action === 'sync') await services.olderWorkers.syncResource(worker, name)
    else {
      withoutReplica(worker, replicaId)
      await services.olderWorkers.removeReplica(worker, replicaId)
    }
    return okOf(item)
  } catch (error) {
    return refusedOf(item, refusalOf(services, item, error))
  }
}

const inDoubt = (item: BulkItemRecord, { record }: WorkerEntry): BulkOutcome =>
  refusedOf(
    item,
    new Refusal(
      'unavailable',
      `the supervisor stopped while it asked ${record.name}: it is not known whether the worker heard it`,
      null,
      'Look at the replica, and retry what the job could not do if it is not as you wanted.',
    ),
  )

/**
 * Saves a turn until the database has answered: a commit whose answer was lost must be neither done again nor
 * forgotten. Meanwhile the worker stays in this turn.
 */
async function saveTurn(
  { store, logger }: Services,
  { job, signal }: Turn,
  { audits = [], ...made }: Made & Pick<BulkTurn, 'doubtful'>,
): Promise<boolean> {
  for (let said = false; ; said = true) {
    try {
      return await store.saveBulkTurn({ jobId: job.job_id, audits, ...made })
    } catch (error) {
      if (error instanceof Superseded || signal.aborted) throw error
      if (!said)
        logger.warn(
          { job: job.job_id, reason: (error as Error).message },
          'a bulk job waits: the database did not take what it has decided. It is tried again each second; mirrors ' +
            'keep syncing',
        )
      await pause(RETRY_MS, signal)
    }
  }
}

function entryOf(worker: WorkerEntry, { replica_id, name }: BulkItemRecord): ReplicaEntry {
  const entry = worker.replicas.get(replica_id)
  if (!entry) throw new Refusal('not_found', `${name} was removed`)
  return entry
}

const okOf = ({ position }: BulkItemRecord): BulkOutcome => ({
  position,
  result: 'ok',
  code: null,
  message: null,
  hint: null,
})

const refusedOf = ({ position }: BulkItemRecord, { code, message, hint }: Refusal): BulkOutcome => ({
  position,
  result: 'refused',
  code,
  message,
  hint,
})

/** A fault in one replica keeps no other from being done. */
function refusalOf({ logger }: Services, { name }: BulkItemRecord, error: unknown): Refusal {
  if (error instanceof Refusal) return error
  logger.error({ err: error, replica: name }, 'a fault in a bulk job')
  return new Refusal('internal', 'there was a fault in the supervisor: see its log')
}

function auditOfTurn(
  services: Services,
  job: BulkRecord,
  { worker, done }: { worker: WorkerEntry; done: readonly string[] },
): NewAudit {
  const names = done.map((name) => name.slice(0, name.lastIndexOf('@'))).join(', ')
  const detail = `${names.slice(0, 900)}; bulk job ${job.job_id}`
  const action = job.action === 'remove' ? 'remove_replica' : job.action
  return auditEntry(services, job, { action, target: worker.record.worker_id, detail })
}
