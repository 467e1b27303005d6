// schedules.test.ts — What operators and accidents do to one replica in random order: readers never see a version that
// nobody asked for last, and no report is lost that was acknowledged.
import { execFileSync } from 'node:child_process'
import {
  copyFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { startRsyncUpstream, writeFiles } from '@kagami/demo'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createDice, type Dice } from '../harness/dice.ts'
import { createPlace, startNats } from '../harness/place.ts'
import { startSupervisor, startWorker, type Program, type SupervisorProgram } from '../harness/programs.ts'
import { rounds } from '../harness/rounds.ts'
import { until } from '../harness/wait.ts'

const SCHEDULES = rounds(4, 500)
const STEPS = 8
const FILLERS = 12

const place = createPlace()
let nats: { url: string }
let supervisor: SupervisorProgram
let worker: Program
let upstream: string
const dice = createDice()
const { seed } = dice
let versions = 0
/** What readers may see now. */
let allowed = new Set<string>()
let seen = ''
/** Whether something was requested and is perhaps not done. */
let open = false
const violations: string[] = []
const done: string[] = []
/** Syncs of the history that the API has shown. */
const known = new Set<string>()
/** Whether there is a backup that may be restored: of the replica that is there, and with the worker's memory whole. */
let backedUp = false

const versionOf = (folder: string): string => {
  try {
    return `${readFileSync(join(folder, 'x'), 'utf8')}/${readdirSync(folder).length}`
  } catch {
    return 'nothing'
  }
}
const wanted = () => versionOf(place.at('up/files'))
const published = () => versionOf(place.at('data/s'))
const watcher = setInterval(() => {
  const now = published()
  if (now === seen || now === 'nothing') return
  if (!allowed.has(now)) violations.push(`${seen} -> ${now} after ${done.slice(-12).join(', ')}`)
  seen = now
}, 10)
afterAll(() => clearInterval(watcher))

const replica = async () => (await supervisor.api.call('listReplicas', { query: { name: 's' } })).items[0]
const call = async (name: 'syncReplica' | 'resumeReplica') =>
  supervisor.api.call(name, { params: { id: (await replica())!.replica_id } })
const workerId = async () => (await supervisor.api.call('listWorkers')).items[0]!.worker_id

const trail = () =>
  `seed ${seed}: ${done.slice(-12).join(', ')}; ${worker.output().slice(-800)}; ${supervisor.output().slice(-800)}`

/** Waits until everything that was requested is done; from then on nothing may change. */
async function settle(): Promise<void> {
  await until(
    'all that was requested is done',
    async () => {
      const now = await replica()
      return now?.activity !== 'syncing' && now?.activity !== 'queued' && now?.pending_requests === 0
    },
    { seen: trail },
  )
  allowed = new Set([published()])
  open = false
  const { items } = await supervisor.api.call('listSyncs', { query: { state: 'finished', limit: 500 } })
  for (const { sync_id } of items) known.add(sync_id)
}

async function addReplica(): Promise<void> {
  await supervisor.api.call('addReplica', {
    params: { id: await workerId() },
    body: { name: 's', kind: 'rsync', upstream, options: { publish: 'swap', keep_generations: 5 } },
  })
  await until('it is there', replica, { seen: trail })
}

/** The version that a rollback leads to; null when there is none. */
function earlier(): string | null {
  const folder = place.at('data/.generations/s')
  if (!existsSync(folder) || !existsSync(place.at('data/s'))) return null
  const present = Number(readlinkSync(place.at('data/s')).split('/').at(-1))
  const before = readdirSync(folder)
    .map(Number)
    .filter((number) => number < present)
  return before.length === 0 ? null : versionOf(join(folder, String(Math.max(...before))))
}

const startAgain = () => startSupervisor(place, { nats: nats.url, port: Number(new URL(supervisor.url).port) })
const launch = () => startWorker(place, { nats: nats.url, providers: [] })

