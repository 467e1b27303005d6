// store.ts — The interface of the database: what survives a restart of the supervisor. SQLite and PostgreSQL behave the
// same.
import {
  Refusal,
  type AccessToken,
  type AuditEntry,
  type Outcome,
  type PendingAction,
  type ReplicaState,
  type Role,
  type Scope,
  type SyncReport,
} from '@kagami/protocol'
import type { BulkStore } from './bulk.ts'
import type { IncidentStore } from './incidents/incidents.ts'
import type { NewAudit, Paged, PageRequest, WorkerRecord } from './records.ts'

export type { BulkItemRecord, BulkOutcome, BulkRecord, BulkStore, BulkTarget, BulkTurn } from './bulk.ts'
export type { BadMirrors, Incident, IncidentChanges, IncidentStore, StoredIncidents } from './incidents/incidents.ts'
export type { NewAudit, Paged, PausedReplica, PageRequest, WorkerRecord } from './records.ts'

/** The last known state of a replica. */
export interface StoredReplica {
  readonly worker_id: string
  readonly state: ReplicaState
}

/** What the database of the original Kagami holds. `last_seen` is in Unix seconds. */
export interface OriginalFleet {
  readonly workers: readonly { worker_id: string; approved: number; last_seen: number }[]
  readonly replicas: readonly {
    replica_id: string
    worker_id: string
    name: string
    kind: string
    upstream: string
    status: string
  }[]
}

/** Makes a fleet of ours of that of the original Kagami. */
export type CarryOriginal = (original: OriginalFleet) => {
  readonly workers: readonly WorkerRecord[]
  readonly replicas: readonly StoredReplica[]
  /** How many of its rows cannot be used. */
  readonly leftOut: number
}

/** Which syncs of the history to list. */
export interface SyncFilter {
  readonly replicaId?: string | undefined
  readonly workerId?: string | undefined
  readonly name?: string | undefined
  readonly outcomes?: readonly string[] | undefined
}

/** Which entries of the audit to list. */
export interface AuditFilter {
  /** Ids or names; what is about any of them. */
  readonly targets?: readonly string[] | undefined
  readonly actor?: string | undefined
  readonly actions?: readonly string[] | undefined
  /** Writes that were done, or requests that were refused; both when it is absent. */
  readonly result?: 'done' | 'refused' | undefined
  /** Id of an entry: only later ones. */
  readonly since?: number | undefined
}

/** A join token for a locked NATS. Of its secret only the SHA-256 is stored. */
export interface JoinTokenRecord {
  readonly id: string
  readonly hash: string
  /** The only id that may use it; null for any. */
  readonly worker_id: string | null
  readonly uses: number
  readonly used: number
  readonly made_at: string
  readonly made_by: string
  readonly expires_at: string
}

/** The key of a worker on a locked NATS. A worker id has at most one key that is not revoked. */
export interface WorkerKey {
  readonly public_key: string
  readonly worker_id: string
  readonly claimed_at: string
  readonly revoked_at: string | null
}

/** Join tokens, and the keys of workers on a locked NATS. */
export interface KeyStore {
  addJoinToken(token: JoinTokenRecord, audit: NewAudit): Promise<void>
  findJoinToken(hash: string): Promise<JoinTokenRecord | null>
  /** Newest first. */
  listJoinTokens(): Promise<JoinTokenRecord[]>
  removeJoinToken(id: string, audit: NewAudit): Promise<boolean>
  /** Every key of the worker id, and the entry of this key; revoked keys too. */
  findKeys(workerId: string, publicKey: string): Promise<WorkerKey[]>
  /** In one transaction, binds the key to its id and uses the token once. False when the token is used up. */
  claimKey(key: WorkerKey, tokenId: string, audit: NewAudit): Promise<boolean>
  /** Adds a key that was bound before this database existed. */
  rememberKey(key: WorkerKey): Promise<void>
  /** Marks the keys of a worker id as revoked; returns them. */
  revokeKeys(workerId: string, at: Date, audit: NewAudit): Promise<WorkerKey[]>
  listRevokedKeys(): Promise<WorkerKey[]>
}

/**
 * The database is no longer the one that this supervisor writes to: another supervisor of a later term uses it, or an
 * older copy was put in its place. This one may not write any more.
 */
