// p10-idle.ts — P10: the time of a worker from exec to joined, and its memory when idle, over a `node -e` with a NATS
// client. Both are one Node process and are started in the same way. A worker has joined when the answer to its first
// request is on the wire.
import type { ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { startNats, startProcess, startSupervisor, startWorker, memoryOf } from './fleet.ts'
import { duel, main, spread, type Bench, type Finding } from './measure.ts'

/** What any agent on NATS must do: start, connect, subscribe to its commands, and send a first request. */
const PEER = `
  const { connect } = await import('@nats-io/transport-node')
  const connection = await connect({ servers: process.env.NATS })
  connection.subscribe('bench.command', { callback: () => {} })
  await connection.request('bench.join', '{}', { timeout: 10_000 })
`
/** Time for the first heartbeats, and for the collection of garbage from the start, ms. */
const SETTLE_MS = 3000

/** Milliseconds from `start` until a request on `subject` is answered. */
async function untilAnswered(
  connection: NatsConnection,
  subject: string,
  start: () => ChildProcess,
): Promise<{ ms: number; child: ChildProcess }> {
  const inboxes = new Set<string>()
  const answered = new Promise<number>((resolve) => {
    connection.subscribe(subject, { callback: (_, message) => void inboxes.add(message.reply ?? '') })
    connection.subscribe('_INBOX.>', {
      callback: (_, message) => void (inboxes.has(message.subject) && resolve(performance.now())),
    })
  })
  await connection.flush()
  const from = performance.now()
  const child = start()
  const ms = (await answered) - from
  return { ms, child }
}

async function body({ disk, quick, onEnd }: Bench): Promise<Finding[]> {
  const nats = await startNats(disk, onEnd)
  await startSupervisor(disk, nats, onEnd)
  const here = await connect({ servers: nats })
  onEnd(() => here.close())
  here.subscribe('bench.join', { callback: (_, message) => void message.respond('{}') })
  const memory = { ours: [] as { rss: number; own: number }[], peer: [] as { rss: number; own: number }[] }
  const weighs = quick ? 1 : 3
  const contender = (who: 'ours' | 'peer', subject: string, start: () => ChildProcess) => async () => {
    // A connection for each: its subscriptions go with it.
    const watcher = await connect({ servers: nats })
    const { ms, child } = await untilAnswered(watcher, subject, start)
    await watcher.close()
    if (memory[who].length < weighs) {
      await new Promise((resolve) => setTimeout(resolve, SETTLE_MS))
      memory[who].push(memoryOf(child.pid!))
    }
    // Both end as in a `systemctl restart`: after a kill the next process of a worker would first wait until the killed
    // one is certainly gone.
    const gone = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGTERM')
    await gone
    return ms
  }
  const start = await duel(
    'exec → joined',
    {
      ours: contender('ours', 'kagami.api.bench-worker.join', () =>
        startWorker({ dataDir: join(disk, 'data'), nats, id: 'bench-worker' }, onEnd),
      ),
      peer: contender('peer', 'bench.join', () =>
        startProcess(['--input-type=module', '-e', PEER], { NATS: nats }, onEnd),
      ),
    },
    { rounds: quick ? 3 : 11 },
  )
  const ratios = memory.ours.map((sample, i) => sample.rss / memory.peer[i]!.rss)
  const middle = (who: 'ours' | 'peer', field: 'rss' | 'own') =>
    spread(memory[who].map((sample) => sample[field])).median
  console.log(
    `  idle: ours ${middle('ours', 'rss').toFixed(0)} MiB RSS, ${middle('ours', 'own').toFixed(0)} its own; ` +
      `peer ${middle('peer', 'rss').toFixed(0)} MiB RSS, ${middle('peer', 'own').toFixed(0)} its own`,
  )
  const peer = '`node -e` with a NATS client'
  return [
    {
      goal: 'P10',
      what: 'worker, exec → joined',
      peer,
      ratio: start.ratio,
      promise: '≤ 3',
      met: start.ratio.median <= 3,
    },
    {
      goal: 'P10',
      what: 'worker idle, RSS',
      peer,
      ratio: spread(ratios),
      promise: '≤ 2',
      met: spread(ratios).median <= 2,
    },
  ]
}

await main('P10 idle', body)
