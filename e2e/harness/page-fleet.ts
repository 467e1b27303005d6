// page-fleet.ts — A fleet in which every state that the UI can show is there: 24 replicas on four workers, of which
// one fell silent during a sync and one is pending, with a failing upstream, a hold and a stuck sync. No assertions.
import { mkdirSync, writeFileSync } from 'node:fs'
import { startHttpUpstream } from '@kagami/demo'
import type { ReplicaState } from '@kagami/protocol'
import { sampleState } from '@kagami/protocol/testing/samples'
import { startNats, type Place } from './place.ts'
import { startSupervisor, startWorker, type SupervisorProgram } from './programs.ts'
import { startSpokenWorker } from './spoken-worker.ts'
import { until } from './wait.ts'

const HOUR = 3_600_000
const ago = (ms: number) => new Date(Date.now() - ms).toISOString()

const running = (worker: string, minutes: number) => ({
  sync_id: `running-${worker}-${minutes}`,
  started_at: ago(minutes * 60_000),
  trigger: 'schedule' as const,
})

/** Names with the states that a real worker does not have at will. */
function statesOf(worker: string): ReplicaState[] {
  const state = (name: string, change: Partial<ReplicaState>) =>
    sampleState({
      replica_id: `${worker}-${name}`,
      name,
      kind: 'rsync',
      upstream: `rsync://rsync.example.org/${name}/`,
      interval_secs: 21_600,
      size_bytes: 12_345_678_901,
      last_success_at: ago(HOUR),
      next_due_at: ago(-5 * HOUR),
      status: 'success',
      labels: { region: 'asia' },
      ...change,
    })
  const lastSync = (reason: 'timed_out' | 'disk_full') => ({
    sync_id: `sync-${worker}-${reason}`,
    outcome: 'failed' as const,
    reason,
    message:
      reason === 'disk_full'
        ? 'rsync: [receiver] write failed on "/srv/mirrors/openwrt/releases/23.05.5/targets/x86/64/packages/kmod-' +
          'nft-queue_5.15.167-1_x86_64.ipk": No space left on device (28)'
        : 'no answer for 300 s',
    hint: 'Look at the upstream and at the log.',
    started_at: ago(HOUR),
    ended_at: ago(HOUR - 60_000),
    duration_ms: 60_000,
    bytes: 0,
  })
  const failed = {
    status: 'failed' as const,
    failures: 3,
    failing_since: ago(7 * HOUR),
    last_success_at: ago(9 * HOUR),
  }
  return [
    state('debian', {}),
    state('ubuntu', { last_success_at: ago(7 * HOUR) }),
    state('fedora', { last_success_at: ago(90 * HOUR) }),
    state('gentoo', { ...failed, last_sync: lastSync('timed_out') }),
    state('openwrt', { ...failed, last_sync: lastSync('disk_full') }),
    state('archlinux', { activity: 'syncing', current: running(worker, 3) }),
    state('pypi', { activity: 'syncing', current: running(worker, 300), last_success_at: ago(HOUR) }),
    state('crates', { activity: 'queued', queue: { position: 2, reason: 'all 4 slots are taken' } }),
    state('a-mirror-with-a-name-that-is-much-longer-than-any-column-of-a-list-has-room-for', { status: 'init' }),
    state('kernel', {
      status: 'failed',
      last_sync: { ...lastSync('timed_out'), outcome: 'held', reason: 'too_many_deletions', message: null },
      hold: {
        hold_id: 'hold',
        since: ago(2 * HOUR),
        reason: 'too_many_deletions',
        removed: 4210,
        total: 5000,
        rejected: false,
        examples: ['v6.x/linux-6.1.tar.xz', 'v6.x/linux-6.1.tar.sign'],
      },
    }),
  ]
}

export interface PageFleet {
  readonly supervisor: SupervisorProgram
  /** Pages of the UI, below /ui/, by a name for each. */
  readonly pages: Readonly<Record<string, string>>
}

