// fleet-model.test.ts — The fleet in its compact form shows what plain objects would: the same views, counters and
// digests after any history of heartbeats, edits, decisions, removals and time.
import {
  haltOf,
  healthOrder,
  type FailureReason,
  type Replica,
  type ReplicaSpec,
  type ReplicaState,
} from '@kagami/protocol'
import { sampleHeartbeat, sampleSpec } from '@kagami/protocol/testing/samples'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { WorkerRecord } from '../../store/store.ts'
import { anyState } from '../../testing/any-state.ts'
import { recordOf } from '../../testing/services.ts'
import { noChanges } from '../changes.ts'
import { reviewDue } from '../counting.ts'
import { addedSpec, asDecided, etagOf, isEditPending } from '../edits.ts'
import type { Fleet, WorkerEntry } from '../entries.ts'
import { applyHeartbeat, createFleet, dropWorker, putWorker, setPresence, showDecisions } from '../fleet.ts'
import { assessHealth, type Verdict } from '../health.ts'
import { unreportedState } from '../new-replica.ts'
import { isWanted } from '../records.ts'
import { causesOf, replicaOf, resourceOf, workerOf } from '../views.ts'

const START = Date.parse('2026-01-01T01:00:00Z')
const WORKERS = ['w0', 'w1', 'w2'] as const
const IDS = ['a', 'b', 'c', 'd', '0b5e7c1a-0000-5f00-8000-00000000000a']

const workers = fc.constantFrom(...WORKERS)
const states = fc
  .uniqueArray(fc.constantFrom(...IDS), { maxLength: 4 })
  .chain((ids) => fc.tuple(...ids.map((id) => anyState(id))))
const event = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant('beat' as const),
      id: workers,
      full: fc.boolean(),
      states,
      removed: fc.subarray(IDS, { maxLength: 1 }),
    }),
  },
  fc.record({
    type: fc.constant('admission' as const),
    id: workers,
    admission: fc.constantFrom('pending', 'approved', 'rejected'),
  }),
  fc.record({
    type: fc.constant('edit' as const),
    id: workers,
    replicaId: fc.constantFrom(...IDS),
    upstream: fc.webUrl(),
    rev: fc.integer({ min: 1, max: 5 }),
  }),
  fc.record({ type: fc.constant('withdraw' as const), id: workers }),
  fc.record({ type: fc.constant('pause' as const), id: workers, replicaId: fc.constantFrom(...IDS) }),
  fc.record({
    type: fc.constant('presence' as const),
    id: workers,
    presence: fc.constantFrom('online', 'late', 'lost'),
  }),
  fc.record({ type: fc.constant('drop' as const), id: workers }),
  fc.record({ type: fc.constant('time' as const), seconds: fc.nat(9000) }),
)
type Event = typeof event extends fc.Arbitrary<infer E> ? E : never

/** A replica as a plain object. */
interface Plain {
  state: ReplicaState
  verdict: Verdict & { until: number }
  review: number | null
}

/** The fleet as plain objects, by worker and id; its workers are those of the real one. */
type Model = Map<string, Map<string, Plain>>

