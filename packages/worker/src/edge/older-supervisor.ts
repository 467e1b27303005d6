// older-supervisor.ts — A supervisor that speaks the v0 wire (docs/compatibility.md): translates the worker's state for
// it and its commands for the worker. Nothing else knows of v0.
import {
  intervalProblem,
  replicaNameProblem,
  upstreamProblem,
  type Desired,
  type JoinReply,
  type OlderCommand,
  type OlderCommandReply,
  type OlderReplica,
  type ReplicaSpec,
  type ReplicaStatus,
  type Storage,
} from '@kagami/protocol'
import { newId, type Bus, type Logger } from '@kagami/runtime'
import { v0Status } from '../core/describe.ts'
import type { Replica } from '../core/replica.ts'
import type { WorkerEvent, WorkerState } from '../core/worker.ts'

/** What this file needs of the worker. */
export interface OlderView {
  state(): WorkerState
  tell(event: WorkerEvent): void
  /** The spec as it may be written to disk: credentials sealed. */
  seal(spec: ReplicaSpec): Promise<ReplicaSpec>
}

export interface OlderSupervisor {
  /** Whether one answered a join. */
  readonly active: boolean
  /** Asks to join; null when no such supervisor answers. From the first answer on its commands are obeyed. */
  join(): Promise<JoinReply | null>
  /** Sends everything, as every heartbeat of v0 does; nothing while inactive. */
  beat(storage: Storage | null): void
}

const JOIN_MS = 1500
const KINDS: readonly string[] = ['git', 'rsync', 'http']

/** On a locked NATS there is none: it would have no credentials. */
export const noOlderSupervisor: OlderSupervisor = { active: false, join: async () => null, beat: () => {} }

/** Starts inactive. */
export function createOlderSupervisor(
  parts: OlderView & { bus: Bus; workerId: string; logger: Logger },
): OlderSupervisor {
  const { bus, workerId, logger } = parts
  const sentStatuses = new Map<string, ReplicaStatus>()
  let active = false
  const replicas = () => [...parts.state().replicas.values()].map(describe)
  return {
    get active() {
      return active
    },
    async join() {
      const reply = await bus.request(
        'olderJoin',
        workerId,
        { worker_id: workerId, replicas: replicas(), wire: 1 },
        JOIN_MS,
      )
      if (reply && !active) {
        active = true
        logger.info('the supervisor is an older one; speaking its wire')
        bus.answer('olderCommand', workerId, (command) => obey(parts, command))
      }
      return reply
    },
    beat(storage) {
      if (!active) return
      const now = replicas()
      for (const { replica_id, status } of now) {
        if (sentStatuses.get(replica_id) !== status)
          bus.publish('olderStatus', workerId, { worker_id: workerId, replica_id, status })
        sentStatuses.set(replica_id, status)
      }
      bus.publish('olderHeartbeat', workerId, {
        worker_id: workerId,
        time_stamp: Math.floor(Date.now() / 1000),
        replicas: now,
        storage,
      })
    },
  }
}

function describe(replica: Replica): OlderReplica {
  const { replica_id, name, kind, upstream, interval_secs, labels } = replica.spec
  return {
    replica_id,
    name,
    kind: KINDS.includes(kind) ? (kind as OlderReplica['kind']) : 'unknown',
    upstream,
    status: v0Status(replica),
    interval_secs,
    labels,
  }
}

function obey(view: OlderView & { workerId: string }, command: OlderCommand): OlderCommandReply {
  const detail = carryOut(view, command)
  return { worker_id: view.workerId, command: command.type, accepted: detail === null, detail }
}

/** Null when the command is obeyed, otherwise the reason why not. */
function carryOut({ state, tell, seal }: OlderView, command: OlderCommand): string | null {
  switch (command.type) {
    case 'ping':
      return null
    case 'reject':
      tell({ type: 'join_answered', reply: { accepted: false, status: 'rejected', reason: command.reason } })
      return null
    case 'terminate':
      tell({
        type: 'join_answered',
        reply: { accepted: false, status: 'rejected', reason: 'terminated', terminated: true },
      })
      return null
    case 'sync_resource': {
      const meant = [...state().replicas.values()].filter(
        ({ spec }) => command.resource === null || spec.name === command.resource,
      )
      for (const { spec } of meant) tell({ type: 'sync_requested', replicaId: spec.replica_id, requestId: newId() })
      return meant.length > 0 || command.resource === null ? null : `no resource ${command.resource} here`
    }
    case 'remove_replica':
      if (!state().replicas.has(command.replica_id)) return `no replica ${command.replica_id} here`
      tell({ type: 'desired_read', cached: false, desired: without(documentOf(state()), command.replica_id) })
      return null
    case 'add_replica': {
      if ([...state().replicas.values()].some(({ spec }) => spec.name.toLowerCase() === command.name.toLowerCase()))
        return `a replica "${command.name}" is here already`
      const { name, kind, upstream } = command
      const problem =
        replicaNameProblem(name) ?? upstreamProblem(kind, upstream) ?? intervalProblem(command.interval_secs)
      if (problem) return `refused: ${problem}`
      const spec: ReplicaSpec = {
        replica_id: newId(),
        name,
        kind,
        upstream,
        interval_secs: command.interval_secs || null,
        labels: command.labels ?? {},
        options: {},
        auth: command.auth ?? null,
        origin: 'api',
      }
      void seal(spec).then((sealed) => {
        const document = documentOf(state())
        tell({
          type: 'desired_read',
          cached: false,
          desired: { ...document, replicas: [...document.replicas, sealed] },
        })
      })
      return null
    }
  }
}

/**
 * The document such a supervisor would have written, with the next revision. Term 0: any document of ours takes
 * precedence.
 */
function documentOf({ id, desired, membership }: WorkerState): Desired {
  const admission = membership.standing === 'approved' ? 'approved' : 'pending'
  const first: Desired = {
    worker_id: id,
    rev: 0,
    term: 0,
    admission,
    reason: null,
    terminate: false,
    instance: null,
    replicas: [],
    removed: [],
    syncs: [],
  }
  const known = desired ?? first
  return { ...known, rev: known.rev + 1, admission, instance: null }
}

function without(document: Desired, replicaId: string): Desired {
  const added = document.replicas.some((spec) => spec.replica_id === replicaId)
  return {
    ...document,
    replicas: document.replicas.filter((spec) => spec.replica_id !== replicaId),
    removed: added ? document.removed : [...document.removed, replicaId],
  }
}
