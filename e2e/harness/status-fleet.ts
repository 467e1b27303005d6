// status-fleet.ts — A fleet for the status page: one real worker with a real copy, and one that says hostile things.
// Everything that visitors must not see has SECRET in it. No assertions.
import { mkdirSync, writeFileSync } from 'node:fs'
import { startRsyncUpstream, writeFiles } from '@kagami/demo'
import type { ReplicaState } from '@kagami/protocol'
import { sampleState } from '@kagami/protocol/testing/samples'
import { startNats, type Place } from './place.ts'
import { startSupervisor, startWorker, type SupervisorProgram } from './programs.ts'
import { startSpokenWorker } from './spoken-worker.ts'
import { until } from './wait.ts'

/** Is part of all that is internal. */
export const SECRET = 'zzsecret'

/** Names that would do harm if they became markup, or reordered what is beside them. */
export const HOSTILE_NAMES = [
  `<script>alert(1)</script>`,
  `"><img src=x onerror=alert(1)>`,
  `'-alert(1)-'`,
  '\u202edlrow\u202c',
  '镜像 &amp; mirror',
  'x'.repeat(128),
  'style.css',
  '100%/../..%2f',
]

const at = new Date().toISOString()

const hostile: Partial<ReplicaState> = {
  status: 'failed',
  failures: 3,
  last_success_at: at,
  size_bytes: 1_234_567,
  labels: { team: SECRET },
  options: { password: SECRET },
  last_sync: {
    sync_id: SECRET,
    outcome: 'failed',
    reason: 'auth_rejected',
    message: `said ${SECRET}`,
    hint: SECRET,
    started_at: at,
    ended_at: at,
    duration_ms: 1,
    bytes: 1,
  },
  hold: {
    hold_id: SECRET,
    since: at,
    reason: 'too_many_deletions',
    removed: 1,
    total: 2,
    rejected: false,
    examples: [`${SECRET}/file`],
  },
}

const UPSTREAMS = [
  `https://${SECRET}:${SECRET}@upstream.example/a?token=${SECRET}#${SECRET}`,
  `${SECRET}@upstream.example:b`,
  `file:///srv/${SECRET}`,
  `/srv/${SECRET}`,
]

/** What hostile replicas say of themselves. */
export const hostileReplicas: readonly ReplicaState[] = HOSTILE_NAMES.map((name, index) =>
  sampleState({
    ...hostile,
    name,
    replica_id: `${SECRET}-${index}`,
    upstream: UPSTREAMS[index % UPSTREAMS.length]!,
  }),
)

const about = (id: string) => ({
  worker_id: `${SECRET}-${id}`,
  name: `${SECRET}-${id}`,
  hostname: SECRET,
  http_addr: `${SECRET}:1`,
  data_dir: `/srv/${SECRET}`,
})

export interface StatusFleet {
  readonly place: Place
  readonly nats: string
  readonly supervisor: SupervisorProgram
}

/** What the operator lays into status_dir. */
export function writeTheme(place: Place): string {
  mkdirSync(place.at('theme', 'help'), { recursive: true })
  writeFileSync(place.at('theme', 'header.html'), '<p>By the <b>university</b></p>')
  writeFileSync(place.at('theme', 'footer.html'), '<p>Write to mirrors@example.org</p>')
  writeFileSync(place.at('theme', 'style.css'), 'body { --own: 1 }\n')
  writeFileSync(place.at('theme', 'logo.svg'), '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')
  writeFileSync(place.at('theme', 'help', 'own-help.html'), '<p>Read the <i>manual</i></p>')
  return place.at('theme')
}

/**
 * Starts it. Mirrors: debian, synced for good; own-help, that has no copy yet; late, stale, queued and again debian of
 * a second worker, where it fails; and the hostile ones. One more worker is rejected.
 */
export async function startStatusFleet(place: Place, env: Record<string, string> = {}): Promise<StatusFleet> {
  writeFiles(place.at('up', 'files'), { 'one.txt': 'x'.repeat(400_000) })
  const upstream = await startRsyncUpstream({ dir: place.at('up') })
  place.onEnd(() => upstream.stop())
  const { url: nats } = await startNats(place)
  const supervisor = await startSupervisor(place, { nats, env })
  const kept = { kind: 'rsync', upstream: upstream.url.replace('://', `://${SECRET}@`) }
  await startWorker(place, {
    nats,
    dir: SECRET,
    providers: [{ name: 'debian', ...kept, interval_secs: 86_400 }],
    env: { KAGAMI_WORKER_ID: `${SECRET}-w`, KAGAMI_NAME: `${SECRET}-w` },
  })
  const ago = (hours: number) => new Date(Date.now() - hours * 3_600_000).toISOString()
  const say = (name: string, change: Partial<ReplicaState>) =>
    sampleState({ name, replica_id: `${SECRET}-${name}`, interval_secs: 3600, ...change })
  const replicas = [
    say('own-help', {}),
    say('late', { status: 'success', last_success_at: ago(2), content_at: ago(3), next_due_at: ago(1) }),
    say('stale', { status: 'success', last_success_at: ago(48) }),
    say('queued', {
      status: 'success',
      last_success_at: ago(0.5),
      activity: 'queued',
      queue: { position: 3, reason: SECRET },
    }),
    say('debian', { ...hostile, size_bytes: null, upstream: UPSTREAMS[0]! }),
  ]
  await startSpokenWorker(place, nats, { replicas: [...replicas, ...hostileReplicas], about: about('hostile') })
  await startSpokenWorker(place, nats, {
    replicas: [say(`${SECRET}-rejected`, { status: 'success', last_success_at: at })],
    about: about('rejected'),
  })
  await supervisor.api.call('listResources', { query: { limit: 1 } })
  const rejected = await fetch(`${supervisor.url}/workers/${SECRET}-rejected/reject`, { method: 'POST' })
  if (!rejected.ok) throw new Error(`rejecting a worker: ${rejected.status} ${await rejected.text()}`)
  await until('all mirrors are known, and the real one is synced', async () => {
    const { items } = await supervisor.api.call('listResources', { query: { limit: 500 } })
    const debian = items.find(({ name }) => name === 'debian')
    return (
      items.length === 5 + HOSTILE_NAMES.length && debian?.replicas_total === 2 && debian.health_counts['fresh'] === 1
    )
  })
  return { place, nats, supervisor }
}
