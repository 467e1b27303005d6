// p12-pages.ts — P12: a page of 50 of 1,000,000 replicas over the real HTTP server, by every sort and every filter,
// beside the same page of 1,000. Each fleet has its own process (`p12-pages.ts <workers>`), with the code of the
// supervisor and without NATS: nothing changes meanwhile.
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Page, Replica, ReplicaState } from '@kagami/protocol'
import { serveApi } from '@kagami/supervisor/api/server'
import { noChanges } from '@kagami/supervisor/core/changes'
import { putReplica, putWorker, setPresence } from '@kagami/supervisor/core/fleet'
import { openServices, recordOf } from '@kagami/supervisor/testing/services'
import { makeReplica } from '@kagami/supervisor/testing/states'
import { main, quantile, type Bench, type Finding } from './measure.ts'

const REPLICAS = 100
const PAGE = 50
/** The first requests are for the compiler, and make the orders. */
const WARM_UP = 30
const FAILED_EVERY = 50

const SORTS = ['worst', 'name', 'worker', 'last_success_at', 'size_bytes', 'next_due_at']
/** What a list is filtered by; of the names there are a hundredth as many as replicas. */
const FILTERS = [
  'health=failed',
  'health=fresh,late',
  'kind=git',
  'cause=timed_out',
  'label=team=team-3',
  'name=mirror-7',
  'worker=worker-0003',
  'q=mirror-7',
  'q=worker-0003',
  'q=nothing-has-this',
  'health=fresh&kind=git&label=tier',
]

/** A fleet in which everything that lists sort and filter by differs. */
function stateOf(workerId: string, index: number, place: number, workers: number): ReplicaState {
  const state = makeReplica(workerId, index, place % 86_400_000)
  const name = `mirror-${place % Math.max(10, workers)}`
  const changed = { ...state, name, upstream: `https://git.example.org/${name}.git`, size_bytes: (place * 7919) % 1e9 }
  if (place % FAILED_EVERY !== 0) return changed
  const last = { ...state.last_sync!, outcome: 'failed' as const, reason: 'timed_out' as const, message: 'no answer' }
  return { ...changed, status: 'failed', failures: 2, last_sync: last }
}

async function serveFleet(workers: number): Promise<void> {
  const { services } = await openServices(mkdtempSync(join(tmpdir(), 'kagami-bench-')))
  const { fleet } = services
  const now = Date.now()
  for (let number = 0; number < workers; number++) {
    const id = `worker-${String(number).padStart(4, '0')}`
    const worker = putWorker(fleet, recordOf(id), now)
    setPresence(fleet, worker, 'online', now)
    for (let index = 0; index < REPLICAS; index++)
      putReplica({ fleet, worker, changes: noChanges(), now }, stateOf(id, index, number * REPLICAS + index, workers))
  }
  const config = { address: { host: '127.0.0.1', port: 0 }, allowed_hosts: [], auth: 'none', webui_dir: null }
  const api = await serveApi({ services: { ...services, config } } as never, {} as never)
  process.on('disconnect', () => process.exit())
  process.send?.({ port: api.port })
}

async function startFleet(workers: number, onEnd: Bench['onEnd']): Promise<string> {
  const child: ChildProcess = fork(import.meta.filename, [String(workers)])
  onEnd(() => child.kill('SIGKILL'))
  const [{ port }] = (await once(child, 'message')) as [{ port: number }]
  return `http://127.0.0.1:${port}/api/v1/replicas?limit=${PAGE}`
}

/** Milliseconds of one request; with the cursor of the next page. */
async function ask(url: string): Promise<{ ms: number; cursor: string | null; total: number }> {
  const began = performance.now()
  const page = (await (await fetch(url)).json()) as Page<Replica>
  return { ms: performance.now() - began, cursor: page.next_cursor, total: page.total }
}

/** The first pages of a list, one after the other, and from the start again. */
function createReader(url: string): () => Promise<{ ms: number; total: number }> {
  let cursor: string | null = null
  return async () => {
    const { ms, cursor: next, total } = await ask(cursor ? `${url}&cursor=${cursor}` : url)
    cursor = next
    return { ms, total }
  }
}

async function body({ quick, onEnd }: Bench): Promise<Finding[]> {
  const [many, count] = quick ? [100, 60] : [10_000, 200]
  const [small, large] = await Promise.all([startFleet(10, onEnd), startFleet(many, onEnd)])
  const findings: Finding[] = []
  const orders = SORTS.flatMap((sort) => [`sort=${sort}`, `sort=-${sort}`])
  for (const query of [...orders, ...FILTERS, ...FILTERS.map((filter) => `${filter}&sort=-size_bytes`)]) {
    const [few, all] = [createReader(`${small}&${query}`), createReader(`${large}&${query}`)]
    const first = (await all()).ms
    for (let round = 1; round < WARM_UP; round++) await Promise.all([few(), all()])
    const took = { few: [] as number[], all: [] as number[] }
    let total = 0
    for (let round = 0; round < count; round++) {
      took.few.push((await few()).ms)
      const page = await all()
      took.all.push(page.ms)
      total = page.total
    }
    const ratio = quantile(took.all, 0.99) / quantile(took.few, 0.99)
    const middle = quantile(took.all, 0.5) / quantile(took.few, 0.5)
    const [half, most] = [quantile(took.all, 0.5).toFixed(1), quantile(took.all, 0.99).toFixed(1)]
    findings.push({
      goal: 'P12',
      what: `a page of ${PAGE} of ${many * REPLICAS}, ${query}`,
      peer: 'the same of 1,000, p99',
      ratio: { median: ratio, min: ratio, max: ratio },
      promise: '≤ 3',
      met: ratio <= 3,
      note: `p50 ${half} ms (${middle.toFixed(1)} ×), p99 ${most}, the first ${first.toFixed(0)}; ${total} in all`,
    })
  }
  return findings
}

if (Number(process.argv[2]) > 0) await serveFleet(Number(process.argv[2]))
else await main('P12 pages', body)
