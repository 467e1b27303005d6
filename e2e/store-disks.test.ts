// store-disks.test.ts — How full disks were, on a real SQLite file and a real PostgreSQL server: what a supervisor
// writes behind, what is read, and what is removed.
import { DISK_PART_MS, diskPartOf, type Storage } from '@kagami/protocol'
import { sampleReport } from '@kagami/protocol/testing/samples'
import { createLogger, newId } from '@kagami/runtime'
import { createManualClock } from '@kagami/runtime/testing/manual-clock'
import { createSampleWriter } from '@kagami/supervisor/store/sample-writer'
import { openSqlStore } from '@kagami/supervisor/store/sql'
import type { DiskSample, Store } from '@kagami/supervisor/store/store'
import { beforeAll, describe, expect, test } from 'vitest'
import { queryDatabase } from './harness/database.ts'
import { createDice } from './harness/dice.ts'
import { createPlace } from './harness/place.ts'
import { startPostgres } from './harness/postgres.ts'

const logger = createLogger('test', { LOG_LEVEL: 'silent' })
const NOW = Date.UTC(2026, 10, 28, 13, 20)
const DAY_MS = 86_400_000
const ALL = { fromMs: NOW - 400 * DAY_MS, toMs: NOW + 400 * DAY_MS }

describe.each(['sqlite', 'postgres'] as const)('samples of disks on %s', (kind) => {
  const place = createPlace()
  let url: string
  let store: Store

  beforeAll(async () => {
    url = kind === 'sqlite' ? `sqlite://${place.at('db', 'supervisor.db')}?mode=rwc` : await startPostgres(place)
    store = await openSqlStore(url, logger)
    await store.prepare(() => ({ workers: [], replicas: [], leftOut: 0 }))
    place.onEnd(() => store.close())
  })

  const read = async (workerId: string, span = ALL) => (await store.readDiskSamples([workerId], span)).get(workerId)!

  test('keep of each worker and part the last value, in whatever batches they come', async () => {
    const dice = createDice()
    const samples = Array.from({ length: 3000 }, (_, index) => ({
      worker_id: dice.pick(['a', 'b', 'c']),
      measured_at: NOW + index * 60_000,
      total_bytes: 2 ** 45,
      used_bytes: dice.whole(0, 2 ** 45),
      available_bytes: dice.pick([null, 0, 2 ** 44]),
    }))
    const last = new Map<string, DiskSample>()
    for (const sample of samples) last.set(`${sample.worker_id}/${diskPartOf(sample.measured_at)}`, sample)
    let from = 0
    while (from < samples.length) {
      const batch = new Map<string, DiskSample>()
      const to = from + dice.whole(1, 1600)
      for (const sample of samples.slice(from, to))
        batch.set(`${sample.worker_id}/${diskPartOf(sample.measured_at)}`, sample)
      await store.saveDiskSamples([...batch.values()])
      from = to
    }
    for (const id of ['a', 'b', 'c'])
      expect(await read(id), `seed ${dice.seed}`).toEqual([...last.values()].filter((one) => one.worker_id === id))
    expect(await read('nobody')).toEqual([])
  })

  test('of many workers are written in one batch', async () => {
    const many = Array.from({ length: 1300 }, (_, index) => sampleOf(`m-${index}`, NOW))
    await store.saveDiskSamples(many)
    const found = await store.readDiskSamples(
      many.map(({ worker_id }) => worker_id),
      ALL,
    )
    expect([...found.values()].flat()).toHaveLength(1300)
  })

  test('are read from one instant to another, both within', async () => {
    const samples = [-3, -2, -1, 0, 1].map((days) => sampleOf('span', NOW + days * DAY_MS))
    await store.saveDiskSamples(samples)
    expect(await read('span', { fromMs: NOW - 2 * DAY_MS, toMs: NOW })).toEqual(samples.slice(1, 4))
    expect(await read('span', { fromMs: NOW - 2 * DAY_MS + 1, toMs: NOW - 1 })).toEqual(samples.slice(2, 3))
  })

  test('of a worker that says something each 15 s cost one row of a part, and few writes', async () => {
    const clock = createManualClock(new Date(Date.UTC(2026, 10, 28, 23, 0)))
    let [batches, rows] = [0, 0]
    const writer = createSampleWriter({
      clock,
      logger,
      store: {
        saveDiskSamples(samples) {
          batches++
          rows += samples.length
          return store.saveDiskSamples(samples)
        },
      },
    })
    const measured: DiskSample[] = []
    for (let beat = 0; beat < 24 * 240; beat++) {
      measured.push(sampleOf('beats', clock.now().getTime(), beat))
      // It is silent from 6 to 18 o'clock.
      if (beat < 7 * 240 || beat >= 19 * 240) writer.record('beats', storageOf(measured.at(-1)!))
      else measured.pop()
      clock.advance(15_000)
      await writer.flush()
    }
    // One an hour; at midnight the last of one part and the first of the next are one batch.
    expect([batches, rows]).toEqual([13, 14])
    await writer.stop()
    const last = Map.groupBy(measured, ({ measured_at }) => diskPartOf(measured_at))
    expect(await read('beats')).toEqual([...last.values()].map((part) => part.at(-1)))
    expect(last.size).toBe(3)
  })

  test('wait in memory while the database takes none, the last value of each part', async () => {
    const clock = createManualClock(new Date(NOW))
    let isAway = true
    const writer = createSampleWriter({
      clock,
      logger,
      store: {
        saveDiskSamples: async (samples) => {
          if (isAway) throw new Error('away')
          await store.saveDiskSamples(samples)
        },
      },
    })
    const measured: DiskSample[] = []
    for (let hour = 0; hour < 24; hour++) {
      measured.push(sampleOf('away', clock.now().getTime(), hour))
      writer.record('away', storageOf(measured.at(-1)!))
      clock.advance(3_600_000)
      await writer.flush()
    }
    expect(await read('away')).toEqual([])
    isAway = false
    await writer.stop()
    const parts = Map.groupBy(measured, ({ measured_at }) => diskPartOf(measured_at))
    expect(await read('away')).toEqual([...parts.values()].map((part) => part.at(-1)))
  })

  test('are written once more of a clock that goes back and forth', async () => {
    const samples: DiskSample[] = []
    const times = [NOW, NOW + DISK_PART_MS, NOW, NOW + DISK_PART_MS, NOW]
    let at = 0
    const clock = { ...createManualClock(), now: () => new Date(times[at]!) }
    const writer = createSampleWriter({
      clock,
      logger,
      store: { saveDiskSamples: async (batch) => void samples.push(...batch) },
    })
    for (; at < times.length - 1; at++) writer.record('jumps', { total_bytes: 9, used_bytes: at })
    writer.record('jumps', { total_bytes: 9, used_bytes: at })
    await writer.stop()
    expect(samples.map(({ used_bytes }) => used_bytes).sort()).toEqual([3, 4])
  })

  test('go after their time, and not sooner because a clock was wrong for an hour', async () => {
    const samples = [40, 31, 29, 1].map((days) => sampleOf('old', NOW - days * DAY_MS))
    await store.saveDiskSamples(samples)
    const before = (days: number) => new Date(NOW - days * DAY_MS)
    await store.prune(before(90), before(30))
    expect(await read('old')).toEqual(samples.slice(2))
    await store.prune(new Date(NOW + 275 * DAY_MS), new Date(NOW + 335 * DAY_MS))
    expect(await read('old')).toEqual(samples.slice(2))
  })

  test('are not written by a supervisor that another has taken over from', async () => {
    const term = await store.nextTerm()
    await queryDatabase(url, `update meta set value = '${term + 1}' where key = 'term'`)
    await expect(store.saveDiskSamples([sampleOf('late', NOW)])).rejects.toThrow('has taken over')
    expect(await read('late')).toEqual([])
    await store.close()
    store = await openSqlStore(url, logger)
    await store.prepare(() => ({ workers: [], replicas: [], leftOut: 0 }))
  })

  test('come with the first size that each replica had, whichever version wrote it', async () => {
    const state = (replica_id: string) => ({ replica_id, name: replica_id }) as never
    await store.saveStates({
      replicas: ['grows', 'unknown', 'never'].map((id) => ({ worker_id: 'sized', state: state(id) })),
      removed: [],
      seen: [],
    })
    const report = (replica_id: string, daysAgo: number, size_bytes: number | null) => {
      const ended_at = new Date(NOW - daysAgo * DAY_MS).toISOString()
      return sampleReport({
        sync_id: newId(),
        worker_id: 'sized',
        replica_id,
        ended_at,
        started_at: ended_at,
        size_bytes,
      })
    }
    await store.addReports([
      report('grows', 20, 1),
      report('grows', 13, null),
      report('grows', 5, 3 * 2 ** 40),
      report('grows', 12, 2 * 2 ** 40),
      report('unknown', 3, null),
      report('elsewhere', 3, 5),
    ])
    const expected = new Map([['grows', { size_bytes: 2 * 2 ** 40, ended_at: NOW - 12 * DAY_MS }]])
    expect(await store.readFirstSizes(['sized'], NOW - 14 * DAY_MS)).toEqual(expected)
    await queryDatabase(url, 'update syncs set duration_ms = null, size_bytes = null')
    expect(await store.readFirstSizes(['sized'], NOW - 14 * DAY_MS)).toEqual(expected)
  })
})

const sampleOf = (worker_id: string, measured_at: number, used_bytes = 2 ** 40): DiskSample => ({
  worker_id,
  measured_at,
  total_bytes: 2 ** 45,
  used_bytes,
  available_bytes: 2 ** 43,
})

const storageOf = ({ total_bytes, used_bytes }: DiskSample): Storage => ({
  total_bytes,
  used_bytes,
  available_bytes: 2 ** 43,
})
