// store.ts — What survives a restart of the supervisor. The one interface; SQLite and PostgreSQL behave alike.
import {
  Refusal,
  type Admission,
  type AuditEntry,
  type KindAnnouncement,
  type Paused,
  type ReplicaSpec,
  type ReplicaState,
  type SyncReport,
  type SyncRequest,
} from '@kagami/protocol'

/** A worker as it is remembered, with everything people decided about it. */
export interface WorkerRecord {
  readonly worker_id: string
  readonly name: string
  readonly admission: Admission
  readonly reason: string | null
  readonly first_seen_at: string
  readonly decided_at: string | null
  readonly decided_by: string | null
  readonly version: string | null
  readonly hostname: string | null
  readonly http_addr: string | null
  readonly data_dir: string | null
  readonly older_wire: boolean
  readonly kinds: readonly KindAnnouncement[]
  /** Public key credentials are sealed with; absent where the worker has none. */
  readonly sealing_key?: string | undefined
  /** The process the document admits. */
  readonly instance: string | null
  /** Revision of the desired document; grows with every change of what follows. */
  readonly rev: number
  readonly replicas: readonly ReplicaSpec[]
  readonly removed: readonly string[]
  readonly syncs: readonly SyncRequest[]
  readonly paused: readonly PausedReplica[]
  readonly last_seen_at: string | null
}

/** A replica somebody paused. */
export interface PausedReplica extends Paused {
  readonly replica_id: string
}

export interface StoredReplica {
  readonly worker_id: string
  readonly state: ReplicaState
}

export type NewAudit = Omit<AuditEntry, 'id'>

export interface SyncFilter {
  readonly replicaId?: string | undefined
  readonly workerId?: string | undefined
  readonly name?: string | undefined
  readonly outcomes?: readonly string[] | undefined
}

export interface Paged<T> {
  readonly items: T[]
  readonly nextCursor: string | null
  readonly total: number
}

export interface PageRequest {
  readonly cursor: string | null
  readonly limit: number
}

/** What admits a worker to a locked NATS; of the secret only its SHA-256 is kept. */
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

/** The key of a worker on a locked NATS. Only one of an id is not revoked. */
export interface WorkerKey {
  readonly public_key: string
  readonly worker_id: string
  readonly claimed_at: string
  readonly revoked_at: string | null
}

/** Who may be whom on a locked NATS. */
export interface KeyStore {
  addJoinToken(token: JoinTokenRecord, audit: NewAudit): Promise<void>
  findJoinToken(hash: string): Promise<JoinTokenRecord | null>
  /** Newest first. */
  listJoinTokens(): Promise<JoinTokenRecord[]>
  removeJoinToken(id: string, audit: NewAudit): Promise<boolean>
  /** All keys of an id and the holder of a key, revoked ones too. */
  findKeys(workerId: string, publicKey: string): Promise<WorkerKey[]>
  /** One transaction: the key belongs to the id, and the token has one use less. False when the token had none left. */
  claimKey(key: WorkerKey, tokenId: string, audit: NewAudit): Promise<boolean>
  /** Keeps a key that was claimed in a database this one does not know. */
  rememberKey(key: WorkerKey): Promise<void>
  /** Marks the keys of an id revoked; returns them. */
  revokeKeys(workerId: string, at: Date, audit: NewAudit): Promise<WorkerKey[]>
  listRevokedKeys(): Promise<WorkerKey[]>
}

/** A supervisor of a later term has begun on the same database: this one may write nothing any more. */
export class Superseded extends Refusal {
  constructor(mine: number, newest: number) {
    super(
      'unavailable',
      `another supervisor has taken over this database (term ${newest}, this one has ${mine}); this one ` +
        'writes nothing any more and stops',
    )
    this.name = 'Superseded'
  }
}

export interface Store extends KeyStore {
  /** Resolves when a write was refused because another supervisor has begun. Every write of this store throws it. */
  readonly superseded: Promise<Superseded>

  /** Brings the tables up to date. Throws when the database is damaged, or newer than this program. */
  prepare(): Promise<void>
  /** Counts supervisors' lives: one more than the last and than `above`, kept before it is returned. */
  nextTerm(above?: number): Promise<number>
  /** Throws Superseded when a supervisor of a later term has begun. */
  checkTerm(): Promise<void>
  loadWorkers(): Promise<WorkerRecord[]>
  loadReplicas(): Promise<StoredReplica[]>
  loadTombstones(): Promise<{ worker_id: string; instance: string }[]>
  /** One transaction: the worker and the audit entry, or neither. */
  saveWorker(record: WorkerRecord, audit?: NewAudit): Promise<void>
  /** Forgets a worker and its replicas, keeps its history, and remembers which process was ended. */
  removeWorker(workerId: string, instance: string | null, audit: NewAudit): Promise<void>
  /** Last words of the fleet, in one transaction. */
  saveStates(changes: {
    replicas: readonly StoredReplica[]
    removed: readonly { worker_id: string; replica_id: string }[]
    seen: readonly { worker_id: string; at: string }[]
  }): Promise<void>
  /** Adds reports in one transaction; returns the ids that were not there before. */
  addReports(reports: readonly SyncReport[]): Promise<Set<string>>
  listSyncs(filter: SyncFilter, page: PageRequest): Promise<Paged<SyncReport>>
  /** By id, or by a prefix that fits just one. */
  findSync(idOrPrefix: string): Promise<SyncReport | null>
  lastFailure(): Promise<SyncReport | null>
  addAudit(entry: NewAudit): Promise<void>
  listAudit(target: string | null, page: PageRequest): Promise<Paged<AuditEntry>>
  /** Keeps a message nobody can use, so that it is seen and does not block others; the newest 2500 stay. */
  addDeadLetter(letter: { subject: string; body: string; reason: string; at: Date }): Promise<void>
  countDeadLetters(): Promise<number>
  /**
   * Removes history that ended before `before`, and refusals from the audit, of which at most the newest 10,000 stay.
   * Returns how many syncs went.
   */
  prune(before: Date): Promise<number>
  /** Throws when the database cannot be used just now. */
  ping(): Promise<void>
  close(): Promise<void>
}
