// convergence.test.ts — Documents and heartbeats that are lost, doubled, late and out of order between the worker's
// machine and the supervisor's fleet: once the network is quiet, both hold the same state.
import fc from 'fast-check'
import type { Desired, Heartbeat, ReplicaSpec, SyncReport } from '@kagami/protocol'
import { sampleReport } from '@kagami/protocol/testing/samples'
import { noChanges } from '@kagami/supervisor/core/changes'
import { applyHeartbeat, createFleet, putWorker, showDecisions } from '@kagami/supervisor/core/fleet'
import type { WorkerEntry } from '@kagami/supervisor/core/entries'
import type { WorkerRecord } from '@kagami/supervisor/store/store'
import { describeReplica } from '@kagami/worker/core/describe'
import type { Replica } from '@kagami/worker/core/replica'
import { createWorkerMachine, openWorker, type WorkerEvent } from '@kagami/worker/core/worker'
import { envelopeOf, heartbeatsFor } from '@kagami/worker/edge/heartbeat'
import { describe, expect, test } from 'vitest'
import { rounds } from '../harness/rounds.ts'

const RUNS = rounds(2000, 40_000)
const start = Date.parse('2026-01-01T00:00:00Z')
const at = new Date(start).toISOString()
const IDS = ['a', 'b', 'c', 'd']

const makeSpec = (id: string, interval: number): ReplicaSpec => ({
  replica_id: id,
  name: id,
  kind: 'http',
  upstream: `http://${id}.example/f`,
  interval_secs: interval,
  labels: {},
  options: {},
  auth: null,
  origin: 'api',
})
const workerRecord: WorkerRecord = {
  worker_id: 'w',
  name: 'w',
  admission: 'approved',
  reason: null,
  first_seen_at: at,
  decided_at: null,
  decided_by: null,
  version: null,
  hostname: null,
  http_addr: null,
  data_dir: null,
  older_wire: false,
  kinds: [],
  instance: 'me',
  rev: 1,
  replicas: [],
  removed: [],
  syncs: [],
  paused: [],
  last_seen_at: null,
}
const makeReport = (sync_id: string, replica_id: string, failed: boolean, now: Date): SyncReport =>
  sampleReport({
    sync_id,
    replica_id,
    ...(failed ? { outcome: 'failed', reason: 'timed_out' } : {}),
    started_at: now.toISOString(),
    ended_at: now.toISOString(),
  })

/** A worker's machine and its side of the network: changes wait until the next heartbeat sends them. */
function createWorker() {
  let next = 0
  const machine = createWorkerMachine(() => `sync-${String(++next).padStart(6, '0')}`)
  let state = openWorker(
    { id: 'w', instance: 'me', limits: { perWorker: 2, perHost: 2 }, declared: [], remembered: new Map() },
    new Date(start),
  )
  const changed = new Map<string, Replica>()
  const removed = new Set<string>()
  let seq = 0
  return {
    replicas: () => [...state.replicas.values()],
    observed: () => state.desired?.rev ?? 0,
    handle(event: WorkerEvent, now: Date): void {
      const step = machine(state, event, now)
      state = step.state
      for (const effect of step.effects) {
        if (effect.type === 'keep_desired') this.handle({ type: 'desired_kept', kept: effect.desired }, now)
        if (effect.type !== 'announce') continue
        for (const replica of effect.changed) changed.set(replica.spec.replica_id, replica)
        for (const id of effect.removed) {
          changed.delete(id)
          removed.add(id)
        }
      }
    },
    beat(full: boolean): Heartbeat[] {
      const contents = {
        changed: full ? [...state.replicas.values()] : [...changed.values()],
        removed: [...removed],
        full,
        folders: null,
      }
      changed.clear()
      removed.clear()
      return heartbeatsFor({ ...envelopeOf(state), seq: ++seq, sent_at: at, storage: null }, contents)
    },
  }
}

const step = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant('decide' as const),
      ids: fc.subarray(IDS),
      interval: fc.constantFrom(60, 120),
    }),
  },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('read' as const), which: fc.nat(5) }) },
  { weight: 4, arbitrary: fc.record({ type: fc.constant('beat' as const) }) },
  { weight: 4, arbitrary: fc.record({ type: fc.constant('receive' as const), which: fc.nat(8), again: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('lose' as const), which: fc.nat(8) }) },
  {
    weight: 2,
    arbitrary: fc.record({ type: fc.constant('end' as const), id: fc.constantFrom(...IDS), failed: fc.boolean() }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('time' as const), seconds: fc.nat(200) }) },
)
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never

