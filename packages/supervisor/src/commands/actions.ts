// actions.ts — Decisions that are held for some seconds: kept in the database, carried out when their time has come,
// also by a supervisor that was killed and started meanwhile, and taken back by whoever cancels them before.
import { Refusal, subjectOf, type HeldDecision, type PendingAction } from '@kagami/protocol'
import { every, newId } from '@kagami/runtime'
import type { ReplicaEntry, WorkerEntry } from '../core/entries.ts'
import { requireApproved, withoutReplica } from '../core/records.ts'
import type { Services } from '../services.ts'
import type { HeldAction } from '../store/store.ts'
import { auditEntry } from './save.ts'
import type { Caller, Commands } from './types.ts'

const LOOK_MS = 250
/** What could not be done or stored is tried again after so long, ms: the database may be away for a while. */
const AGAIN_MS = 5000

/** A decision to hold. */
export interface ActionRequest {
  readonly decision: HeldDecision
  readonly worker: WorkerEntry
  /** The replica to remove. */
  readonly replica: ReplicaEntry | null
  readonly reason: string | null
  readonly holdSeconds: number
}

/** The decisions that are held. */
export interface HeldActions {
  /** Those that are held now, the next one first. */
  list(): PendingAction[]
  hold(request: ActionRequest, by: Caller): Promise<PendingAction>
  /** Takes back the one with this id, or with a prefix of it that no other has. */
  cancel(idOrPrefix: string, by: Caller): Promise<void>
  /** Carries out what is due from now on; returns how to stop. */
  start(): () => void
}

/** Reads what the previous run held. */
export async function openHeldActions(services: Services, commands: Commands): Promise<HeldActions> {
  const { clock, store, feed } = services
  const held = new Map((await store.loadActions()).map((action) => [action.action_id, action]))
  /** Those that are just now stored or carried out. */
  const busy = new Set<string>()
  let nextTryMs = 0
  const list = () => [...held.values()].sort(bySoonest).map(shown)
  const publish = () => feed.publish('actions', { type: 'actions', actions: list() })
  async function carryOutDue(): Promise<void> {
    const now = clock.now().getTime()
    if (clock.monotonicMs() < nextTryMs) return
    const due = [...held.values()].filter(({ executes_at }) => Date.parse(executes_at) <= now).sort(bySoonest)
    for (const action of due) {
      const { action_id } = action
      if (busy.has(action_id)) continue
      busy.add(action_id)
      const isDone = await carryOut(services, commands, action).catch((error: unknown) => logFault(services, error))
      busy.delete(action_id)
      if (!isDone) nextTryMs = clock.monotonicMs() + AGAIN_MS
      else if (held.delete(action_id)) publish()
    }
  }
  return {
    list,
    async hold(request, by) {
      const action = actionOf(services, request, by)
      const same = [...held.values()].find((one) => isSame(one, action))
      if (same) throw alreadyHeld(same)
      held.set(action.action_id, action)
      busy.add(action.action_id)
      try {
        await store.addAction(action, auditOf(services, by, action, `hold_${action.action}`))
      } catch (error) {
        held.delete(action.action_id)
        throw error
      } finally {
        busy.delete(action.action_id)
      }
      publish()
      return shown(action)
    },
    async cancel(idOrPrefix, by) {
      const action = findHeld([...held.values()], idOrPrefix)
      if (busy.has(action.action_id)) throw new Refusal('conflict', `${describe(action)} is being carried out now`)
      await store.removeAction(action.action_id, auditOf(services, by, action, `cancel_${action.action}`))
      held.delete(action.action_id)
      publish()
    },
    start: () => every(clock, LOOK_MS, () => void carryOutDue()),
  }
}

const bySoonest = (a: HeldAction, b: HeldAction) =>
  a.executes_at === b.executes_at ? (a.action_id < b.action_id ? -1 : 1) : a.executes_at < b.executes_at ? -1 : 1

const isSame = (one: HeldAction, other: HeldAction) =>
  one.action === other.action && one.worker_id === other.worker_id && one.replica_id === other.replica_id

