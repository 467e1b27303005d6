// replicas.ts — What people decide about one replica: pause, resume, a hold, an earlier tree. Kept in the database
// first, then sent.
import { Refusal } from '@kagami/protocol'
import { newId } from '@kagami/runtime'
import type { Commands, SyncRequested } from './commands.ts'
import { requireApproved, withPause, withSyncs, type Order } from '../core/records.ts'
import type { ReplicaEntry, WorkerEntry } from '../core/entries.ts'
import { audit, keep, type Caller } from './save.ts'
import type { Core } from '../supervisor.ts'

export interface HoldDecision {
  readonly action: 'approve' | 'reject'
  /** The hold that was looked at; null means the present one. */
  readonly holdId: string | null
}

/** Commands about single replicas. Refusals are thrown, and audited by who catches them. */
export function createDecisions(
  core: Core,
): Pick<Commands, 'pauseReplica' | 'resumeReplica' | 'decideHold' | 'rollBack'> {
  return {
    pauseReplica: (entry, reason, by) =>
      inTurn(core, entry, (worker) => setPause(core, { worker, entry, by, pause: { reason } })),
    resumeReplica: (entry, by) => inTurn(core, entry, (worker) => setPause(core, { worker, entry, by, pause: null })),
    decideHold: (entry, decision, by) =>
      inTurn(core, entry, (worker) => decideHold(core, { worker, entry, by }, decision)),
    rollBack: (entry, generation, by) =>
      inTurn(core, entry, (worker) => rollBack(core, { worker, entry, by }, generation)),
  }
}

function inTurn<T>(core: Core, entry: ReplicaEntry, act: (worker: WorkerEntry) => Promise<T>): Promise<T> {
  const { worker_id } = entry.worker.record
  return core.inTurn(worker_id, () => {
    const worker = requireApproved(core.fleet.workers.get(worker_id), worker_id)
    if (worker.record.older_wire)
      throw new Refusal(
        'conflict',
        `worker ${worker.record.name} speaks the wire of older fleets, which has no word for this: upgrade it`,
      )
    return act(worker)
  })
}

interface About {
  readonly worker: WorkerEntry
  readonly entry: ReplicaEntry
  readonly by: Caller
}

async function setPause(
  core: Core,
  { worker, entry, by, pause }: About & { pause: { reason: string | null } | null },
): Promise<void> {
  const paused = pause && { by: by.actor, at: core.clock.now().toISOString(), reason: pause.reason }
  const record = withPause(worker.record, entry.state.replica_id, paused)
  if (record !== worker.record)
    await keep(
      core,
      record,
      entryOf(core, { worker, entry, by }, { action: pause ? 'pause' : 'resume', more: pause?.reason ?? null }),
    )
}

async function decideHold(core: Core, about: About, { action, holdId }: HoldDecision): Promise<SyncRequested> {
  const { hold, name } = about.entry.state
  if (!hold) throw new Refusal('conflict', `${name} is not held: there is nothing to decide`)
  if (holdId !== null && hold.hold_id !== holdId)
    throw new Refusal(
      'conflict',
      `what would be deleted has changed since: it is now ${hold.removed} of ${hold.total}. Look at it again`,
      'hold_id',
    )
  return order(core, about, { order: { action, hold_id: hold.hold_id }, more: `${hold.removed} of ${hold.total}` })
}

async function rollBack(core: Core, about: About, generation: number | null): Promise<SyncRequested> {
  const { name, generation: present } = about.entry.state
  if (typeof present !== 'number')
    throw new Refusal('conflict', `${name} keeps no earlier trees: that needs the option publish = "swap"`)
  if (generation !== null && generation === present)
    throw new Refusal('conflict', `generation ${generation} of ${name} is the one that is published`, 'generation')
  const pause = { by: about.by.actor, at: core.clock.now().toISOString(), reason: 'went back to an earlier tree' }
  return order(core, about, {
    order: { action: 'rollback', generation },
    more: generation === null ? null : `generation ${generation}`,
    pause,
  })
}

interface Ordered {
  readonly order: Order
  readonly more: string | null
  /** Paused in the same breath. */
  readonly pause?: Parameters<typeof withPause>[2]
}

async function order(core: Core, about: About, { order: what, more, pause }: Ordered): Promise<SyncRequested> {
  const { worker, entry } = about
  const { replica_id, name } = entry.state
  const asked = withSyncs(worker, [replica_id], { newId, now: core.clock.now(), order: what })
  const record = pause ? withPause(asked, replica_id, pause) : asked
  await keep(core, record, entryOf(core, about, { action: what.action ?? 'sync', more }))
  return { request_id: record.syncs.at(-1)!.request_id, replica_id, name, worker_id: worker.record.worker_id }
}

function entryOf(core: Core, { worker, entry, by }: About, { action, more }: { action: string; more: string | null }) {
  return audit(core, by, {
    action,
    target: entry.state.replica_id,
    detail: [`${entry.state.name}@${worker.record.name}`, more].filter((part) => part !== null).join(': '),
  })
}
