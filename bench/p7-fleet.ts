// p7-fleet.ts — P7: one real supervisor and a real nats-server under 10,000 simulated workers with 100 replicas each
// (bench/simulated-fleet.ts), while 20 clients page, filter and sort. `--minutes=10` is how long, `--hour` an hour;
// `--quick`: 200 workers with 20 replicas, for half a minute. Prints a line every minute.
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { HEARTBEAT_SECONDS, healthOrder, type Page, type Replica, type Summary } from '@kagami/protocol'
import { pause } from '@kagami/runtime'
import { endOf, memoryOf, startNats, startSupervisor } from './fleet.ts'
import { main, quantile, until, type Bench, type Finding } from './measure.ts'
import type { FleetOrder, FleetReport } from './simulated-fleet.ts'

const CLIENTS = 20
/** A person looks at a page for so long, ms. */
const THINK_MS = 1000
const TICKS_A_SECOND = 100
const JOINED_MS = 10_000
const PATIENCE_MS = 300_000
/** The timer behind the metric fires every 10 ms, which is part of each of its values. */
const TIMER_MS = 10

interface Size {
  readonly workers: number
  readonly replicas: number
  readonly seconds: number
}

interface Watched {
  readonly url: string
  readonly child: ChildProcess
}

function sizeOf(quick: boolean): Size {
  if (quick) return { workers: 200, replicas: 20, seconds: 30 }
  const { values } = parseArgs({ options: { minutes: { type: 'string', default: '10' }, hour: { type: 'boolean' } } })
  const minutes = values.hour ? 60 : Number(values.minutes)
  if (!(minutes >= 1)) throw new Error(`--minutes=${values.minutes} is no number of minutes: 1 or more`)
  return { workers: 10_000, replicas: 100, seconds: minutes * 60 }
}

async function startFleet(nats: string, { workers, replicas }: Size, onEnd: Bench['onEnd']) {
  const args = [nats, String(workers), String(replicas)]
  const child = fork(join(import.meta.dirname, 'simulated-fleet.ts'), args, {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  onEnd(() => endOf(child))
  const next = async <T extends FleetReport['type']>(type: T) => {
    for (;;) {
      const [report] = (await once(child, 'message')) as [FleetReport]
      if (report.type === type) return report as Extract<FleetReport, { type: T }>
    }
  }
  await next('up')
  const tell = (order: FleetOrder) => void child.send(order)
  return {
    tell,
    async join(generation: number) {
      tell({ type: 'join', generation })
      return (await next('joined')).ms
    },
    async count() {
      tell({ type: 'count' })
      return next('counts')
    },
  }
}

const read = async <T>(url: string, path: string) => (await (await fetch(`${url}${path}`)).json()) as T

/** Waits until the supervisor knows every replica and hears of every worker; ms since `from`. */
async function untilWhole({ url }: Watched, { workers, replicas }: Size, from: number): Promise<number> {
  await until(
    'the picture is whole',
    async () => {
      const summary = await read<Summary>(url, '/api/v1/summary')
      return summary.replicas_total === workers * replicas && summary.workers.online === workers
    },
    PATIENCE_MS,
  )
  return performance.now() - from
}

const SORTS = ['worst', 'name', 'worker', 'last_success_at', 'size_bytes', 'next_due_at'].flatMap((s) => [s, `-${s}`])
const pick = <T>(all: readonly T[]) => all[Math.floor(Math.random() * all.length)]!

/** A question that a person may ask of a list. */
function anyQuery({ workers }: Size): string {
  const filters = [
    '',
    '',
    `health=${pick(healthOrder)},fresh`,
    'kind=git',
    'cause=timed_out',
    `label=team=team-${Math.floor(Math.random() * 7)}`,
    `q=mirror-${Math.floor(Math.random() * 100)}`,
    `worker=worker-${String(Math.floor(Math.random() * workers)).padStart(4, '0')}`,
    `name=mirror-${Math.floor(Math.random() * 40)}`,
  ]
  return `/api/v1/replicas?limit=50&sort=${pick(SORTS)}&${pick(filters)}`
}

/** People who page, filter and sort. Returns how to stop, and how long each answer took, ms. */
function startClients({ url }: Watched, size: Size): { stop: () => Promise<void>; took: number[] } {
  const took: number[] = []
  let stopped = false
  const client = async (index: number) => {
    await pause((index * THINK_MS) / CLIENTS)
    while (!stopped) {
      let cursor: string | null = ''
      const query = anyQuery(size)
      for (let page = 0; page < 3 && cursor !== null && !stopped; page++) {
        const began = performance.now()
        const answer: Page<Replica> = await read(url, `${query}&cursor=${cursor}`)
        took.push(performance.now() - began)
        cursor = answer.next_cursor
        await pause(THINK_MS)
      }
    }
  }
  const clients = Array.from({ length: CLIENTS }, (_, index) => client(index))
  return {
    took,
    async stop() {
      stopped = true
      await Promise.all(clients)
    },
  }
}

/** CPU time of a process so far, s. */
function cpuOf({ pid }: ChildProcess): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')
  return (Number(fields[11]) + Number(fields[12])) / TICKS_A_SECOND
}

/** What the supervisor says of its event loop since it was last asked, ms. */
async function loopOf(url: string): Promise<{ p99: number; max: number }> {
  const text = await (await fetch(`${url}/metrics`)).text()
  const value = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]) * 1000 - TIMER_MS
  return { p99: value('nodejs_eventloop_lag_p99_seconds'), max: value('nodejs_eventloop_lag_max_seconds') }
}

