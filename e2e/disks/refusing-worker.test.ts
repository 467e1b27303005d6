// refusing-worker.test.ts — The disk of data_dir refuses a whole worker its state, at work and at start. Needs root, to
// mount.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { startHttpUpstream, writeFiles } from '@kagami/demo'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createDice } from '../harness/dice.ts'
import { createPlace, startNats } from '../harness/place.ts'
import { startSupervisor, startWorker, type Program, type SupervisorProgram } from '../harness/programs.ts'
import { atFullSize, rounds } from '../harness/rounds.ts'
import { until } from '../harness/wait.ts'
import { fetchDiskTools, HARMS } from './harms.ts'

const dice = createDice()
// Whether the disk is mounted is the question of missing-disk.test.ts.
const all = Object.keys(HARMS).filter((harm) => !HARMS[harm]!.needsFiles && harm !== 'not mounted')
const chosen = all
  .map((harm) => ({ harm, rank: dice.whole(0, 1_000_000) }))
  .sort((a, b) => a.rank - b.rank)
  .slice(0, rounds(3, all.length))
  .map(({ harm }) => harm)

describe.runIf(process.getuid?.() === 0)('a worker whose disk refuses its state', () => {
  const place = createPlace()
  let supervisor: SupervisorProgram
  let nats: string
  let upstream: string
  let version = 0
  const table: string[] = []
  const change = () => writeFiles(place.at('www'), { a: `a of ${++version}\n` })

  beforeAll(async () => {
    await fetchDiskTools()
    change()
    const web = await startHttpUpstream({ dir: place.at('www') })
    place.onEnd(web.stop)
    upstream = `${web.url}/a`
    nats = (await startNats(place)).url
    supervisor = await startSupervisor(place, { nats })
  })
  afterAll(() => {
    if (atFullSize) process.stdout.write(`${table.sort().join('\n')}\n`)
  })

  const replica = async (name: string) => (await supervisor.api.call('listReplicas', { query: { name } })).items[0]
  const sync = async (name: string, outcome: string, worker: Program) => {
    const before = (await replica(name))?.last_sync?.sync_id
    await supervisor.api.call('syncResource', { params: { id: name } })
    const ended = async () => {
      const last = (await replica(name))?.last_sync
      return last && last.sync_id !== before && last.outcome === outcome ? last : null
    }
    return until(`a sync ends as ${outcome}`, ended, { seen: () => worker.output().slice(-2000) })
  }
  const waiting = (worker: Program) => worker.output().match(/"[^"]* cannot be written: [^"]*/g) ?? []

  test.each(chosen)('does not end, at work or at start: %s', async (harm) => {
    const { mount, inflict, reasons, through, hides, mendsIdle } = HARMS[harm]!
    const name = `copy-${all.indexOf(harm)}`
    const disk = mount(place.at(name))
    place.onEnd(() => disk.end())
    const dataDir = join(disk.path, 'data')
    mkdirSync(dataDir)
    const options = {
      nats,
      dir: name,
      env: { KAGAMI_WORKER_ID: `w-${name}`, KAGAMI_DATA_DIR: dataDir },
      providers: [{ name, kind: 'http', upstream }],
      ...(through ? { through } : {}),
    }
    const worker = await startWorker(place, options)
    await until('it joined', () => replica(name), { seen: worker.output })
    await sync(name, 'success', worker)
    // What did not change needs no disk.
    change()
    const mend = inflict(disk, [dataDir])
    const atWork = await sync(name, 'failed', worker)
    expect(reasons, `${atWork.message}`).toContain(atWork.reason)
    expect(worker.child.exitCode).toBeNull()
    expect(waiting(worker)).toHaveLength(1)
    expect(worker.output()).not.toMatch(/fault in|^ {4}at /m)
    table.push([harm, 'state', atWork.reason, waiting(worker)[0]].join(' | '))
    await worker.kill()
    const again = await startWorker(place, options)
    if (hides || through) {
      // Ids and keys that cannot be read are not guessed.
      expect(await again.exited, again.output()).toBe(2)
    } else {
      const atStart = await sync(name, 'failed', again)
      expect(reasons, `${atStart.message}`).toContain(atStart.reason)
    }
    expect(again.output()).not.toMatch(/fault in|^ {4}at /m)
    table.push([harm, 'start', `exit ${again.child.exitCode}`, again.output().split('\n').at(-2)].join(' | '))
    if (hides || through || mendsIdle) {
      await again.kill()
      mend()
      const whole = await startWorker(place, options)
      await until('it is there', async () => (await replica(name))?.worker_presence === 'online')
      await sync(name, 'success', whole)
      return whole.kill()
    }
    mend()
    const written = () => again.output().includes('can be written again')
    await until('what waited is written', written, { seen: again.output })
    await sync(name, 'success', again)
    expect(again.child.exitCode).toBeNull()
    await again.kill()
  })

  test('is proved for every harm at full size', ({ task }) => {
    task.meta.figure = `${chosen.length} of ${all.length} harms`
    expect(chosen.length).toBeGreaterThan(2)
  })
})
