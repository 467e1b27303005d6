// fleet-hour.test.ts — What an hour of a fleet may cost the supervisor, in counts: transactions and rows of the
// database, events for each browser, questions back to workers. The hour is played by a clock that is moved by hand.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { messages, type Heartbeat } from '@kagami/protocol'
import { decode, encode } from '@kagami/runtime'
import { putWorker } from '@kagami/supervisor/core/fleet'
import { receiveHeartbeat } from '@kagami/supervisor/edge/heartbeats'
import type { Store } from '@kagami/supervisor/store/store'
import { openServices, recordOf } from '@kagami/supervisor/testing/services'
import { makeReplica } from '@kagami/supervisor/testing/states'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

const WORKERS = 20
const REPLICAS = 100
/** Every worker sends one in 15 s, spread over them. */
const BEATS = 240
const STEP_MS = 15_000 / WORKERS
/** Half an hour later a part of 6 hours ends, of which the last value of each disk is kept. */
const START = new Date('2026-11-23T05:30:00Z')
const SCHEMA = messages.heartbeat.schema

interface Counts {
  transactions: number
  /** Rows of replicas that were written. */
  rows: number
  /** Rows of workers: when they were last heard from. */
  seen: number
  /** Transactions and rows that keep how full disks were. */
  diskTransactions: number
  diskRows: number
  events: number
  /** Heartbeats after which the whole state was asked for. */
  questions: number
}

const NOTHING: Counts = {
  transactions: 0,
  rows: 0,
  seen: 0,
  diskTransactions: 0,
  diskRows: 0,
  events: 0,
  questions: 0,
}
/** Disks change all the time: the last value of a part and the first of the next of each, and what a stop writes. */
const DISKS = { diskTransactions: WORKERS + 1, diskRows: 3 * WORKERS }

let dir: string
beforeEach(() => void (dir = mkdtempSync(join(tmpdir(), 'kagami-hour-'))))
afterEach(() => rmSync(dir, { recursive: true }))

/** Plays the hour; `changes` says how many replicas of a worker changed since its last heartbeat. */
async function playHour(changes: (beat: number) => number): Promise<Counts> {
  const counts: Counts = { ...NOTHING }
  const { services, clock } = await openServices(dir, (store) => counting(store, counts), START)
  services.feed.subscribe(
    null,
    () => true,
    () => counts.events++,
  )
  const refreshing = { want: () => void counts.questions++, arrived() {}, joined() {}, stop() {} }
  const workers = Array.from({ length: WORKERS }, (_, index) => `worker-${String(index).padStart(4, '0')}`)
  const revisions = new Map(workers.map((id) => [id, Array.from({ length: REPLICAS }, () => 1)]))
  const next = new Map(workers.map((id) => [id, 0]))
  const send = (id: string, seq: number, changed: readonly number[]) => {
    const all = revisions.get(id)!
    for (const index of seq === 0 ? [] : changed) all[index]!++
    const beat = beatOf(id, { seq, at: clock.now(), changed, revisions: all })
    receiveHeartbeat(services, refreshing, decode(SCHEMA, Buffer.from(encode(SCHEMA, beat))), id)
  }
  for (const id of workers) {
    putWorker(services.fleet, recordOf(id), clock.now().getTime()).instance = `${id}-i`
    send(id, 0, [...Array(REPLICAS).keys()])
  }
  clock.advance(1000)
  await services.stateWriter.flush()
  await services.sampleWriter.flush()
  Object.assign(counts, NOTHING)
  for (let beat = 1; beat <= BEATS; beat++)
    for (const id of workers) {
      const from = next.get(id)!
      const changed = Array.from({ length: changes(beat) }, (_, index) => (from + index) % REPLICAS)
      next.set(id, from + changed.length)
      send(id, beat, changed)
      clock.advance(STEP_MS)
      await services.stateWriter.flush()
      await services.sampleWriter.flush()
    }
  await services.stateWriter.stop()
  await services.sampleWriter.stop()
  services.publisher.stop()
  await services.store.close()
  return counts
}

interface Said {
  readonly seq: number
  readonly at: Date
  readonly changed: readonly number[]
  readonly revisions: readonly number[]
}

/** A heartbeat; the first one of a worker says everything. */
function beatOf(id: string, { seq, at, changed, revisions }: Said): Heartbeat {
  return {
    worker_id: id,
    instance: `${id}-i`,
    seq,
    sent_at: at.toISOString(),
    observed_rev: 1,
    full: seq === 0,
    part: { index: 0, of: 1 },
    replicas: changed.map((index) => makeReplica(id, index, revisions[index]!)),
    removed: [],
    digest: { count: REPLICAS, revisions: revisions.reduce((sum, one) => sum + one, 0) },
    storage: { total_bytes: 1e12, used_bytes: 4e11 + seq, device: `boot:${id}` },
    jobs: { running: 0, queued: 0, limit: 4 },
  }
}

/** The store, with what is written to it counted. */
function counting(store: Store, counts: Counts): Store {
  const saveStates: Store['saveStates'] = (changes) => {
    counts.transactions++
    counts.rows += changes.replicas.length + changes.removed.length
    counts.seen += changes.seen.length
    return store.saveStates(changes)
  }
  const saveDiskSamples: Store['saveDiskSamples'] = (samples) => {
    counts.diskTransactions++
    counts.diskRows += samples.length
    return store.saveDiskSamples(samples)
  }
  const counted: Partial<Store> = { saveStates, saveDiskSamples }
  return new Proxy(store, { get: (target, key) => Reflect.get(key in counted ? counted : target, key) })
}

describe(`an hour of ${WORKERS} workers with ${REPLICAS} replicas each`, () => {
  it('in which nothing happens costs no more than it did', async () => {
    expect(await playHour(() => 0)).toEqual({ ...NOTHING, ...DISKS })
  })

  it('in which 2 of 100 replicas change each minute costs no more than it did', async () => {
    const perMinute = WORKERS * 2
    expect(await playHour((beat) => (beat % 4 === 0 ? 2 : 0))).toEqual({
      // One for each heartbeat that says something, as they come more than half a second apart.
      transactions: 60 * WORKERS,
      rows: 60 * perMinute,
      seen: 0,
      ...DISKS,
      // Each replica, and its worker once.
      events: 60 * (perMinute + WORKERS),
      questions: 0,
    })
  })
})