interface Minute {
  readonly share: number
  readonly rss: number
  readonly loop: number
  readonly missing: number
}

/** Watches for some seconds; says how the supervisor did. */
async function watch({ url, child }: Watched, size: Size, seconds: number): Promise<Minute> {
  await loopOf(url)
  const [from, cpu] = [performance.now(), cpuOf(child)]
  let missing = 0
  while (performance.now() - from < seconds * 1000) {
    await pause(Math.min(5000, seconds * 250))
    const { workers } = await read<Summary>(url, '/api/v1/summary')
    missing = Math.max(missing, size.workers - workers.online)
  }
  const share = (cpuOf(child) - cpu) / ((performance.now() - from) / 1000)
  const loop = await loopOf(url)
  return { share, rss: memoryOf(child.pid!).rss, loop: loop.p99, missing }
}

function tell(what: string, { share, rss, loop, missing }: Minute, took: readonly number[]): void {
  const answers =
    took.length > 0
      ? `, ${took.length} pages p50 ${quantile(took, 0.5).toFixed(1)} p99 ${quantile(took, 0.99).toFixed(1)} ms`
      : ''
  console.log(
    `  ${what}: ${share.toFixed(3)} of a core, ${rss.toFixed(0)} MiB RSS, event loop p99 ${loop.toFixed(1)} ms, ` +
      `${missing} workers not online${answers}`,
  )
}

const finding = (what: string, value: number, most: number, unit: string): Finding => ({
  goal: 'P7',
  what,
  peer: unit,
  ratio: { median: value, min: value, max: value },
  promise: `≤ ${most}`,
  met: value <= most,
})

async function body({ disk, quick, onEnd }: Bench): Promise<Finding[]> {
  const size = sizeOf(quick)
  const nats = await startNats(disk, onEnd)
  let supervisor = await startSupervisor(disk, nats, onEnd)
  const fleet = await startFleet(nats, size, onEnd)
  const began = performance.now()
  const joined = await fleet.join(1)
  console.log(`  ${size.workers} new workers have joined after ${(joined / 1000).toFixed(1)} s`)
  fleet.tell({ type: 'beat' })
  const whole = await untilWhole(supervisor, size, began)
  console.log(
    `  every state is known after ${(whole / 1000).toFixed(1)} s, ` +
      `${memoryOf(supervisor.child.pid!).rss.toFixed(0)} MiB RSS`,
  )
  await pause(HEARTBEAT_SECONDS * 1000)
  const alone = await watch(supervisor, size, Math.min(60, size.seconds / 2))
  tell('nobody looks', alone, [])
  const before = await fleet.count()
  const clients = startClients(supervisor, size)
  const minutes: Minute[] = []
  const parts = Math.max(1, Math.round(size.seconds / 60))
  for (let minute = 1; minute <= parts; minute++) {
    const from = clients.took.length
    minutes.push(await watch(supervisor, size, size.seconds / parts))
    tell(`minute ${minute}`, minutes.at(-1)!, clients.took.slice(from))
  }
  await clients.stop()
  const after = await fleet.count()
  const questions = after.questions - before.questions
  console.log(
    `  ${after.sent - before.sent} heartbeats with ${after.changed - before.changed} changes, ${questions} questions`,
  )

  await endOf(supervisor.child)
  const restarted = performance.now()
  supervisor = await startSupervisor(disk, nats, onEnd, PATIENCE_MS)
  const ready = performance.now() - restarted
  const known = (await read<Summary>(supervisor.url, '/api/v1/summary')).replicas_total
  console.log(`  killed and started: ready after ${(ready / 1000).toFixed(1)} s with ${known} replicas`)
  const online = await untilWhole(supervisor, size, restarted)
  console.log(`  every worker is online after ${(online / 1000).toFixed(1)} s, of which heartbeats take 15`)
  const again = await fleet.join(2)
  console.log(`  after a power cut all have joined again after ${(again / 1000).toFixed(1)} s`)
  return [
    finding('CPU, nobody looks', alone.share, 0.15, 'of a core'),
    finding('CPU, 20 people look', Math.max(...minutes.map(({ share }) => share)), 0.15, 'of a core'),
    finding('memory at the end', minutes.at(-1)!.rss, 700, 'MiB RSS'),
    finding('workers that were not online', Math.max(...minutes.map(({ missing }) => missing)), 0, 'workers'),
    finding('full states asked for', questions, 0, 'questions'),
    finding('a page, p99', quantile(clients.took, 0.99), 100, 'ms'),
    finding('delay of the event loop, p99', Math.max(...minutes.map(({ loop }) => loop)), 30, 'ms'),
    finding('from the restart to the complete picture', ready, 10_000, 'ms'),
    finding('new workers joined', joined, JOINED_MS, 'ms'),
    finding('known workers joined again', again, JOINED_MS, 'ms'),
  ]
}

await main('P7 fleet', body)