const describe = (action: HeldAction) => `${action.action} of ${subjectOf(action)}`

/** What the API says of one: not where the request came from. */
const shown = ({ remote: _internal, ...action }: HeldAction): PendingAction => action

function alreadyHeld(action: HeldAction): Refusal {
  return new Refusal(
    'conflict',
    `${describe(action)} is already held, by ${action.requested_by} until ${action.executes_at}`,
    'target',
    `kagami actions cancel ${action.action_id}`,
  )
}

/** The action as it is held. Refuses what could not be carried out either. */
function actionOf({ clock }: Services, request: ActionRequest, by: Caller): HeldAction {
  const { decision, worker, replica, reason, holdSeconds } = request
  if (decision === 'remove_replica') {
    if (!replica) throw new Refusal('not_found', 'remove_replica needs a replica')
    requireApproved(worker, worker.record.worker_id)
    withoutReplica(worker, replica.replicaId)
  }
  if (decision === 'approve' && worker.record.admission === 'approved')
    throw new Refusal('conflict', `worker ${worker.record.name} is already approved`)
  const now = clock.now()
  return {
    // Short, so that people can type it; the end of an id is random.
    action_id: newId().slice(-8),
    action: decision,
    worker_id: worker.record.worker_id,
    worker_name: worker.record.name,
    replica_id: replica?.replicaId ?? null,
    replica_name: replica?.name ?? null,
    reason,
    requested_by: by.actor,
    requested_at: now.toISOString(),
    executes_at: new Date(now.getTime() + holdSeconds * 1000).toISOString(),
    remote: by.remote,
  }
}

function findHeld(held: readonly HeldAction[], idOrPrefix: string): HeldAction {
  const found = held.filter(({ action_id }) => action_id.startsWith(idOrPrefix))
  const exact = found.find(({ action_id }) => action_id === idOrPrefix) ?? (found.length === 1 ? found[0] : undefined)
  if (exact) return exact
  if (found.length > 1)
    throw new Refusal('conflict', `"${idOrPrefix}" is ambiguous: it could be ${found.map(describe).join(', ')}`)
  throw new Refusal(
    'not_found',
    `no decision "${idOrPrefix}" is held: it was carried out or cancelled`,
    null,
    'What was done, and by whom: kagami events list',
  )
}

/** Returns true when nothing is left to do, also when it is no longer possible: then the audit says why. */
async function carryOut(services: Services, commands: Commands, action: HeldAction): Promise<boolean> {
  const by: Caller = { actor: action.requested_by, remote: action.remote }
  const refused = await runCommand(commands, action, by).then(() => null, refusalOf)
  if (refused?.code === 'unavailable') throw refused
  const audit = refused && {
    ...auditOf(services, by, action, action.action),
    detail: `${subjectOf(action)}: ${refused.message}`,
    result: refused.code,
  }
  await services.store.removeAction(action.action_id, audit ?? undefined)
  return true
}

function runCommand(commands: Commands, action: HeldAction, by: Caller): Promise<void> {
  const { worker_id, replica_id, reason } = action
  switch (action.action) {
    case 'approve':
      return commands.approve(worker_id, by)
    case 'reject':
      return commands.reject(worker_id, reason, by)
    case 'terminate':
      return commands.terminate(worker_id, by)
    case 'remove_replica':
      return commands.removeReplica(worker_id, replica_id!, by)
  }
}

function refusalOf(error: unknown): Refusal {
  if (error instanceof Refusal) return error
  throw error
}

function logFault({ logger }: Services, error: unknown): false {
  logger.error({ error }, 'a decision that is held could not be carried out; it is tried again')
  return false
}

function auditOf(services: Services, by: Caller, action: HeldAction, name: string) {
  const seconds = (Date.parse(action.executes_at) - Date.parse(action.requested_at)) / 1000
  return auditEntry(services, by, {
    action: name,
    target: action.replica_id ?? action.worker_id,
    detail: [subjectOf(action), `${seconds} s`, action.action_id, action.reason].filter(Boolean).join(', '),
  })
}
