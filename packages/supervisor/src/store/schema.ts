// schema.ts — The tables, for the query builder. Instants are Unix milliseconds; objects are JSON text.
import type { Generated } from 'kysely'

/** The columns of each table. */
export interface Tables {
  meta: { key: string; value: string }
  workers: {
    worker_id: string
    /** The WorkerRecord as JSON. */
    record: string
    /** Digest of its kinds, which then are not in the record; null: they are. */
    announced: string | null
    admission: string
    last_seen_at: number | null
    updated_at: number
  }
  /** What workers announce of their kinds, as JSON, by its SHA-256. */
  announcements: { digest: string; kinds: string }
  /** Terminated processes: a late message of one must not bring its worker back. */
  tombstones: { worker_id: string; instance: string; at: number }
  replicas: { worker_id: string; replica_id: string; name: string; state: string; updated_at: number }
  syncs: {
    sync_id: string
    worker_id: string
    replica_id: string
    name: string
    kind: string
    outcome: string
    started_at: number
    ended_at: number
    /** Grows with each report that is recorded: its order, whatever the clocks of workers say. */
    seq: number
    /** The SyncReport as JSON. */
    report: string
    /** What the history of a replica is made of, as in the report. All null: an earlier version wrote the row. */
    action: string | null
    reason: string | null
    duration_ms: number | null
    bytes: number | null
    files: number | null
    size_bytes: number | null
  }
  /** How the syncs of a replica ended on a day of UTC since 1970: a bit for each outcome. */
  sync_days: { replica_id: string; day: number; outcomes: number }
  audit: {
    id: Generated<number>
    at: number
    actor: string
    remote: string | null
    action: string
    target: string | null
    detail: string | null
    result: string
  }
  dead_letters: { id: Generated<number>; at: number; subject: string; body: string; reason: string }
  /** Decisions that are held; `action` is the HeldAction as JSON. */
  held_actions: { action_id: string; executes_at: number; action: string }
  access_tokens: {
    token_id: string
    hash: string
    name: string
    /** The name in small letters: no two may differ only by these. */
    name_key: string
    role: string
    /** Labels as JSON. */
    scope: string
    made_at: number
    made_by: string
    expires_at: number | null
    last_used_at: number | null
  }
  /** People who have signed in, by the hash of what their browser keeps. */
  sessions: {
    hash: string
    name: string
    role: string
    scope: string
    /** What the provider said of them, which it wants to see when they sign out. */
    id_token: string | null
    made_at: number
    expires_at: number
  }
  join_tokens: {
    id: string
    hash: string
    worker_id: string | null
    uses: number
    used: number
    made_at: number
    made_by: string
    expires_at: number
  }
  /** How full the disk of a worker was: the last value of a part of 6 hours, by its number since 1970. */
  disk_samples: {
    worker_id: string
    part: number
    measured_at: number
    total_bytes: number
    used_bytes: number
    available_bytes: number | null
  }
  /** What was seen of mirrors, in the order of `seq`. `name` is JSON text, as in `bad_mirrors`. */
  incidents: {
    seq: Generated<number>
    incident_id: string
    name: string
    state: 'failed' | 'stale' | 'ok'
    seen_at: number
  }
  /** Mirrors that were bad in the last survey. */
  bad_mirrors: { name: string; state: 'failed' | 'stale' }
  worker_keys: { public_key: string; worker_id: string; claimed_at: number; revoked_at: number | null }
  bulk_jobs: {
    job_id: string
    /** What was asked for, by whom, as JSON. */
    job: string
    state: string
    total: number
    ok: number
    refused: number
    started_at: number
    ended_at: number | null
  }
  /** The replicas of bulk jobs, those of one worker after one another. Name and worker are those of its beginning. */
  bulk_items: {
    job_id: string
    position: number
    worker_id: string
    replica_id: string
    name: string
    result: string
    code: string | null
    message: string | null
    hint: string | null
  }
}
