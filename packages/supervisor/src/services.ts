// services.ts — What the rooms of the supervisor share, and what they need of NATS without knowing how edge/ does it.
// Types only.
import type { Desired, ReplicaSpec } from '@kagami/protocol'
import type { Bus, Clock, JoinTokenContent, Logger } from '@kagami/runtime'
import type { SupervisorConfig } from './config.ts'
import type { Fleet, WorkerEntry } from './core/entries.ts'
import type { Changes } from './core/changes.ts'
import type { Traffic } from './core/telemetry.ts'
import type { Feed } from './live/feed.ts'
import type { Publisher } from './live/publisher.ts'
import type { SampleWriter } from './store/sample-writer.ts'
import type { StateWriter } from './store/state-writer.ts'
import type { Store } from './store/store.ts'

/** One supervisor, as its rooms see it. */
export interface Services {
  readonly config: SupervisorConfig
  readonly clock: Clock
  readonly logger: Logger
  readonly store: Store
  readonly bus: Bus
  /** Signs and revokes the credentials of workers; null where NATS is open. */
  readonly accounts: Accounts | null
  readonly documents: Documents
  readonly olderWorkers: OlderWorkers
  readonly fleet: Fleet
  readonly stateWriter: StateWriter
  readonly sampleWriter: SampleWriter
  readonly publisher: Publisher
  readonly feed: Feed
  readonly traffic: Traffic
  /** Number of this run of the supervisor; workers ignore documents of a lower term. */
  term: number
  /** When the stream of reports was created; null until it is known. */
  streamCreatedAt: string | null
  /** Terminated processes, as `workerId/instance`. */
  readonly tombstones: Set<string>
  /** Documents that were sent and are not acknowledged: worker id → revision, and monotonic ms when it was sent. */
  readonly unacknowledged: Map<string, { rev: number; at: number }>
  readonly startedAt: Date
  readonly startedMs: number
  /** Runs the tasks of one worker one after the other. */
  runInTurn<T>(workerId: string, task: () => Promise<T>): Promise<T>
  /** Has changes of the fleet written to the store and published to the live stream. */
  recordChanges(changes: Changes): void
}

/** Writes the desired documents of workers to the bucket; edge/document-writer.ts. */
export interface Documents {
  /** Writes this document soon. A later document of the same worker replaces one that is still waiting. */
  write(document: Desired): void
  /** Revision of the last document for this worker in this run, also of one that was removed; 0 before the first. */
  lastRev(workerId: string): number
  /** How many documents are not in the bucket yet. */
  readonly waiting: number
}

/** The supervisor's authority over a locked NATS; edge/accounts.ts. */
export interface Accounts {
  /** What every join token contains besides its secret. */
  readonly invitation: Omit<JoinTokenContent, 'secret'>
  /** Signs the JWT of a worker: valid for this key and this id only, until it is revoked. It does not expire. */
  sign(workerId: string, publicKey: string): Promise<string>
  /** The public key in a JWT that we signed for this id; null when we did not sign it. */
  verify(workerId: string, jwt: string): string | null
  /**
   * Makes NATS refuse the JWTs these keys have had until now, and cuts their connections. Rejects when NATS did not
   * accept the change.
   */
  revoke(publicKeys: readonly string[]): Promise<void>
}

/**
 * Sends commands to workers of the older wire; edge/older-workers.ts. A command that the worker refuses is a Refusal;
 * no answer is no error.
 */
export interface OlderWorkers {
  addReplica(worker: WorkerEntry, spec: ReplicaSpec): Promise<void>
  removeReplica(worker: WorkerEntry, replicaId: string): Promise<void>
  /** Null syncs every replica of the worker. */
  syncResource(worker: WorkerEntry, name: string | null): Promise<void>
  reject(worker: WorkerEntry, reason: string | null): Promise<void>
  terminate(worker: WorkerEntry): Promise<void>
}
