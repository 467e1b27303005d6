// large-fleet.ts — A fleet of 10,000 replicas on 250 workers, of which one is silent and one waits to be approved, with
// an upstream that fails everywhere, replicas that are late and stale, and a sync that is stuck. No assertions.
import type { ReplicaState } from '@kagami/protocol'
import { sampleState } from '@kagami/protocol/testing/samples'
import { startNats, type Place } from '../harness/place.ts'
import { startSupervisor, type SupervisorProgram } from '../harness/programs.ts'
import { startSpokenWorker } from '../harness/spoken-worker.ts'
import { until } from '../harness/wait.ts'

const WORKERS = 250
const REPLICAS = 40
const HOUR = 3_600_000
const BEGUN = Date.now()
const before = (ms: number) => new Date(BEGUN - ms).toISOString()

/** What the silent worker and the pending one are called. */
export const SILENT = 'hk-3'
export const PENDING = 'nj-2'

const failure = {
  sync_id: 'failed',
  outcome: 'failed' as const,
  reason: 'upstream_unreachable' as const,
  message: 'failed to connect to rsync.example.org (203.0.113.7): Connection refused (111)',
  hint: 'Look at the upstream.',
  started_at: before(HOUR),
  ended_at: before(HOUR - 30_000),
  duration_ms: 30_000,
  bytes: 0,
}

/** Of each worker the first replica fails; of each tenth two more are late and stale, and one sync of all is stuck. */
function changeOf(worker: number, index: number): Partial<ReplicaState> {
  if (index === 0)
    return { status: 'failed', failures: 3, failing_since: before(7 * HOUR), last_sync: failure, name: 'gentoo' }
  if (worker === 7 && index === 3)
    return { activity: 'syncing', current: { sync_id: 'stuck', started_at: before(9 * HOUR), trigger: 'schedule' } }
  if (worker % 10 === 0 && index === 1) return { last_success_at: before(7 * HOUR) }
  if (worker % 10 === 0 && index === 2) return { last_success_at: before(90 * HOUR) }
  if (index === 4)
    return { activity: 'syncing', current: { sync_id: `s-${worker}`, started_at: before(60_000), trigger: 'schedule' } }
  return {}
}

const statesOf = (id: string, worker: number): ReplicaState[] =>
  Array.from({ length: REPLICAS }, (_, index) =>
    sampleState({
      replica_id: `${id}-${index}`,
      name: `mirror-${String((worker * 7 + index) % 400).padStart(3, '0')}`,
      kind: 'rsync',
      upstream: `rsync://rsync${index % 5}.example.org/mirror/`,
      interval_secs: 21_600,
      size_bytes: 1e9 + worker * 1e6 + index,
      last_success_at: before(HOUR),
      next_due_at: before(-5 * HOUR),
      status: 'success',
      labels: { region: worker % 2 ? 'asia' : 'europe' },
      ...changeOf(worker, index),
    }),
  )

/** Starts it, and waits until the silent worker counts as such. */
export async function startLargeFleet(place: Place): Promise<SupervisorProgram> {
  const nats = await startNats(place)
  const supervisor = await startSupervisor(place, {
    nats: nats.url,
    env: { SUPERVISOR_AUTH: 'none', SUPERVISOR_AUTO_APPROVE: 'false' },
  })
  const speak = (id: string, replicas: readonly ReplicaState[]) =>
    startSpokenWorker(place, nats.url, {
      replicas,
      about: { worker_id: id, name: id, hostname: `${id}.example.org` },
      storage: { total_bytes: 8e12, used_bytes: 5e12, device: `disk-of-${id}` },
    })
  const join = async (id: string, worker: number) => {
    const spoken = await speak(id, statesOf(id, worker))
    await supervisor.api.call('approve', { params: { id } })
    return spoken
  }
  const silent = await join(SILENT, 0)
  for (let worker = 1; worker < WORKERS; worker++) await join(`w-${String(worker).padStart(3, '0')}`, worker)
  const known = async () => (await supervisor.api.call('summary')).replicas_total
  await until('all replicas are known', async () => (await known()) === WORKERS * REPLICAS)
  await speak(PENDING, [])
  silent.fallSilent()
  await until(
    'the silent worker counts as silent',
    async () => (await supervisor.api.call('getWorker', { params: { id: SILENT } })).presence === 'lost',
  )
  return supervisor
}
