// clocks.test.ts — The wall clocks of a worker and a supervisor are set, one and then the other and both: by a
// year, and by an hour for a while. libfaketime gives each program a clock of its own, but for the monotonic one.
import { renameSync, readFileSync, writeFileSync } from 'node:fs'
import { startHttpUpstream, startRsyncUpstream, writeFiles } from '@kagami/demo'
import { expect, inject, test } from 'vitest'
import { createPlace, startNats } from '../harness/place.ts'
import { startSupervisor, startWorker } from '../harness/programs.ts'
import { rounds } from '../harness/rounds.ts'
import { until } from '../harness/wait.ts'

const ROUNDS = rounds(1, 5)
const INTERVAL_SECS = 1
const JUMPS = ['+1y', '+0', '-1y', '+0', '+3600', '+0']
/** Syncs of each replica that are waited for after each jump, and how many another one may have done meanwhile. */
const WANTED = 2
const AT_MOST = 8

const place = createPlace()

/** A wall clock that can be set while its program runs. */
function createFakeClock(name: string) {
  const file = place.at(`clock-${name}`)
  const set = (to: string) => {
    writeFileSync(`${file}.new`, `${to}\n`)
    renameSync(`${file}.new`, file)
  }
  set('+0')
  const env = {
    LD_PRELOAD: inject('tools').faketime,
    FAKETIME_TIMESTAMP_FILE: file,
    FAKETIME_NO_CACHE: '1',
    DONT_FAKE_MONOTONIC: '1',
    // A clock that is set does not change the times of files.
    NO_FAKE_STAT: '1',
  }
  return { set, env }
}

test(
  'clocks that are set stop no sync, start no storm, take no worker offline, and leave nothing behind',
  { timeout: 900_000 },
  async ({ task }) => {
    const clocks = { worker: createFakeClock('worker'), supervisor: createFakeClock('supervisor') }
    const write = (version: number) => writeFiles(place.at('up', 'files'), { file: `version ${version}\n` })
    write(0)
    const [http, rsync] = [
      await startHttpUpstream({ dir: place.at('up', 'files') }),
      await startRsyncUpstream({ dir: place.at('up') }),
    ]
    const nats = await startNats(place, 'new')
    const supervisor = await startSupervisor(place, { nats: nats.url, env: clocks.supervisor.env })
    const plain = { interval_secs: INTERVAL_SECS }
    const worker = await startWorker(place, {
      nats: nats.url,
      env: { ...clocks.worker.env, KAGAMI_MAX_CONCURRENT_SYNCS: '8' },
      providers: [
        { ...plain, name: 'http-1', kind: 'http', upstream: `${http.url}/file` },
        { ...plain, name: 'http-2', kind: 'http', upstream: `${http.url}/file` },
        { ...plain, name: 'rsync-1', kind: 'rsync', upstream: rsync.url },
        { ...plain, name: 'rsync-2', kind: 'rsync', upstream: rsync.url, options: { publish: 'swap' } },
      ],
    })
    const names = ['http-1', 'http-2', 'rsync-1', 'rsync-2']
    const read = (name: string) => readFileSync(place.at('data', name, 'file'), 'utf8')
    const seen = () => worker.output().slice(-1500) + supervisor.output().slice(-1500)
    const counts = () =>
      Promise.all(
        names.map(
          async (name) => (await supervisor.api.call('listSyncs', { query: { name, state: 'finished' } })).total,
        ),
      )
    const syncsOn = async (what: string) => {
      const before = await counts()
      // What is wrong at a single moment, however soon it is well again.
      const wrong = new Set<string>()
      const look = async () => {
        for (const [name, program] of Object.entries({ worker, supervisor }))
          if (program.child.exitCode !== null) wrong.add(`the ${name} ended`)
        for (const { presence } of (await supervisor.api.call('listWorkers')).items)
          if (presence !== 'online') wrong.add(`the worker is ${presence}`)
        for (const name of names) if (!/^version \d+\n$/.test(read(name))) wrong.add(`${name} is "${read(name)}"`)
      }
      const grown = await until(
        `each replica has synced again ${what}`,
        async () => {
          await look()
          const done = (await counts()).map((count, at) => count - before[at]!)
          return Math.min(...done) >= WANTED && done
        },
        { seen: async () => [[...wrong], before, await counts(), seen()] },
      )
      expect([...wrong], `${what}: ${seen()}`).toEqual([])
      expect(Math.max(...grown), `${what}: ${grown.join(', ')}`).toBeLessThanOrEqual(AT_MOST)
      return Math.max(...grown)
    }
    await until('each has synced', async () => Math.min(...(await counts())) > 0, { seen })
    let [jumps, most] = [0, 0]
    for (let round = 0; round < ROUNDS; round++)
      for (const who of [['worker'], ['supervisor'], ['worker', 'supervisor']] as const)
        for (const to of JUMPS) {
          for (const one of who) clocks[one].set(to)
          write(++jumps)
          most = Math.max(most, await syncsOn(`while the clock of ${who.join(' and ')} is at ${to}`))
          await until('readers have what is new', () => names.every((name) => read(name) === `version ${jumps}\n`))
        }

    // All clocks are right again: so are due times, healths, and the order of the history.
    await until(
      'due times are within one interval, and everything is fresh',
      async () => {
        const replicas = (await supervisor.api.call('listReplicas')).items
        const latest = Date.now() + INTERVAL_SECS * 1100
        return replicas.every(
          ({ next_due_at: due, health }) => due && Date.parse(due) <= latest && ['fresh', 'syncing'].includes(health),
        )
      },
      { seen: async () => (await supervisor.api.call('listReplicas')).items },
    )
    await syncsOn('at the end')
    const head = (await supervisor.api.call('listSyncs', { query: { state: 'finished', limit: 1 } })).items[0]!
    expect(Math.abs(Date.now() - Date.parse(head.started_at))).toBeLessThan(600_000)
    expect(worker.output() + supervisor.output()).not.toContain('This is a fault in Kagami')
    task.meta.figure =
      `${jumps} jumps, ${(await counts()).reduce((sum, one) => sum + one, 0)} syncs, at most ${most} of one replica ` +
      `while the slowest did ${WANTED}`
  },
)
