// simulated-fleet.ts — Workers without mirrors, in a process of their own: they join, send heartbeats of generated
// replicas every 15 s, some of which have changed, and answer what a supervisor asks. `simulated-fleet.ts <nats>
// <workers> <replicas> [share] [seconds between heartbeats]`; told what to do by messages of its parent.
import {
  HEARTBEAT_SECONDS,
  messages,
  Policy,
  subjectFor,
  WIRE_VERSION,
  type Heartbeat,
  type Join,
  type JoinReply,
} from '@kagami/protocol'
import { makeReplica } from '@kagami/supervisor/testing/states'
import { connect, type NatsConnection } from '@nats-io/transport-node'

/** What the parent asks for. */
export type FleetOrder = { type: 'join'; generation: number } | { type: 'beat' } | { type: 'count' }
/** What it is told. */
export type FleetReport =
  | { type: 'up' }
  | { type: 'joined'; ms: number }
  | { type: 'counts'; sent: number; changed: number; questions: number }

/** How many connections the workers share: an open NATS does not ask who is behind one. */
const CONNECTIONS = 20
/** How long one that joins waits for an answer before it asks again, ms. */
const JOIN_MS = 10_000
/** Share of the replicas that change in a minute: 2 of 100, unless the third argument says otherwise. */
const CHANGED_A_MINUTE = Number(process.argv[5] ?? 0.02)
const BEAT_SECONDS = Number(process.argv[6] ?? HEARTBEAT_SECONDS)
const TICK_MS = 50
const KINDS = ['command', 'git', 'http', 'rsync']

interface Simulated {
  readonly id: string
  readonly connection: NatsConnection
  readonly revisions: Uint32Array
  instance: string
  /** Until its process has joined, a worker says nothing of its replicas. */
  joined: boolean
  /** The supervisor asks for all its states. */
  asked: boolean
  seq: number
  /** Which replica changes next, and how much of a change is due. */
  next: number
  due: number
}

const [nats, workerCount, replicaCount] = [process.argv[2]!, Number(process.argv[3]), Number(process.argv[4])]
const connections = await Promise.all(Array.from({ length: CONNECTIONS }, () => connect({ servers: nats })))
const counts = { sent: 0, changed: 0, questions: 0 }
const fleet: Simulated[] = Array.from({ length: workerCount }, (_, index) => ({
  id: `worker-${String(index).padStart(4, '0')}`,
  connection: connections[index % CONNECTIONS]!,
  revisions: new Uint32Array(replicaCount).fill(1),
  instance: '',
  joined: false,
  asked: false,
  seq: 0,
  next: 0,
  due: (index % 20) / 20,
}))
const byId = new Map(fleet.map((worker) => [worker.id, worker]))

/** A name is that of a hundred replicas on as many workers, or of fewer where there are not so many. */
function stateOf({ id, revisions }: Simulated, index: number) {
  const names = Math.max(replicaCount, (workerCount * replicaCount) / 100)
  const name = `mirror-${(Number(id.slice(-4)) * replicaCount + index) % names}`
  const upstream = `https://git.example.org/group/${name}.git`
  return {
    ...makeReplica(id, index, revisions[index]!),
    name,
    upstream,
    size_bytes: 1e6 + index * 7919 + revisions[index]!,
  }
}

function sendBeat(worker: Simulated, changed: readonly number[] | null): void {
  const { id, instance, revisions, connection } = worker
  const named = changed ?? Array.from(revisions, (_, index) => index)
  const beat: Heartbeat = {
    worker_id: id,
    instance,
    seq: worker.seq++,
    sent_at: new Date().toISOString(),
    observed_rev: 1_000_000,
    full: changed === null,
    part: { index: 0, of: 1 },
    replicas: named.map((index) => stateOf(worker, index)),
    removed: [],
    digest: { count: revisions.length, revisions: revisions.reduce((sum, one) => sum + one, 0) },
    storage: { total_bytes: 1e12, used_bytes: 4e11 + worker.seq, device: `boot:${id}` },
    jobs: { running: 0, queued: 0, limit: 4 },
  }
  connection.publish(subjectFor('heartbeat', id), JSON.stringify(beat))
  counts.sent++
}

function joinOf({ id, instance }: Simulated): Join {
  const kinds = KINDS.map((kind) => ({ kind, available: true, detail: `${kind} 1.2.3`, options: Policy }))
  return {
    worker_id: id,
    instance,
    wire: WIRE_VERSION,
    name: `${id}.example.org`,
    version: '0.1.0',
    hostname: id,
    http_addr: '0.0.0.0:8080',
    data_dir: '/srv/mirrors',
    kinds,
    capabilities: ['verify', 'restore', 'rename', 'edit', 'wait'],
    fresh: false,
  }
}

/** Joins as after a power cut: all at once, each with a new process. */
async function joinAll(generation: number): Promise<number> {
  for (const worker of fleet) worker.joined = false
  const began = performance.now()
  let last = began
  await Promise.all(
    fleet.map(async (worker) => {
      worker.instance = `${worker.id}-${generation}`
      const text = JSON.stringify(joinOf(worker))
      for (;;) {
        const reply = await worker.connection
          .request(subjectFor('join', worker.id), text, { timeout: JOIN_MS })
          .catch(() => null)
        const answer = reply?.json<JoinReply>()
        worker.asked = answer?.asks_for_states === true
        if (answer?.accepted) break
      }
      last = performance.now()
      worker.joined = true
      sendBeat(worker, worker.asked ? [] : null)
    }),
  )
  return last - began
}

/** Sends heartbeats from now on, spread over their interval. */
function startBeating(): void {
  const began = performance.now()
  let sent = 0
  setInterval(() => {
    const due = Math.floor(((performance.now() - began) / 1000 / BEAT_SECONDS) * fleet.length)
    for (; sent < due; sent++) {
      const worker = fleet[sent % fleet.length]!
      if (worker.joined) sendBeat(worker, change(worker))
    }
  }, TICK_MS)
}

/** Which replicas of a worker have changed since its last heartbeat. */
function change(worker: Simulated): number[] {
  worker.due += worker.revisions.length * CHANGED_A_MINUTE * (BEAT_SECONDS / 60)
  const changed: number[] = []
  for (; worker.due >= 1; worker.due--) {
    worker.revisions[worker.next]!++
    changed.push(worker.next)
    worker.next = (worker.next + 1) % worker.revisions.length
    counts.changed++
  }
  return changed
}

connections[0]!.subscribe(subjectFor('refresh', '*'), {
  callback: (_, message) => {
    counts.questions++
    const worker = byId.get(message.subject.split('.')[2]!)
    message.respond('{"accepted":true}')
    if (worker?.joined) sendBeat(worker, null)
  },
})

const report = (message: FleetReport) => process.send?.(message)
process.on('message', (order: FleetOrder) => {
  if (order.type === 'join') void joinAll(order.generation).then((ms) => report({ type: 'joined', ms }))
  if (order.type === 'beat') startBeating()
  if (order.type === 'count') report({ type: 'counts', ...counts })
})
process.on('disconnect', () => process.exit())
await connections[0]!.flush()
if (messages.heartbeat.subject === subjectFor('heartbeat', '<id>')) report({ type: 'up' })
