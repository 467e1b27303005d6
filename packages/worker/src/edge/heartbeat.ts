// heartbeat.ts — Puts replica states into heartbeats: what changed, or everything, in parts that fit a message. Sends
// nothing itself.
import { MESSAGE_MAX_BYTES, type Digest, type Folders, type Heartbeat, type ReplicaState } from '@kagami/protocol'
import { describeReplica } from '../core/describe.ts'
import type { Replica } from '../core/replica.ts'
import { keptRevOf, type WorkerState } from '../core/worker.ts'

/** Room left for the envelope of a heartbeat, bytes. */
const ENVELOPE_BYTES = 64 * 1024

export interface HeartbeatContents {
  readonly changed: readonly Replica[]
  readonly removed: readonly string[]
  readonly full: boolean
  /** Folders that belong to no replica; null: not to be sent. */
  readonly folders: Folders | null
}

/**
 * Identifies the set of states without listing them: their count and the sum of their revision numbers. The supervisor
 * compares it with its own and requests a full heartbeat when they differ. Both sides update it by adding and
 * subtracting. Revision numbers of new replicas begin far apart (see firstRevision), so that another set does not have
 * the same sum.
 */
export function digestOf(replicas: ReadonlyMap<string, Replica>): Digest {
  let revisions = 0
  for (const replica of replicas.values()) revisions += replica.revisionNo
  return { count: replicas.size, revisions }
}

/** What every heartbeat says of the worker as a whole. */
export function envelopeOf(
  state: WorkerState,
): Pick<Heartbeat, 'worker_id' | 'instance' | 'observed_rev' | 'kept_rev' | 'digest' | 'jobs'> {
  const lives = [...state.replicas.values()].map((replica) => replica.life.state)
  const count = (life: string) => lives.filter((one) => one === life).length
  return {
    worker_id: state.id,
    instance: state.instance,
    observed_rev: state.desired?.rev ?? 0,
    kept_rev: keptRevOf(state),
    digest: digestOf(state.replicas),
    jobs: { running: count('syncing'), queued: count('queued'), limit: state.limits.perWorker },
  }
}

/** The heartbeats that carry `contents`: one, or several parts of one `seq` when they would not fit a message. */
export function heartbeatsFor(
  envelope: Omit<Heartbeat, 'full' | 'part' | 'replicas' | 'removed' | 'folders'>,
  contents: HeartbeatContents,
): Heartbeat[] {
  const parts = partition(contents.changed.map(describeReplica))
  return parts.map((replicas, index) => ({
    ...envelope,
    full: contents.full,
    part: { index, of: parts.length },
    replicas,
    removed: index === 0 ? [...contents.removed] : [],
    ...(index === 0 && contents.folders ? { folders: contents.folders } : {}),
  }))
}

function partition(states: readonly ReplicaState[]): ReplicaState[][] {
  const parts: ReplicaState[][] = [[]]
  let size = 0
  for (const state of states) {
    const bytes = Buffer.byteLength(JSON.stringify(state)) + 1
    if (size + bytes > MESSAGE_MAX_BYTES - ENVELOPE_BYTES) {
      parts.push([])
      size = 0
    }
    parts.at(-1)!.push(state)
    size += bytes
  }
  return parts
}
