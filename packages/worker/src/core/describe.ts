// describe.ts — What a worker reports of a replica. Pure.
import type { ReplicaState, ReplicaStatus } from '@kagami/protocol'
import type { Replica } from './replica.ts'

/** The one-word status of v0. */
export function v0Status(replica: Replica): ReplicaStatus {
  if (replica.life.state === 'syncing') return 'syncing'
  const outcome = replica.facts.lastSync?.outcome
  if (!outcome) return 'init'
  if (outcome === 'success') return 'success'
  // A sync that was cancelled or interrupted says nothing new about the copy.
  if (outcome === 'cancelled' || outcome === 'interrupted')
    return replica.facts.lastSuccessAt ? 'success' : replica.facts.failures > 0 ? 'failed' : 'init'
  return 'failed'
}

/** What the worker reports of a replica. Credentials are left out here, and only here. */
export function describeReplica(replica: Replica): ReplicaState {
  const { spec, life, facts } = replica
  return {
    replica_id: spec.replica_id,
    revision_no: replica.revisionNo,
    name: spec.name,
    kind: spec.kind,
    upstream: spec.upstream,
    interval_secs: spec.interval_secs,
    labels: spec.labels,
    options: spec.options,
    origin: spec.origin,
    status: v0Status(replica),
    activity: life.state === 'idle' && replica.paused ? 'paused' : life.state,
    queue: life.state === 'queued' ? { position: life.position, reason: life.reason } : null,
    current:
      life.state === 'syncing'
        ? { sync_id: life.syncId, started_at: life.startedAt.toISOString(), trigger: life.trigger }
        : null,
    last_sync: facts.lastSync,
    last_success_at: facts.lastSuccessAt,
    next_due_at: facts.nextDueAt?.toISOString() ?? null,
    failures: facts.failures,
    ...(facts.failingSince === null ? {} : { failing_since: facts.failingSince }),
    size_bytes: facts.sizeBytes,
    files: facts.files,
    revision: facts.revision,
    hold: facts.hold,
    content_at: facts.contentAt,
    generation: facts.generation,
    kept: facts.kept,
    kept_files: facts.keptFiles,
    ...(spec.spec_rev === undefined ? {} : { spec_rev: spec.spec_rev }),
  }
}
