// soak.ts — `npm run soak`: 40,000 syncs of 100 replicas of three kinds whose upstreams change all the time, by a real
// worker and a real supervisor. Prints what both take of memory, descriptors and disk on the way, and the growth after
// the first tenth. With `--quick` 800 syncs.
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import {
  commit,
  ensureRepository,
  startGitUpstream,
  startHttpUpstream,
  startRsyncUpstream,
  writeFiles,
} from '@kagami/demo'
import type { ChildProcess } from 'node:child_process'
import { memoryOf, startNats, startSupervisor, startWorker } from './fleet.ts'
import { main, spread, until, type Bench, type Finding } from './measure.ts'

const REPLICAS = 100
const UPSTREAMS = 10
const CHANGE_MS = 500
const WORKER_MAX_MIB = 150
const HOURS = 2 * 3_600_000

/** Starts the upstreams; returns the replicas, and what changes one upstream of each kind. */
async function startUpstreams(dir: string, onEnd: Bench['onEnd']) {
  const [git, rsync, http] = ['git', 'rsync', 'http'].map((name) => join(dir, name)) as [string, string, string]
  const change = async (turn: number) => {
    const index = turn % UPSTREAMS
    await commit(join(git, `${index}.git`), { message: `${turn}`, files: { [`file-${turn % 50}`]: `${turn}\n` } })
    writeFiles(join(rsync, 'files', `${index}`), {
      [`file-${turn % 50}`]: `${turn}\n`,
      [`file-${(turn + 25) % 50}`]: null,
    })
    writeFiles(http, { [`${index}.iso`]: `${turn}\n`.repeat(1 + (turn % 1000)) })
  }
  for (let index = 0; index < UPSTREAMS; index++) {
    await ensureRepository(join(git, `${index}.git`))
    await change(index)
  }
  const servers = [
    await startGitUpstream({ dir: git }),
    await startRsyncUpstream({ dir: rsync }),
    await startHttpUpstream({ dir: http }),
  ]
  for (const server of servers) onEnd(server.stop)
  const [gitUrl, rsyncUrl, httpUrl] = servers.map(({ url }) => url)
  const kinds = [
    (index: number) => ({ kind: 'git', upstream: `${gitUrl}/${index}.git` }),
    (index: number) => ({ kind: 'rsync', upstream: `${rsyncUrl}${index}/` }),
    (index: number) => ({ kind: 'http', upstream: `${httpUrl}/${index}.iso` }),
  ]
  const replicas = Array.from({ length: REPLICAS }, (_, index) => ({
    name: `replica-${index}`,
    ...kinds[index % kinds.length]!(index % UPSTREAMS),
    interval_secs: 1,
    options: { max_delete_percent: 100, max_shrink_percent: 100 },
  }))
  return { replicas, change }
}

interface Sample {
  readonly syncs: number
  readonly worker: number
  readonly supervisor: number
  readonly descriptors: readonly [worker: number, supervisor: number]
  readonly databaseMib: number
  readonly stateMib: number
}

async function body({ disk, quick, onEnd }: Bench): Promise<Finding[]> {
  const target = quick ? 800 : 40_000
  const { replicas, change } = await startUpstreams(disk, onEnd)
  const nats = await startNats(disk, onEnd)
  const { url, child: supervisor } = await startSupervisor(disk, nats, onEnd)
  const dataDir = join(disk, 'data')
  const env = { KAGAMI_SLOTS: '8', KAGAMI_SLOTS_PER_HOST: '8' }
  const worker = startWorker({ dataDir, nats, id: 'soak', providers: replicas, env }, onEnd)
  let turn = UPSTREAMS
  let changing = Promise.resolve()
  const timer = setInterval(() => void (changing = changing.then(() => change(turn++))), CHANGE_MS)
  onEnd(() => clearInterval(timer))
  const ended = async (query: string) => {
    const answer = await fetch(`${url}/api/v1/syncs?state=finished&limit=1${query}`)
    return ((await answer.json()) as { total: number }).total
  }
  const samples: Sample[] = []
  console.log('  syncs   worker  supervisor  descriptors  database  state')
  for (let step = 1; step <= 20; step++) {
    const wanted = (target / 20) * step
    const syncs = await until(`${wanted} syncs`, async () => reached(await ended(''), wanted), HOURS)
    samples.push({ syncs, ...look(worker, supervisor, { disk, dataDir }) })
    tell(samples.at(-1)!)
  }
  const failed = (await ended('&outcome=failed')) + (await ended('&outcome=held'))
  console.log(`  ${samples.at(-1)!.syncs} syncs, ${failed} of them failed or held; ${turn} changes of each kind`)
  const early = samples[1]!
  const most = Math.max(...samples.map((one) => one.worker))
  const growth = (pick: (sample: Sample) => number) => spread(samples.slice(2).map((one) => pick(one) / pick(early)))
  const finding = (what: string, ratio: Finding['ratio'], most: number): Finding => ({
    goal: 'soak',
    what,
    peer: 'the same after a tenth',
    ratio,
    promise: `≤ ${most.toFixed(2)}`,
    met: ratio.max <= most,
  })
  return [
    finding(
      `memory of the worker, at most ${most.toFixed(0)} MiB of ${WORKER_MAX_MIB}`,
      growth((one) => one.worker),
      1.25,
    ),
    finding(
      'memory of the supervisor',
      growth((one) => one.supervisor),
      1.25,
    ),
    finding(
      'descriptors of the worker',
      growth((one) => one.descriptors[0]),
      1.5,
    ),
    finding(
      'descriptors of the supervisor',
      growth((one) => one.descriptors[1]),
      1.5,
    ),
  ]
}

const reached = (now: number, wanted: number) => (now >= wanted ? now : null)

function look(worker: ChildProcess, supervisor: ChildProcess, { disk, dataDir }: { disk: string; dataDir: string }) {
  const descriptors = ({ pid }: ChildProcess) => readdirSync(`/proc/${pid}/fd`).length
  const database = readdirSync(disk).filter((name) => name.startsWith('supervisor.db'))
  return {
    worker: memoryOf(worker.pid!).rss,
    supervisor: memoryOf(supervisor.pid!).rss,
    descriptors: [descriptors(worker), descriptors(supervisor)] as const,
    databaseMib: database.reduce((sum, name) => sum + statSync(join(disk, name)).size, 0) / 1024 ** 2,
    stateMib: sizeOf(join(dataDir, '.kagami')) / 1024 ** 2,
  }
}

/** Bytes of the files below a folder; what goes meanwhile does not count. */
function sizeOf(folder: string): number {
  try {
    return readdirSync(folder, { withFileTypes: true }).reduce((sum, entry) => {
      const path = join(folder, entry.name)
      return sum + (entry.isDirectory() ? sizeOf(path) : (statSync(path, { throwIfNoEntry: false })?.size ?? 0))
    }, 0)
  } catch {
    return 0
  }
}

function tell({ syncs, worker, supervisor, descriptors, databaseMib, stateMib }: Sample): void {
  const cells = [syncs, `${worker.toFixed(0)} MiB`, `${supervisor.toFixed(0)} MiB`, descriptors.join(' + ')]
  console.log(`  ${[...cells, `${databaseMib.toFixed(1)} MiB`, `${stateMib.toFixed(1)} MiB`].join('   ')}`)
}

await main('soak', body)