export class Superseded extends Refusal {
  /** Whether an older copy was put in its place: then starting again is right. */
  readonly replaced: boolean
  constructor(problem: string, replaced: boolean) {
    super('unavailable', `${problem}. This one no longer writes, and stops`)
    this.name = 'Superseded'
    this.replaced = replaced
  }
}

/** The figures of a finished sync. */
export interface StoredRun extends Pick<
  SyncReport,
  'outcome' | 'reason' | 'duration_ms' | 'bytes' | 'files' | 'size_bytes'
> {
  /** When it ended, as its worker said, Unix ms. */
  readonly ended_at: number
  readonly action: NonNullable<SyncReport['action']> | null
}

/** What is stored of the finished syncs of a replica. */
export interface StoredHistory {
  /** When the oldest sync ended that is stored, Unix ms; null: none is. */
  readonly knownSinceMs: number | null
  /** In the order in which they ended. */
  readonly runs: readonly StoredRun[]
  /** How long the last syncs took that succeeded, without those that verified, ms; newest first, at most 20. */
  readonly lastDurationsMs: readonly number[]
}

/** How the finished syncs of a replica ended, by day of UTC. */
export interface StoredDays {
  /** When the first day begins of which a sync is stored, Unix ms. */
  readonly firstMs: number
  /** The outcomes that there were on a day, by its beginning, Unix ms. */
  readonly outcomes: ReadonlyMap<number, readonly Outcome[]>
}

/** How full the disk of a worker was. */
export interface DiskSample {
  readonly worker_id: string
  readonly total_bytes: number
  readonly used_bytes: number
  /** What the worker may still write; null: it has not said. */
  readonly available_bytes: number | null
  /** Unix ms, by the supervisor's clock. */
  readonly measured_at: number
}

/** The size of a replica after a sync. */
export interface SizeThen {
  readonly size_bytes: number
  /** When the sync ended, as its worker said, Unix ms. */
  readonly ended_at: number
}

/** The disks of workers over time. Of each worker the last value of each part of 6 hours is kept. */
export interface DiskStore {
  /** Saves samples in one transaction, each in place of an earlier one of its worker and part. */
  saveDiskSamples(samples: readonly DiskSample[]): Promise<void>
  /** What was measured of workers from `fromMs` to `toMs`, Unix ms: by worker, oldest first. */
  readDiskSamples(
    workerIds: readonly string[],
    span: { fromMs: number; toMs: number },
  ): Promise<Map<string, DiskSample[]>>
  /** Of the replicas of workers, by id: the size after the first sync from `fromMs` on, Unix ms, that said it. */
  readFirstSizes(workerIds: readonly string[], fromMs: number): Promise<Map<string, SizeThen>>
}

/** How far the stream of reports was read into the database. */
export interface ReportsSeen {
  /** When the stream was created: a stream that was created again counts anew. */
  readonly stream: string
  /** The highest sequence of the stream that was stored. */
  readonly sequence: number
}

/** A decision that is held, with where the request came from. */
export interface HeldAction extends PendingAction {
  readonly remote: string | null
}

/** An access token as it is stored: its secret is not. */
export interface AccessTokenRecord extends AccessToken {
  readonly hash: string
}

/** Somebody who has signed in. */
export interface SessionRecord {
  /** Of what the browser keeps. */
  readonly hash: string
  readonly name: string
  readonly role: Role
  readonly scope: Scope
  readonly id_token: string | null
  readonly made_at: string
  readonly expires_at: string
}

/** Access tokens, and people who have signed in. */
export interface AccessStore {
  /** Returns false, and adds nothing, when there is one of that name. */
  addAccessToken(token: AccessTokenRecord, audit: NewAudit): Promise<boolean>
  findAccessToken(hash: string): Promise<AccessTokenRecord | null>
  /** By name. */
  listAccessTokens(): Promise<AccessTokenRecord[]>
  /** By id or name; returns the id of what was removed. */
  removeAccessToken(idOrName: string, auditOf: (token: AccessTokenRecord) => NewAudit): Promise<string | null>
  noteTokenUse(tokenId: string, at: Date): Promise<void>
  /** Removes those that have expired, too. */
  addSession(session: SessionRecord): Promise<void>
  findSession(hash: string): Promise<SessionRecord | null>
  removeSession(hash: string): Promise<void>
}

/** The part of the database for decisions that are held. */
export interface ActionStore {
  /** Those that are held, the next one first. */
  loadActions(): Promise<HeldAction[]>
  addAction(action: HeldAction, audit: NewAudit): Promise<void>
  /** Returns whether it was there; only then the audit entry is added. */
  removeAction(actionId: string, audit?: NewAudit): Promise<boolean>
}

