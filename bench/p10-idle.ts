// p10-idle.ts — P10: the time of a worker from exec to joined and of a supervisor from exec to ready, and their memory
// when idle, over a `node -e` with a NATS client. All are one Node process and are started in the same way. A worker
// has joined when the answer to its first request is on the wire.
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

/** Starts a program; how long it took until it was ready, ms. */
type Start = () => Promise<{ ms: number; child: ChildProcess }>

const PEER_NAME = '`node -e` with a NATS client'

/** The findings about one program beside the peer: its start, and its memory when idle. */
async function compare(
  program: string,
  { ours, peer, quick }: { ours: Start; peer: Start; quick: boolean },
): Promise<Finding[]> {
  const memory = { ours: [] as { rss: number; own: number }[], peer: [] as { rss: number; own: number }[] }
  const contender = (who: 'ours' | 'peer', start: Start) => async () => {
    const { ms, child } = await start()
    if (memory[who].length < (quick ? 1 : 3)) {
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
    `${program}, exec → ready`,
    { ours: contender('ours', ours), peer: contender('peer', peer) },
    { rounds: quick ? 3 : 11 },
  )
  const weight = spread(memory.ours.map((sample, i) => sample.rss / memory.peer[i]!.rss))
  const middle = (who: 'ours' | 'peer', field: 'rss' | 'own') =>
    spread(memory[who].map((sample) => sample[field])).median.toFixed(0)
  console.log(
    `  ${program} idle: ours ${middle('ours', 'rss')} MiB RSS, ${middle('ours', 'own')} its own; ` +
      `peer ${middle('peer', 'rss')} MiB RSS, ${middle('peer', 'own')} its own`,
  )
  const finding = (what: string, ratio: Finding['ratio'], most: number): Finding => ({
    goal: 'P10',
    what: `${program} ${what}`,
    peer: PEER_NAME,
    ratio,
    promise: `≤ ${most}`,
    met: ratio.median <= most,
  })
  return [finding('exec → ready', start.ratio, 3), finding('idle, RSS', weight, 1.6)]
}

async function body({ dir, disk, quick, onEnd }: Bench): Promise<Finding[]> {
  const [nats, own] = [await startNats(disk, onEnd), await startNats(dir, onEnd)]
  await startSupervisor(disk, nats, onEnd)
  const here = await connect({ servers: nats })
  onEnd(() => here.close())
  here.subscribe('bench.join', { callback: (_, message) => void message.respond('{}') })
  const joining =
    (subject: string, start: () => ChildProcess): Start =>
    async () => {
      // A connection for each: its subscriptions go with it.
      const watcher = await connect({ servers: nats })
      const answered = await untilAnswered(watcher, subject, start)
      await watcher.close()
      return answered
    }
  const peer = joining('bench.join', () => startProcess(['--input-type=module', '-e', PEER], { NATS: nats }, onEnd))
  const worker = joining('kagami.api.bench-worker.join', () =>
    startWorker({ dataDir: join(disk, 'data'), nats, id: 'bench-worker' }, onEnd),
  )
  const supervisor: Start = async () => {
    const from = performance.now()
    const { child } = await startSupervisor(dir, own, onEnd)
    return { ms: performance.now() - from, child }
  }
  return [
    ...(await compare('worker', { ours: worker, peer, quick })),
    ...(await compare('supervisor', { ours: supervisor, peer, quick })),
  ]
}

await main('P10 idle', body)
