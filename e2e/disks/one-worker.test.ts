// one-worker.test.ts — Two workers are given one volume by mistake, as two containers with networks of their own: only
// one works in its trees, and the other takes over when that one is killed.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, afterAll, expect, test } from 'vitest'
import { createDice } from '../harness/dice.ts'
import { createPlace, startNats } from '../harness/place.ts'
import { startSupervisor, startWorker, type Program } from '../harness/programs.ts'
import { rounds } from '../harness/rounds.ts'
import { until } from '../harness/wait.ts'

const KILLS = rounds(3, 60)
/** Syncs of the two replicas between two kills. */
const SYNCS = 8
const TAKEN_OVER_WITHIN_MS = 60_000

const place = createPlace()
const dice = createDice()
let nats: string
let version = 0
/** By sync: when its log began and last grew, ms. */
const seen = new Map<string, { replica: string; from: number; to: number }>()

const logs = () => place.at('data/.kagami/logs')
const timeOf = (line: string) => Date.parse(line.slice(0, 24))

/** Reads the logs that are there: only the last of each replica are kept. */
function readLogs(): void {
  for (const replica of readdirSync(logs()))
    for (const file of readdirSync(join(logs(), replica))) {
      const lines = readFileSync(join(logs(), replica, file), 'utf8')
        .split('\n')
        .filter(Boolean)
      if (lines.length > 0) seen.set(file, { replica, from: timeOf(lines[0]!), to: timeOf(lines.at(-1)!) })
    }
}

/** Pairs of syncs of one replica that ran at one time. */
function overlaps(): unknown[] {
  return [...Map.groupBy(seen.values(), ({ replica }) => replica).values()].flatMap((all) => {
    const ordered = all.sort((a, b) => a.from - b.from)
    return ordered.slice(1).filter((sync, index) => sync.from < ordered[index]!.to)
  })
}

const upstreamChanges = setInterval(
  () => writeFileSync(place.at('up/file'), `${++version} ${'z'.repeat(version)}`),
  200,
)
afterAll(() => clearInterval(upstreamChanges))

/** With NATS, or, as root, in a network of its own, where there is none. */
const launch = (apart: boolean) =>
  startWorker(place, {
    nats,
    ...(apart ? { through: ['unshare', '--net', '--'] } : {}),
    env: {
      KAGAMI_UPSTREAM_ROOTS: JSON.stringify([place.dir]),
      ...(apart ? { KAGAMI_HTTP_ADDR: '0.0.0.0:9000' } : {}),
    },
    providers: ['in-place', 'swap'].map((publish) => ({
      name: publish,
      kind: 'rsync',
      upstream: `file://${place.at('up')}`,
      interval_secs: 1,
      options: { publish },
    })),
  })
const works = (worker: Program) => worker.output().includes('worker started')

beforeAll(async () => {
  mkdirSync(place.at('up'))
  writeFileSync(place.at('up/file'), 'first')
  ;({ url: nats } = await startNats(place))
  await startSupervisor(place, { nats })
})

test(
  'of two workers on one volume one works at a time, with and without NATS, and a kill hands over within a minute',
  { timeout: 120_000 + KILLS * 120_000 },
  async ({ task }) => {
    let working: Program = await launch(false)
    await until('it works', () => works(working), { seen: () => working.output() })
    for (let kill = 0; kill < KILLS; kill++) {
      const waiting = await launch(process.getuid?.() === 0 && dice.pick([true, false]))
      await until('the second waits', () => waiting.output().includes('another worker uses data_dir'), {
        seen: () => waiting.output(),
      })
      const before = seen.size
      await until(
        'there were syncs',
        () => {
          readLogs()
          return seen.size >= before + SYNCS
        },
        { seen: () => working.output() },
      )
      expect(works(waiting)).toBe(false)
      await working.kill()
      await until('the second has taken over', () => works(waiting), {
        timeoutMs: TAKEN_OVER_WITHIN_MS,
        seen: () => waiting.output(),
      })
      working = waiting
    }
    readLogs()
    expect(overlaps()).toEqual([])
    expect(readdirSync(place.at('data')).sort()).toEqual(['.generations', '.kagami', 'in-place', 'swap'])
    task.meta.figure = `${seen.size} syncs over ${KILLS} kills, seed ${dice.seed}: never two of one replica at a time`
  },
)