/** The database. */
export interface Store extends KeyStore, AccessStore, ActionStore, DiskStore, BulkStore, IncidentStore {
  /** Resolves when another supervisor has taken over the database. From then on every write throws this error. */
  readonly superseded: Promise<Superseded>

  /**
   * Brings the tables up to date. A database of the original Kagami is taken over with `carry`; returns what was
   * carried over, otherwise null. Throws ConfigError when the database is newer, or another program's.
   */
  prepare(carry: CarryOriginal): Promise<ReturnType<CarryOriginal> | null>
  /** Starts a term: higher than the last one and than `above`, and stored before it is returned. */
  nextTerm(above?: number): Promise<number>
  /**
   * Throws Superseded when another supervisor has started a later term, or an older database is in this one's place.
   */
  checkTerm(): Promise<void>
  /** Workers that announce the same kinds share them. */
  loadWorkers(): Promise<WorkerRecord[]>
  /** All replicas, in parts, in any order: a large fleet is never in memory as a whole. A part is read once. */
  loadReplicas(): AsyncIterable<Iterable<StoredReplica>>
  loadTombstones(): Promise<{ worker_id: string; instance: string }[]>
  /** Saves the record and the audit entry in one transaction. */
  saveWorker(record: WorkerRecord, audit?: NewAudit): Promise<void>
  /** Removes a worker and its replicas, keeps its history, and records which process was terminated. */
  removeWorker(workerId: string, instance: string | null, audit: NewAudit): Promise<void>
  /** Saves the last known states of replicas, in one transaction. */
  saveStates(changes: {
    replicas: readonly StoredReplica[]
    removed: readonly { worker_id: string; replica_id: string }[]
    seen: readonly { worker_id: string; at: string }[]
  }): Promise<void>
  /** Adds reports, and how far the stream is read with them, in one transaction; returns the sync ids that are new. */
  addReports(reports: readonly SyncReport[], seen?: ReportsSeen | null): Promise<Set<string>>
  /** How far the stream of reports was read; null when no version that notes it has read any. */
  reportsSeen(): Promise<ReportsSeen | null>
  listSyncs(filter: SyncFilter, page: PageRequest): Promise<Paged<SyncReport>>
  /** Finds a sync by its id, or by a prefix that only one id has. */
  findSync(idOrPrefix: string): Promise<SyncReport | null>
  /** The finished syncs of a replica recorded just before and after one; before one that is not recorded: the last. */
  findNeighbours(replicaId: string, syncId: string): Promise<{ previous: string | null; next: string | null }>
  lastFailure(): Promise<SyncReport | null>
  /** The finished syncs of a replica that ended from `fromMs` until before `toMs`, Unix ms. */
  readHistory(replicaId: string, span: { fromMs: number; toMs: number }): Promise<StoredHistory>
  /** How syncs ended on the days from that of `fromMs` on, Unix ms; a replica without a stored sync is absent. */
  readDays(replicaIds: readonly string[], fromMs: number): Promise<Map<string, StoredDays>>
  /** As in StoredHistory, but only of those among the last 60 syncs of each replica. */
  readLastDurations(replicaIds: readonly string[]): Promise<Map<string, number[]>>
  addAudit(entry: NewAudit): Promise<void>
  /** Newest first; with `since` what came after that entry, oldest first. */
  listAudit(filter: AuditFilter, page: PageRequest): Promise<Paged<AuditEntry>>
  /** Stores a message that cannot be used, so that it does not block others. The newest 2500 are kept. */
  addDeadLetter(letter: { subject: string; body: string; reason: string; at: Date }): Promise<void>
  countDeadLetters(): Promise<number>
  /**
   * Removes syncs and bulk jobs that ended before `before`, and refusals in the audit that are older, or not among the
   * newest 10,000.
   * Each time it goes at most six hours further than the time before, lest a clock that is wrong for a while costs the
   * history. Samples of disks go before `samplesBefore`, as carefully. Returns the number of removed syncs.
   */
  prune(before: Date, samplesBefore?: Date): Promise<number>
  /** Removes the bytes of what was replaced or deleted, which a database keeps in its files for a while. */
  eraseRemains(): Promise<void>
  /** Throws when the database cannot be used. */
  ping(): Promise<void>
  close(): Promise<void>
}