function play(fleet: Fleet, model: Model, one: Event, now: number): void {
  if (one.type === 'time') return playTime(fleet, model, now)
  const worker = fleet.workers.get(one.id) ?? putWorker(fleet, recordOf(one.id), now)
  const plain = model.get(one.id) ?? new Map<string, Plain>()
  model.set(one.id, plain)
  // A heartbeat's states are shown by what its worker had observed before it.
  let told = worker
  const judge = () => {
    for (const replica of plain.values()) assess(replica, worker, now)
  }
  const put = (reported: ReplicaState) => {
    const state = asDecided(told, reported)
    for (const [other, replicas] of model) if (other !== one.id && replicas.has(state.replica_id)) return
    const known = plain.get(state.replica_id)
    if (known && JSON.stringify(known.state) === JSON.stringify(state)) return
    const replica: Plain = { state, verdict: null as never, review: known?.review ?? null }
    plain.set(state.replica_id, replica)
    assess(replica, worker, now)
  }
  const decide = (change: Partial<WorkerRecord>) => {
    putWorker(fleet, { ...worker.record, ...change }, now)
    showDecisions({ fleet, worker, changes: noChanges(), now })
    for (const [id, { state }] of plain)
      if (state.revision_no === 0 && !isWanted(worker.record, state)) plain.delete(id)
    for (const spec of worker.record.replicas) put(plain.get(spec.replica_id)?.state ?? unreportedState(spec))
  }
  switch (one.type) {
    case 'beat': {
      const beat = sampleHeartbeat({ worker_id: one.id, full: one.full, replicas: one.states, removed: one.removed })
      told = { ...worker }
      applyHeartbeat(fleet, worker, beat, now)
      if (!worker.hasFullState) return
      for (const [id, { state }] of plain)
        if (one.full && state.revision_no !== 0 && !one.states.some((named) => named.replica_id === id))
          plain.delete(id)
      for (const state of one.states) put(state)
      if (!one.full) for (const id of one.removed) plain.delete(id)
      return
    }
    case 'admission':
      putWorker(fleet, { ...worker.record, admission: one.admission }, now)
      return judge()
    case 'edit': {
      const spec: ReplicaSpec = {
        ...sampleSpec({ replica_id: one.replicaId, upstream: one.upstream }),
        spec_rev: one.rev,
      }
      return decide({
        replicas: [...worker.record.replicas.filter((other) => other.replica_id !== one.replicaId), spec],
      })
    }
    case 'withdraw':
      return decide({ replicas: [] })
    case 'pause':
      return decide({ paused: [{ replica_id: one.replicaId, by: 'li', at: '2026-01-01T00:00:00Z', reason: null }] })
    case 'presence':
      setPresence(fleet, worker, one.presence, now)
      return judge()
    case 'drop':
      dropWorker(fleet, worker)
      model.delete(one.id)
  }
}

function playTime(fleet: Fleet, model: Model, now: number): void {
  reviewDue(fleet, now)
  for (const [id, replicas] of model)
    for (const replica of replicas.values()) {
      if (replica.review === null || replica.review > Math.floor(now / 60_000)) continue
      replica.review = null
      assess(replica, fleet.workers.get(id)!, now)
    }
}

function assess(replica: Plain, worker: WorkerEntry, now: number): void {
  replica.verdict = assessHealth(replica.state, worker.presence, null, now)
  const { until } = replica.verdict
  if (Number.isFinite(until)) replica.review = Math.floor(Math.max(until, now) / 60_000) + 1
}

function viewOf(worker: WorkerEntry, { state, verdict }: Plain): Replica {
  const paused = worker.record.paused.find((one) => one.replica_id === state.replica_id)
  const spec = addedSpec(worker, state.replica_id)
  return {
    ...state,
    worker_id: worker.record.worker_id,
    worker_name: worker.record.name,
    worker_presence: worker.presence,
    worker_admission: worker.record.admission,
    ...(worker.presence === 'lost' ? { worker_silent_since: worker.lastSeenAt } : {}),
    health: verdict.health,
    health_detail: verdict.detail,
    progress: null,
    paused: paused ? { by: paused.by, at: paused.at, reason: paused.reason } : null,
    pending_requests: 0,
    etag: spec ? etagOf(spec) : null,
    has_credentials: spec ? Boolean(spec.auth) : null,
    edit_pending: spec ? isEditPending({ worker, state }) : false,
  }
}

const json = (value: unknown) => JSON.parse(JSON.stringify(value)) as unknown
const tally = (words: readonly string[]) =>
  Object.fromEntries([...Map.groupBy(words, (word) => word)].map(([word, group]) => [word, group.length]))

function compare(fleet: Fleet, model: Model): void {
  const all = [...model].flatMap(([id, replicas]) =>
    [...replicas.values()].map((plain) => ({ worker: fleet.workers.get(id)!, plain })),
  )
  expect(fleet.replicas.size).toBe(all.length)
  for (const { worker, plain } of all) {
    const { replica_id } = plain.state
    expect(json(replicaOf(fleet.replicas.get(replica_id)!))).toEqual(json(viewOf(worker, plain)))
    expect(worker.replicas.has(replica_id)).toBe(true)
  }
  for (const [id, replicas] of model) {
    const worker = fleet.workers.get(id)!
    const plain = [...replicas.values()]
    expect(worker.revisions).toBe(plain.reduce((sum, { state }) => sum + state.revision_no, 0))
    const approved = worker.record.admission === 'approved'
    expect(workerOf(worker)).toMatchObject({
      replicas_total: plain.length,
      health_counts: approved ? tally(plain.map(({ verdict }) => verdict.health)) : {},
    })
  }
  compareResources(
    fleet,
    all.filter(({ worker }) => worker.record.admission === 'approved'),
  )
}

