// listen.ts — What workers say, brought to the fleet: joins, heartbeats, progress, goodbyes. Identity comes from the
// subject.
import type { Heartbeat, Join, JoinReply, ProgressEvent } from '@kagami/protocol'
import { WIRE_VERSION } from '@kagami/protocol'
import { joined } from '../core/records.ts'
import { applyHeartbeat, putWorker, setPresence } from '../core/fleet.ts'
import { noChanges, type WorkerEntry } from '../core/entries.ts'
import type { Core } from '../supervisor.ts'
import { version } from '../version.ts'
import { documentOf } from './projection.ts'

/** A live process answers a ping well within this, ms. */
const PING_MS = 700
/** A worker is asked for everything at most this often, ms. */
const REFRESH_EVERY_MS = 3000

/** Starts listening; returns the way to stop. */
export function listen(core: Core): () => void {
  const asked = new Map<string, number>()
  const refresh = (workerId: string) => {
    const now = core.clock.monotonicMs()
    if (now - (asked.get(workerId) ?? -Infinity) < REFRESH_EVERY_MS) return
    asked.set(workerId, now)
    void core.bus.request('refresh', workerId, {}, 2000)
  }
  const ends = [
    core.bus.answer('join', null, (join, { workerId }) => answerJoin(core, join, workerId)),
    core.bus.hear('heartbeat', null, (beat, { workerId }) => hearHeartbeat(core, beat, workerId, refresh)),
    core.bus.hear('progress', null, (event, { workerId }) => hearProgress(core, event, workerId)),
    core.bus.hear('goodbye', null, ({ worker_id, instance }, { workerId }) => {
      const worker = core.fleet.workers.get(workerId)
      if (worker_id !== workerId || !worker || worker.instance !== instance) return
      worker.heardMs = -Infinity
      if (worker.lastSeenAt) core.keeper.seen(workerId, worker.lastSeenAt)
      core.apply(setPresence(core.fleet, worker, 'lost', core.clock.now().getTime()))
    }),
  ]
  return () => ends.forEach((end) => end())
}

async function answerJoin(core: Core, join: Join, workerId: string): Promise<JoinReply> {
  core.traffic.message(core.clock.now().getTime())
  const supervisor = { version, wire: WIRE_VERSION, ...(core.stream ? { stream: core.stream } : {}) }
  if (join.worker_id !== workerId)
    return {
      accepted: false,
      status: 'rejected',
      reason: `joined as ${join.worker_id} on the subject of ${workerId}`,
      supervisor,
    }
  if (core.tombstones.has(`${workerId}/${join.instance}`))
    return { accepted: false, status: 'rejected', reason: 'terminated by an operator', terminated: true, supervisor }
  return core.inTurn(workerId, async () => {
    await learnKey(core, workerId, join.jwt)
    const known = core.fleet.workers.get(workerId)
    const other = known && (await otherProcess(core, known, join))
    if (known && other) {
      known.conflict = { text: other, at: core.clock.monotonicMs() }
      core.apply({ ...noChanges(), workers: new Set([known]) })
      return { accepted: false, status: known.record.admission, reason: other, supervisor }
    }
    const record = joined(known?.record ?? null, join, { autoApprove: core.config.auto_approve, now: core.clock.now() })
    if (JSON.stringify(record) !== JSON.stringify(known?.record))
      await core.store.saveWorker(record, known ? undefined : auditOfJoin(core, workerId, record.admission))
    const worker = putWorker(core.fleet, record, core.clock.now().getTime())
    if (worker.instance !== join.instance || !known) worker.inStep = false
    worker.instance = join.instance
    if (!known)
      core.logger.info(
        { worker_id: workerId, name: record.name, admission: record.admission },
        'a worker joined for the first time',
      )
    core.projection.put(documentOf(record, core.term))
    core.apply({ ...noChanges(), workers: new Set([worker]) })
    return { accepted: record.admission === 'approved', status: record.admission, reason: record.reason, supervisor }
  })
}