function play(steps: readonly Step[]): number {
  const fleet = createFleet()
  const entry: WorkerEntry = putWorker(fleet, workerRecord, start)
  const worker = createWorker()
  const documents: Desired[] = []
  const network: Heartbeat[] = []
  let [now, messages] = [start, 0]
  const decide = (ids: readonly string[], interval: number) => {
    const rev = documents.length + 1
    const before = new Map(documents.at(-1)?.replicas.map((spec) => [spec.replica_id, spec]))
    const replicas = ids.map((id) => {
      const known = before.get(id)
      return known?.interval_secs === interval ? known : { ...makeSpec(id, interval), spec_rev: rev }
    })
    putWorker(fleet, { ...workerRecord, rev, replicas, capabilities: ['edit'] }, now)
    showDecisions({ fleet, worker: entry, changes: noChanges(), now })
    for (const { replica_id, interval_secs } of replicas)
      expect(entry.replicas.get(replica_id)?.state).toMatchObject({ interval_secs })
    documents.push({
      worker_id: 'w',
      rev,
      term: 1,
      admission: 'approved',
      reason: null,
      terminate: false,
      instance: 'me',
      replicas,
      removed: [],
      syncs: [],
    })
  }
  // A full heartbeat that was requested may also get lost: the next heartbeat requests it again.
  const receive = (beat: Heartbeat) =>
    void (applyHeartbeat(fleet, entry, beat, now).mismatch && network.push(...worker.beat(true)))
  const act = (one: Step) => {
    messages++
    if (one.type === 'decide') decide(one.ids, one.interval)
    if (one.type === 'read' && documents.length > 0)
      worker.handle(
        { type: 'desired_read', desired: documents[one.which % documents.length]!, cached: false },
        new Date(now),
      )
    if (one.type === 'beat') network.push(...worker.beat(false))
    if (one.type === 'receive' && network.length > 0)
      receive(one.again ? network[one.which % network.length]! : network.splice(one.which % network.length, 1)[0]!)
    if (one.type === 'lose' && network.length > 0) network.splice(one.which % network.length, 1)
    if (one.type === 'time') {
      now += one.seconds * 1000
      worker.handle({ type: 'woke' }, new Date(now))
    }
    if (one.type === 'end') {
      const running = worker.replicas().find(({ spec, life }) => spec.replica_id === one.id && life.state === 'syncing')
      if (running?.life.state === 'syncing')
        worker.handle(
          { type: 'sync_ended', report: makeReport(running.life.syncId, one.id, one.failed, new Date(now)) },
          new Date(now),
        )
    }
  }
  worker.handle({ type: 'join_answered', reply: { accepted: true, status: 'approved', reason: null } }, new Date(start))
  decide([], 60)
  steps.forEach(act)
  // The network is quiet: nothing more is lost, the last document is read, and two heartbeats are received.
  network.length = 0
  worker.handle({ type: 'desired_read', desired: documents.at(-1)!, cached: false }, new Date(now))
  for (let beats = 0; beats < 2; beats++) {
    network.push(...worker.beat(false))
    while (network.length > 0) receive(network.shift()!)
  }
  const held = [...entry.replicas.values()]
    .map(({ state }) => state)
    .sort((a, b) => (a.replica_id < b.replica_id ? -1 : 1))
  const truth = worker
    .replicas()
    .map(describeReplica)
    .sort((a, b) => (a.replica_id < b.replica_id ? -1 : 1))
  expect(held).toEqual(truth)
  expect(truth.map((state) => state.replica_id).sort()).toEqual(
    documents
      .at(-1)!
      .replicas.map((spec) => spec.replica_id)
      .sort(),
  )
  expect(entry.observedRev).toBe(worker.observed())
  return messages
}

describe('worker and supervisor', () => {
  test(
    'hold the same state once the network is quiet, even if messages were lost, doubled or out of order',
    { timeout: 1_800_000 },
    ({ task }) => {
      let messages = 0
      fc.assert(
        fc.property(
          fc.array(step, { minLength: 10, maxLength: 80, size: 'max' }),
          (steps) => void (messages += play(steps)),
        ),
        { numRuns: RUNS },
      )
      task.meta.figure = `${RUNS} histories of ${messages} messages and events: 0 differ`
    },
  )
})