/** A replica, and the worker that has it. */
interface Member {
  readonly worker: WorkerEntry
  readonly plain: Plain
}

function compareResources(fleet: Fleet, members: readonly Member[]): void {
  const counted = members.map(({ plain }) => plain)
  const scheduled = new Set(
    members.filter(({ worker, plain }) => !haltOf(viewOf(worker, plain))).map(({ plain }) => plain),
  )
  const groups = Map.groupBy(counted, ({ state }) => state.name)
  compareCauses(fleet, members)
  expect([...fleet.resources.values()].map(({ name }) => name).sort()).toEqual([...groups.keys()].sort())
  expect(fleet.healths.toRecord()).toEqual(tally(counted.map(({ verdict }) => verdict.health)))
  expect(fleet.statuses.toRecord()).toEqual(tally(counted.map(({ state }) => state.status)))
  for (const [name, group] of groups) {
    const healths = group.map(({ verdict }) => verdict.health)
    const resource = fleet.resources.get(name)!
    expect(resource.statuses.toRecord()).toEqual(tally(group.map(({ state }) => state.status)))
    const ms = (at: string | null) => (at === null ? null : Date.parse(at))
    const successes = group.flatMap(({ state }) => ms(state.last_success_at) ?? [])
    const dues = group.filter((one) => scheduled.has(one)).flatMap(({ state }) => ms(state.next_due_at) ?? [])
    expect(ms(resourceOf(resource).newest_success_at)).toBe(successes.length > 0 ? Math.max(...successes) : null)
    expect(ms(resourceOf(resource).next_due_at)).toBe(dues.length > 0 ? Math.min(...dues) : null)
    expect(resourceOf(resource)).toMatchObject({
      name,
      replicas_total: group.length,
      kinds: [...new Set(group.map(({ state }) => state.kind))].sort(),
      health_counts: tally(healths),
      worst_health: healthOrder.find((health) => healths.includes(health)),
      size_bytes: group.reduce<number | null>(
        (most, { state: { size_bytes } }) => (size_bytes === null ? most : Math.max(most ?? 0, size_bytes)),
        null,
      ),
    })
  }
}

function compareCauses(fleet: Fleet, members: readonly Member[]): void {
  const troubled = members.filter(({ plain: { verdict } }) => verdict.health === 'failed' || verdict.health === 'held')
  const groups = Map.groupBy(troubled, ({ plain: { state } }) => state.last_sync?.reason ?? 'unknown')
  const plainly = [...groups].map(([reason, group]) => {
    const since = group.flatMap(({ plain: { state } }) => (state.failing_since ? Date.parse(state.failing_since) : []))
    const workers = new Set(group.map(({ worker }) => worker)).size
    return [reason, group.length, since.length > 0 ? Math.min(...since) : null, workers]
  })
  const causes = causesOf(fleet, 100)
  const shown = causes.map(({ reason, replicas, since, workers_total: workers }) => [
    reason,
    replicas,
    since && Date.parse(since),
    workers,
  ])
  expect(shown.sort()).toEqual(plainly.sort())
  for (const { reason, last } of causes) {
    const syncs = groups.get(reason as FailureReason)!.flatMap(
      ({
        plain: {
          state: { replica_id, last_sync },
        },
      }) =>
        last_sync ? [{ replica_id, ms: Date.parse(last_sync.ended_at), line: lineOf(last_sync.message ?? '') }] : [],
    )
    const latest = syncs.filter(({ ms }) => ms === Math.max(...syncs.map((sync) => sync.ms)))
    const named = last && { replica_id: last.replica_id, ms: Date.parse(last.at), line: last.line }
    if (named) expect(latest).toContainEqual(named)
    else expect(latest.every(({ line }) => line !== '')).toBe(latest.length === 0)
  }
}

const lineOf = (text: string) => text.split(/\s+/).filter(Boolean).join(' ')

describe('the fleet in memory', () => {
  it('shows what plain objects would show, after any history', () =>
    fc.assert(
      fc.property(fc.array(event, { maxLength: 25 }), (events) => {
        const fleet = createFleet({ recentMax: 0 })
        const model: Model = new Map()
        let now = START
        for (const one of events) {
          if (one.type === 'time') now += one.seconds * 1000
          play(fleet, model, one, now)
        }
        compare(fleet, model)
      }),
      { numRuns: 200 },
    ))
})
