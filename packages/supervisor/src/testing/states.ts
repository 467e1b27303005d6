// states.ts — States of replicas as workers report them, generated. No assertions.
import type { ReplicaState } from '@kagami/protocol'

/** When generated replicas were synced for the first time, Unix ms. */
const FIRST_SYNC = Date.now() - 60_000

/** The state of a replica after some syncs, of realistic size. Equal arguments return an equal state. */
export function makeReplica(workerId: string, index: number, revision: number): ReplicaState {
  const hash = (n: number) => (n * 2_654_435_761 + index * 97).toString(16).padStart(12, '0').slice(-12)
  const at = new Date(FIRST_SYNC + revision).toISOString()
  return {
    replica_id: `0b5e7c1a-${workerId.slice(-4)}-5f00-8000-${hash(index)}`,
    revision_no: revision,
    name: `project-${index}`,
    kind: 'git',
    upstream: `https://git.example.org/group-${index % 10}/project-${index}.git`,
    interval_secs: 3600,
    labels: { team: `team-${index % 7}`, tier: 'gold' },
    options: {},
    origin: 'config',
    status: 'success',
    activity: 'idle',
    queue: null,
    current: null,
    last_sync: {
      sync_id: `01a209ec-0000-7000-8000-${hash(revision)}`,
      outcome: 'success',
      reason: null,
      message: null,
      hint: null,
      started_at: at,
      ended_at: at,
      duration_ms: 1234 + index,
      bytes: 56_789,
    },
    last_success_at: at,
    next_due_at: new Date(FIRST_SYNC + revision + 3_600_000).toISOString(),
    failures: 0,
    size_bytes: 123_456_789 + index,
    files: 120 + index,
    revision: `${hash(revision)}${hash(index)}${hash(3)}`.padEnd(40, '0'),
  }
}