/** What happens; each leaves `allowed` with what it may lead to. */
const steps: Record<string, (dice: Dice) => Promise<void>> = {
  async change() {
    writeFileSync(place.at('up/files/x'), `v${++versions}`)
    // rsync takes files of one size and time for the same.
    utimesSync(place.at('up/files/x'), 1_700_000_000 + versions, 1_700_000_000 + versions)
    if (open) allowed.add(wanted())
  },
  async sync() {
    open = true
    allowed.add(wanted())
    await call('syncReplica')
  },
  async rollback() {
    const to = earlier()
    // A replica that was added again has to sync once first.
    if (to === null || typeof (await replica())?.generation !== 'number') return
    open = true
    allowed.add(to)
    await supervisor.api.call('rollbackReplica', { params: { id: (await replica())!.replica_id }, body: {} })
  },
  async resume() {
    await call('resumeReplica')
  },
  async shrink() {
    for (let n = 0; n < FILLERS; n++) rmSync(place.at('up/files', `f${n}`), { force: true })
    allowed.add(wanted())
    await call('syncReplica')
    await settle()
  },
  async approve() {
    if (!(await replica())?.hold) return
    open = true
    allowed.add(wanted())
    await supervisor.api.call('approveHold', { params: { id: (await replica())!.replica_id }, body: null })
  },
  async grow() {
    writeFiles(place.at('up/files'), Object.fromEntries(Array.from({ length: FILLERS }, (_, n) => [`f${n}`, `${n}`])))
    if (open) allowed.add(wanted())
  },
  async remove() {
    await settle()
    // A worker that lost its document reports no replica until it has read it again.
    await until('it can be removed', async () => {
      const now = await replica()
      if (!now) return false
      await supervisor.api.call('dropReplica', { params: { id: now.replica_id } })
      return true
    })
    await until('it is gone', async () => (await replica()) === undefined, { seen: trail })
    await addReplica()
    backedUp = false
  },
  async backup() {
    execFileSync('sqlite3', [place.at('supervisor.db'), `.backup '${place.at('backup.db')}'`])
    backedUp = true
  },
  async restore() {
    if (!backedUp) return
    await settle()
    await supervisor.kill('SIGTERM')
    for (const part of ['', '-wal', '-shm']) rmSync(place.at(`supervisor.db${part}`), { force: true })
    copyFileSync(place.at('backup.db'), place.at('supervisor.db'))
    supervisor = await startAgain()
    await until('it knows the replica', replica)
  },
  async killWorker() {
    await worker.kill()
    worker = await launch()
  },
  async killSupervisor() {
    await supervisor.kill()
    supervisor = await startAgain()
  },
  async lose(dice) {
    await settle()
    await worker.kill(dice.pick(['SIGKILL', 'SIGTERM'] as const))
    const own = place.at('data/.kagami')
    const files = [...readdirSync(join(own, 'replicas')).map((file) => join('replicas', file)), 'desired.json']
    const file = join(own, dice.pick(files))
    if (dice.pick([true, false])) rmSync(file, { force: true })
    else writeFileSync(file, '')
    worker = await launch()
    // Both memories of a request at once are more than anything can make up for.
    backedUp = false
  },
}

beforeAll(async () => {
  await steps['grow']!(dice)
  await steps['change']!(dice)
  const served = await startRsyncUpstream({ dir: place.at('up') })
  place.onEnd(() => served.stop())
  upstream = served.url
  nats = await startNats(place, 'new')
  supervisor = await startSupervisor(place, { nats: nats.url })
  worker = await launch()
  await until('the worker joined', async () => (await supervisor.api.call('listWorkers')).total === 1)
  allowed.add(wanted())
  await addReplica()
  await call('syncReplica')
  await until('there is a copy', () => published() !== 'nothing')
  await settle()
})

test(
  'whatever operators and accidents do, readers see what was asked for last, and the history stays',
  { timeout: 120_000 + SCHEDULES * 60_000 },
  async ({ task }) => {
    let count = 0
    for (let schedule = 0; schedule < SCHEDULES; schedule++) {
      for (let step = 0; step < STEPS; step++) {
        const name = dice.pick(Object.keys(steps))
        done.push(name)
        await steps[name]!(dice)
        count++
        // Some follow at once, while what was requested is still under way.
        if (dice.whole(0, 2) > 0) await settle()
      }
      await settle()
      expect(violations, `seed ${seed}, schedule ${schedule}`).toEqual([])
      await until(
        'every acknowledged report is in the history',
        async () => {
          const { items } = await supervisor.api.call('listSyncs', { query: { state: 'finished', limit: 500 } })
          const now = new Set(items.map(({ sync_id }) => sync_id))
          return [...known].slice(-400).every((id) => now.has(id))
        },
        { seen: () => `seed ${seed}, schedule ${schedule}` },
      )
      done.push('|')
    }
    // A sync still brings the newest version.
    await steps['grow']!(dice)
    await steps['resume']!(dice)
    await steps['sync']!(dice)
    await settle()
    expect(published()).toBe(wanted())
    task.meta.figure = `${SCHEDULES} schedules of ${count} steps, seed ${seed}: no version that nobody asked for`
  },
)
