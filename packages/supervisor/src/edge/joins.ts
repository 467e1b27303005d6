// joins.ts — Answers workers that join: records what they announce, and lets only one process of a worker id in.
import { WIRE_VERSION, type Capability, type Join, type JoinReply } from '@kagami/protocol'
import { documentOf } from '../core/document.ts'
import type { WorkerEntry } from '../core/entries.ts'
import { noChanges } from '../core/changes.ts'
import { dropWorker, putWorker, withSharedKinds } from '../core/fleet.ts'
import { findMissingDisk, standInsFor } from '../core/place.ts'
import { isSameRecord, withJoin } from '../core/records.ts'
import type { Services } from '../services.ts'
import type { Refreshing } from './refreshing.ts'
import { withSealed } from './sealing.ts'
import type { NewAudit } from '../store/store.ts'
import { version } from '../version.ts'

/** A live process answers a ping well within this, ms. */
const PING_MS = 700

/**
 * Starts answering joins. Returns how to stop.
 *
 * When a join comes from another process than the known one, the known process is asked to answer a ping. If it
 * answers, the new one has to wait and is told why; the desired document also names the one process it admits. If it
 * does not answer, it is gone, and the new one takes its place.
 */
export function answerJoins(services: Services, refreshing: Refreshing): () => void {
  return services.bus.answer('join', null, (join, { workerId }) => answerJoin(services, refreshing, join, workerId))
}

async function answerJoin(
  services: Services,
  refreshing: Refreshing,
  join: Join,
  workerId: string,
): Promise<JoinReply> {
  const { clock, traffic, tombstones, fleet, streamCreatedAt } = services
  traffic.countMessage(clock.now().getTime())
  const supervisor = { version, wire: WIRE_VERSION, ...(streamCreatedAt ? { stream: streamCreatedAt } : {}) }
  const rejected = (reason: string) => ({ accepted: false, status: 'rejected' as const, reason, supervisor })
  if (join.worker_id !== workerId) return rejected(`joined as ${join.worker_id} on the subject of ${workerId}`)
  if (tombstones.has(`${workerId}/${join.instance}`))
    return { ...rejected('terminated by an operator'), terminated: true }
  return services.runInTurn(workerId, async () => {
    await recordKey(services, workerId, join.jwt)
    const known = fleet.workers.get(workerId)
    const conflict = known && (await findConflict(services, known, join))
    if (known && conflict) {
      known.conflict = { text: conflict, at: clock.monotonicMs() }
      services.recordChanges({ ...noChanges(), workers: new Set([known]) })
      return { accepted: false, status: known.record.admission, reason: conflict, supervisor, asks_for_states: true }
    }
    const { record, hasFullState } = await admit(services, join, known)
    const { admission, reason, missing_disk } = record
    const place = missing_disk ? { missing_disk } : {}
    refreshing.joined(workerId)
    // One that does not wait sends its states now; what is said of an empty folder is not taken in.
    const waits = join.capabilities?.includes('wait' satisfies Capability)
    if (waits && !hasFullState && !missing_disk) refreshing.want(workerId, 'states')
    const reply = { accepted: admission === 'approved', status: admission, reason, supervisor, ...place }
    return { ...reply, asks_for_states: true }
  })
}

/** Saves what the join says of the worker, and writes its document. */
async function admit(services: Services, join: Join, known: WorkerEntry | undefined): Promise<WorkerEntry> {
  const { clock, store, fleet, documents, logger } = services
  const missingDisk = findMissingDisk(fleet, join)
  const autoApprove = services.config.auto_approve && missingDisk === null
  const facts = { autoApprove, now: clock.now(), missingDisk, lastRev: documents.lastRev(join.worker_id) }
  const joined = withSharedKinds(fleet, withJoin(known?.record ?? null, join, facts))
  const record = await withSealed(joined)
  if (!known || !isSameRecord(record, known.record))
    await store.saveWorker(record, known ? undefined : auditOfJoin(services, join.worker_id, record.admission))
  if (record !== joined) await store.eraseRemains()
  const worker = putWorker(fleet, record, clock.now().getTime())
  if (worker.instance !== join.instance || !known) worker.hasFullState = false
  worker.instance = join.instance
  if (!known)
    logger.info(
      { worker_id: join.worker_id, name: record.name, admission: record.admission },
      'a worker joined for the first time',
    )
  if (missingDisk !== null && !known?.record.missing_disk)
    logger.warn({ worker_id: join.worker_id, name: record.name, host: join.hostname }, missingDisk)
  documents.write(documentOf(record, services.term))
  services.recordChanges({ ...noChanges(), workers: new Set([worker]) })
  for (const standIn of standInsFor(fleet, join)) await forgetStandIn(services, standIn)
  return worker
}

/** The disk is back with the worker it belongs to: the one that waited in its place is no worker any more. */
async function forgetStandIn(services: Services, { record }: WorkerEntry): Promise<void> {
  const { store, fleet } = services
  const at = services.clock.now().toISOString()
  const audit = { at, actor: 'supervisor', remote: null, action: 'forget', target: record.worker_id }
  await services.runInTurn(record.worker_id, async () => {
    const worker = fleet.workers.get(record.worker_id)
    if (!worker?.record.missing_disk) return
    await store.removeWorker(record.worker_id, null, {
      ...audit,
      detail: 'the disk of its place is back',
      result: 'ok',
    })
    services.recordChanges({ ...noChanges(), removed: dropWorker(fleet, worker) })
    services.publisher.workerGone(record.worker_id)
  })
}

/**
 * Records the key of a worker's JWT when the database does not know it. After the database was lost, only the JWTs that
 * we signed show whose key is whose. A key that is known can be revoked.
 */
async function recordKey(
  { accounts, store, clock }: Services,
  workerId: string,
  jwt: string | undefined,
): Promise<void> {
  const key = jwt && accounts?.verify(workerId, jwt)
  if (!key) return
  const known = await store.findKeys(workerId, key)
  if (known.length > 0) return
  await store.rememberKey({
    public_key: key,
    worker_id: workerId,
    claimed_at: clock.now().toISOString(),
    revoked_at: null,
  })
}

/** One sentence when another live process has the worker id; null when the id is free, or its process is gone. */
async function findConflict({ bus, logger }: Services, known: WorkerEntry, join: Join): Promise<string | null> {
  if (!known.instance || known.instance === join.instance || known.presence === 'lost' || known.record.older_wire)
    return null
  const alive = await bus.request('ping', join.worker_id, { instance: known.instance }, PING_MS)
  if (!alive) return null
  logger.warn(
    { worker_id: join.worker_id, host: join.hostname },
    'a second process uses the id of a running worker; it must wait',
  )
  return (
    `another running process uses worker id ${join.worker_id} (on ${known.record.hostname ?? 'an unknown host'}); ` +
    'this one waits. Give each worker its own worker_id and data_dir'
  )
}

function auditOfJoin({ clock }: Services, workerId: string, admission: string): NewAudit {
  return {
    at: clock.now().toISOString(),
    actor: 'worker',
    remote: null,
    action: 'join',
    target: workerId,
    detail: null,
    result: admission,
  }
}
