// p13-strips.ts — P13: a page of 100 of 10,000 replicas over the real HTTP server with how the syncs of each ended on
// the last 14 days, beside the same page without: of replicas that sync every six hours, and of such that sync every
// five minutes. The same process serves and asks, with the code of the supervisor on SQLite and without NATS.
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ListedReplica, Page, SyncReport } from '@kagami/protocol'
import { sampleReport } from '@kagami/protocol/testing/samples'
import { serveApi } from '@kagami/supervisor/api/server'
import { noChanges } from '@kagami/supervisor/core/changes'
import { putReplica, putWorker, setPresence } from '@kagami/supervisor/core/fleet'
import { openServices, recordOf } from '@kagami/supervisor/testing/services'
import { makeReplica } from '@kagami/supervisor/testing/states'
import { newId } from '@kagami/runtime'
import { duel, main, timed, type Bench, type Finding } from './measure.ts'

const PAGE = 100
const DAYS = 20
const MOST = 2
const BATCH = 500
const HOUR_MS = 3_600_000
/** Replicas of one worker are synced this often, ms: a page of each is asked for by its worker. */
const PACES = { 'every six hours': 6 * HOUR_MS, 'every five minutes': HOUR_MS / 12 }
type Services = Awaited<ReturnType<typeof openServices>>['services']

/** Workers with a hundred replicas; the syncs of the last days are stored of those that are named. */
async function fill(services: Services, workers: number): Promise<void> {
  const now = Date.now()
  const names = Object.keys(PACES)
  for (let number = 0; number < workers; number++) {
    const id = names[number]?.replaceAll(' ', '-') ?? `worker-${number}`
    const worker = putWorker(services.fleet, recordOf(id), now)
    setPresence(services.fleet, worker, 'online', now)
    const pace = PACES[names[number] as keyof typeof PACES] ?? 6 * HOUR_MS
    let reports: SyncReport[] = []
    for (let index = 0; index < PAGE; index++) {
      const state = makeReplica(id, index, 1)
      putReplica({ fleet: services.fleet, worker, changes: noChanges(), now }, state)
      for (let ended = now - DAYS * 24 * HOUR_MS; ended < now; ended += pace) {
        const [at, from] = [new Date(ended).toISOString(), new Date(ended - 1000).toISOString()]
        const outcome = Math.floor(ended / pace) % 40 === 0 ? 'failed' : 'success'
        const { replica_id, name } = state
        const synced = { sync_id: newId(), worker_id: id, replica_id, name, outcome } as const
        reports.push(sampleReport({ ...synced, started_at: from, ended_at: at, duration_ms: 1000 }))
        if (reports.length < BATCH) continue
        await services.store.addReports(reports)
        reports = []
      }
    }
    await services.store.addReports(reports)
  }
}

async function body({ quick, onEnd }: Bench): Promise<Finding[]> {
  const [workers, rounds, asked] = quick ? [4, 5, 10] : [100, 20, 20]
  const { services } = await openServices(mkdtempSync(join(tmpdir(), 'kagami-bench-')))
  await fill(services, workers)
  const config = { address: { host: '127.0.0.1', port: 0 }, allowed_hosts: [], auth: 'none', webui_dir: null }
  const api = await serveApi({ services: { ...services, config } } as never, {} as never)
  onEnd(() => api.close())
  const ask = async (query: string) => {
    const answer = await fetch(`http://127.0.0.1:${api.port}/api/v1/replicas?limit=${PAGE}&${query}`)
    return (await answer.json()) as Page<ListedReplica>
  }
  const findings: Finding[] = []
  for (const pace of Object.keys(PACES))
    for (const include of ['strip', 'strip,usual']) {
      const worker = `worker=${pace.replaceAll(' ', '-')}`
      const pages = (query: string) => async () =>
        (await timed(async () => {
          for (let number = 0; number < asked; number++) await ask(query)
        })) / asked
      const { items } = await ask(`${worker}&include=${include}`)
      const whole = items.length === PAGE && items.every(({ strip }) => strip?.worst.every((one) => one !== null))
      if (!whole) throw new Error('not every day of the page is there')
      const label = `${pace}, include=${include}`
      const { ours, ratio } = await duel(
        label,
        { ours: pages(`${worker}&include=${include}`), peer: pages(worker) },
        { rounds },
      )
      findings.push({
        goal: 'P13',
        what: `a page of ${PAGE} of ${workers * PAGE} replicas that sync ${label}`,
        peer: 'the same page without',
        ratio,
        promise: `≤ ${MOST}`,
        met: ratio.median <= MOST,
        note: `${ours.median.toFixed(1)} ms`,
      })
    }
  return findings
}

await main('P13 strips of days', body)