/** Starts it, and waits until the silent worker counts as such. */
export async function startPageFleet(place: Place): Promise<PageFleet> {
  mkdirSync(place.at('www'))
  writeFileSync(place.at('www', 'release.txt'), 'one\n'.repeat(1000))
  const files = await startHttpUpstream({ dir: place.at('www') })
  place.onEnd(() => files.stop())
  const nats = await startNats(place)
  const supervisor = await startSupervisor(place, {
    nats: nats.url,
    env: { SUPERVISOR_AUTO_APPROVE: 'false', SUPERVISOR_AUTH: 'none' },
  })
  const approve = (id: string) => supervisor.api.call('approve', { params: { id } })
  const speak = (id: string, replicas: readonly ReplicaState[]) =>
    startSpokenWorker(place, nats.url, { replicas, about: { worker_id: id, name: id, hostname: `${id}.example.org` } })
  const silent = await speak(
    'hk-3',
    statesOf('hk-3').filter(({ name }) => ['debian', 'archlinux'].includes(name)),
  )
  await approve('hk-3')
  await speak('bj-1', statesOf('bj-1'))
  await approve('bj-1')
  await speak('nj-2', [])
  await startWorker(place, {
    nats: nats.url,
    env: { KAGAMI_WORKER_ID: 'sh-12', KAGAMI_NAME: 'sh-12' },
    providers: [
      ...Array.from({ length: 11 }, (_, index) => ({
        name: ['debian', 'ubuntu', 'fedora', 'alpine'][index] ?? `mirror-${index}`,
        kind: 'http',
        upstream: `${files.url}/release.txt`,
        interval_secs: 86_400,
      })),
      { name: 'broken', kind: 'http', upstream: `${files.url}/missing`, interval_secs: 86_400 },
    ],
  })
  const joined = async () => (await supervisor.api.call('listWorkers')).items.some(({ name }) => name === 'sh-12')
  await until('the real worker has joined', joined)
  await approve('sh-12')
  const finished = async () => (await supervisor.api.call('listSyncs', { query: { state: 'finished' } })).items
  await until('all real mirrors were synced once', async () => (await finished()).length >= 12)
  silent.fallSilent()
  await until(
    'the silent worker counts as silent',
    async () => (await supervisor.api.call('getWorker', { params: { id: 'hk-3' } })).presence === 'lost',
  )
  const failedSync = (await finished()).find(({ outcome }) => outcome === 'failed')!
  const replica = (name: string) => supervisor.api.call('getReplica', { params: { id: `${name}@sh-12` } })
  // Those of workers that declare their replicas are refused.
  const edit = { action: 'edit' as const, query: {}, patch: { labels: { env: 'prod' } }, reason: 'new labels' }
  const { job } = await supervisor.api.call('startBulk', { body: edit })
  await until('the job has ended', async () => {
    const { state } = await supervisor.api.call('getBulk', { params: { id: job!.job_id } })
    return state === 'finished'
  })
  return {
    supervisor,
    pages: {
      overview: '',
      mirrors: 'mirrors',
      mirror: 'mirrors/debian',
      replicas: 'replicas',
      'replica-held': 'replicas/bj-1-kernel',
      'replica-stuck': 'replicas/bj-1-pypi',
      replica: `replicas/${(await replica('debian')).replica_id}`,
      'replica-add': 'replicas/add?worker=sh-12&preset=debian',
      'replica-import': 'replicas/import?worker=sh-12',
      workers: 'workers',
      worker: 'workers/sh-12',
      'worker-silent': 'workers/hk-3',
      'replica-silent': 'replicas/hk-3-archlinux',
      'sync-silent': 'syncs/running-hk-3-3',
      'worker-pending': 'workers/nj-2',
      syncs: 'syncs',
      sync: `syncs/${failedSync.sync_id}`,
      storage: 'storage',
      job: `jobs/${job!.job_id}`,
      events: 'events',
      settings: 'settings',
      'signed-in': 'signed-in',
      'not-signed-in': 'signed-in?problem=failed&request_id=01a21e8f',
      nowhere: 'no/such/page',
    },
  }
}