/**
 * After the loss of a database nobody knows whose key is whose; what we signed ourselves tells, and can then be
 * revoked.
 */
async function learnKey({ accounts, store, clock }: Core, workerId: string, jwt: string | undefined): Promise<void> {
  const key = jwt && accounts?.verify(workerId, jwt)
  if (!key) return
  const known = await store.findKeys(workerId, key)
  if (known.length === 0)
    await store.rememberKey({
      public_key: key,
      worker_id: workerId,
      claimed_at: clock.now().toISOString(),
      revoked_at: null,
    })
}

/**
 * One sentence when another live process holds the id; null when the id is free or was held by a process that is gone.
 */
async function otherProcess(core: Core, known: WorkerEntry, join: Join): Promise<string | null> {
  if (!known.instance || known.instance === join.instance || known.presence === 'lost' || known.record.older_wire)
    return null
  const alive = await core.bus.request('ping', join.worker_id, { instance: known.instance }, PING_MS)
  if (!alive) return null
  core.logger.warn(
    { worker_id: join.worker_id, host: join.hostname },
    'a second process uses the id of a running worker; it is kept waiting',
  )
  return (
    `another running process uses worker id ${join.worker_id} (on ` +
    `${known.record.hostname ?? 'an unknown host'}); this one waits. Give each worker a worker_id and ` +
    'data_dir of its own'
  )
}

function auditOfJoin(core: Core, workerId: string, admission: string) {
  return {
    at: core.clock.now().toISOString(),
    actor: 'worker',
    remote: null,
    action: 'join',
    target: workerId,
    detail: null,
    result: admission,
  }
}

/** Takes a heartbeat in: costs what it changes. */
export function hearHeartbeat(
  core: Core,
  beat: Heartbeat,
  workerId: string,
  refresh: (workerId: string) => void,
): void {
  const now = core.clock.now()
  core.traffic.message(now.getTime())
  if (beat.worker_id !== workerId || core.tombstones.has(`${workerId}/${beat.instance}`)) return
  const worker = core.fleet.workers.get(workerId)
  if (!worker) return refresh(workerId)
  // A process that is not the one we know: a restart we have not heard the join of, or a second one, which its join
  // will tell.
  if (worker.instance !== beat.instance) {
    if (worker.conflict === null) refresh(workerId)
    return
  }
  core.traffic.heartbeat(now.getTime())
  worker.heardMs = core.clock.monotonicMs()
  worker.lastSeenAt = now.toISOString()
  if (worker.presence !== 'online') core.apply(setPresence(core.fleet, worker, 'online', now.getTime()))
  const { changes, mismatch } = applyHeartbeat(core.fleet, worker, beat, now.getTime())
  acknowledge(core, workerId, beat.observed_rev)
  if (changes.replicas.size + changes.removed.length + changes.workers.size > 0) core.apply(changes)
  if (mismatch) refresh(workerId)
}

/** The worker applied a document: that is the round trip of the command in it. */
function acknowledge(core: Core, workerId: string, rev: number) {
  const sent = core.sent.get(workerId)
  if (!sent || rev < sent.rev) return
  core.sent.delete(workerId)
  core.traffic.latency(core.clock.monotonicMs() - sent.at, core.clock.now().getTime())
}

function hearProgress(core: Core, event: ProgressEvent, workerId: string) {
  core.traffic.message(core.clock.now().getTime())
  const entry = core.fleet.workers.get(workerId)?.replicas.get(event.replica_id)
  // A word of the sync before the last must not stand for the present one.
  if (
    event.worker_id !== workerId ||
    !entry ||
    event.sync_id < (entry.state.current?.sync_id ?? entry.state.last_sync?.sync_id ?? '')
  )
    return
  entry.progress = event.progress
  entry.progressOf = event.sync_id
  entry.progressAt = core.clock.now().getTime()
  core.teller.progress(entry, event.sync_id, event.progress)
}
