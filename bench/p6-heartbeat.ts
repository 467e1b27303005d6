// p6-heartbeat.ts — P6: the CPU time of the supervisor for one heartbeat of a worker with 100 replicas, in a fleet of
// 10 workers and in one of 5,000. Each fleet has its own process (`p6-heartbeat.ts <workers> <dir>`), which runs the
// code of the supervisor on the bytes of the wire: decode and check, receiveHeartbeat, then the writes to SQLite and to
// the live stream. All CPU time of the process counts, including garbage collection. Receiving from the socket is not
// measured; it does not depend on the size of the fleet.
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { messages, WIRE_VERSION, type Heartbeat } from '@kagami/protocol'
import { decode, encode } from '@kagami/runtime'
import { putWorker } from '@kagami/supervisor/core/fleet'
import { receiveHeartbeat } from '@kagami/supervisor/edge/heartbeats'
import { openServices, recordOf } from '@kagami/supervisor/testing/services'
import { makeReplica } from '@kagami/supervisor/testing/states'
import { duel, main, type Bench, type Finding } from './measure.ts'

const REPLICAS = 100
const CHANGED = 3
/** How many heartbeats 5,000 workers send between two writes to the database. */
const BATCH = 160
const SCHEMA = messages.heartbeat.schema

type Kind = 'unchanged' | 'changed' | 'full'

/** The bytes of one heartbeat. `revision` is that of the worker's `CHANGED` changing replicas; the others stay at 1. */
function beatOf(workerId: string, kind: Kind, turn: number, changing: number): Uint8Array {
  const revisionOf = (index: number) => (index < CHANGED ? changing : 1)
  const named = kind === 'unchanged' ? 0 : kind === 'changed' ? CHANGED : REPLICAS
  const beat: Heartbeat = {
    worker_id: workerId,
    instance: `${workerId}-i`,
    seq: turn,
    sent_at: '2026-11-23T00:00:00.000Z',
    observed_rev: 1,
    full: kind === 'full',
    part: { index: 0, of: 1 },
    replicas: Array.from({ length: named }, (_, index) => makeReplica(workerId, index, revisionOf(index))),
    removed: [],
    digest: { count: REPLICAS, revisions: REPLICAS - CHANGED + CHANGED * changing },
    storage: { total_bytes: 1e12, used_bytes: 4e11 + turn, device: 'boot:1' },
    jobs: { running: 0, queued: 0, limit: 4 },
  }
  return Buffer.from(encode(SCHEMA, beat))
}

/** Builds a fleet, and measures the CPU time of `count` heartbeats for each message that it receives. */
async function runFleet(workers: number, dir: string): Promise<void> {
  const { services, clock } = await openServices(dir)
  const tick = async () => {
    clock.advance(500)
    await services.stateWriter.flush()
  }
  const ids = Array.from({ length: workers }, (_, i) => `worker-${String(i).padStart(4, '0')}`)
  let lost = 0
  const refreshing = { want: () => void lost++, joined() {}, arrived() {}, stop() {} }
  const receive = (id: string, bytes: Uint8Array) => receiveHeartbeat(services, refreshing, decode(SCHEMA, bytes), id)
  for (const [i, id] of ids.entries()) {
    putWorker(services.fleet, recordOf(id), Date.now()).instance = `${id}-i`
    receive(id, beatOf(id, 'full', 0, 1))
    if (i % BATCH === 0) await tick()
  }
  await tick()
  const changing = new Map<string, number>()
  let turn = 0
  const measure = async ({ kind, count }: { kind: Kind; count: number }) => {
    let micros = 0
    for (let done = 0; done < count; done += BATCH) {
      // Created before the measurement: this is the work of the workers, not of the supervisor.
      const beats = Array.from({ length: BATCH }, () => {
        const id = ids[turn++ % workers]!
        if (kind === 'changed') changing.set(id, (changing.get(id) ?? 1) + 1)
        return { id, bytes: beatOf(id, kind, turn, changing.get(id) ?? 1) }
      })
      const before = process.cpuUsage()
      for (const { id, bytes } of beats) receive(id, bytes)
      await tick()
      const used = process.cpuUsage(before)
      micros += used.user + used.system
    }
    process.send?.({ ms: micros / 1000 / count, lost, rss: process.memoryUsage.rss() })
  }
  process.on('message', (task) => void measure(task as Parameters<typeof measure>[0]))
  process.send?.({ wire: WIRE_VERSION, replicas: services.fleet.replicas.size })
}

async function startFleet(workers: number, dir: string, onEnd: Bench['onEnd']): Promise<ChildProcess> {
  const child = fork(import.meta.filename, [String(workers), dir])
  onEnd(() => child.kill('SIGKILL'))
  const [up] = (await once(child, 'message')) as [{ replicas: number }]
  if (up.replicas !== workers * REPLICAS) throw new Error(`a fleet of ${workers} holds ${up.replicas} replicas`)
  return child
}

async function body({ dir, quick, disk, onEnd }: Bench): Promise<Finding[]> {
  const [many, count, rounds] = quick ? [500, 800, 3] : [5000, 4800, 7]
  const small = await startFleet(10, dir, onEnd)
  const large = await startFleet(many, disk, onEnd)
  let rss = 0
  const cost = async (fleet: ChildProcess, kind: Kind) => {
    fleet.send({ kind, count: kind === 'full' ? Math.ceil(count / 4 / BATCH) * BATCH : count })
    const [answer] = (await once(fleet, 'message')) as [{ ms: number; lost: number; rss: number }]
    if (answer.lost > 0) throw new Error(`${answer.lost} heartbeats did not fit what the supervisor holds`)
    if (fleet === large) rss = answer.rss
    return answer.ms * 1000
  }
  const findings: Finding[] = []
  for (const [kind, what] of [
    ['unchanged', 'nothing changed'],
    ['changed', `${CHANGED} of ${REPLICAS} replicas changed`],
    ['full', `all ${REPLICAS} replicas named, none changed`],
  ] as const) {
    const { ours, ratio } = await duel(
      `${what}: ${many} workers against 10`,
      { ours: () => cost(large, kind), peer: () => cost(small, kind) },
      { rounds, unit: 'µs CPU' },
    )
    const cheap = ours.median <= 100
    const must = kind !== 'full'
    findings.push({
      goal: 'P6',
      what: `a heartbeat, ${what}, ${many} workers`,
      peer: 'the same in a fleet of 10',
      ratio,
      promise: must ? '≤ 3 and ≤ 0.1 ms' : '≤ 3',
      met: ratio.median <= 3 && (cheap || !must),
      note: `${(ours.median / 1000).toFixed(3)} ms of CPU${kind === 'full' ? '; sent after a reconnect only' : ''}`,
    })
  }
  console.log(`  the supervisor with ${many * REPLICAS} replicas: ${(rss / 1024 ** 2).toFixed(0)} MiB RSS`)
  return findings
}

if (Number(process.argv[2]) > 0) await runFleet(Number(process.argv[2]), process.argv[3]!)
else await main('P6 heartbeat', body)
