// supervisor-dies.test.ts — kill -9 of the supervisor while people write: every write that it confirmed is saved when
// it comes back, and is carried out.
import { setTimeout as pause } from 'node:timers/promises'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { subjectFor, type Page, type Replica } from '@kagami/protocol'
import { sampleJoin } from '@kagami/protocol/testing/samples'
import { startHttpUpstream } from '@kagami/demo'
import { newId } from '@kagami/runtime'
import { mkdirSync, writeFileSync } from 'node:fs'
import { beforeAll, describe, expect, test } from 'vitest'
import { createDice } from '../harness/dice.ts'
import { readHistory } from '../harness/ledger.ts'
import { startNats, createPlace } from '../harness/place.ts'
import { startSupervisor, startWorker, type Program, type SupervisorProgram } from '../harness/programs.ts'
import { rounds } from '../harness/rounds.ts'
import { until } from '../harness/wait.ts'

const KILLS = rounds(3, 60)
const WRITERS = 3

describe('a supervisor that is killed while people write', () => {
  const place = createPlace()
  const dice = createDice()
  /** Confirmed writes: name → id of added replicas, request id → replica of syncs, and ids of the others. */
  const confirmed = {
    added: new Map<string, string>(),
    removed: new Set<string>(),
    paused: new Set<string>(),
    syncs: new Map<string, string>(),
    approved: new Set<string>(),
  }
  const untouched = new Set<string>()
  let upstream: string
  let nats: { url: string }
  let strangers: NatsConnection
  let supervisor: SupervisorProgram
  let worker: Program
  let count = 0

  const takeReplica = () => {
    const id = dice.pick([...untouched])
    untouched.delete(id)
    return id
  }
  const writes: (() => Promise<unknown>)[] = [
    async () => {
      const name = `added-${++count}`
      const { replica_id } = await supervisor.api.call('addReplica', {
        params: { id: 'w' },
        body: { name, kind: 'http', upstream, interval_secs: 0 },
      })
      confirmed.added.set(name, replica_id)
      untouched.add(replica_id)
    },
    async () => {
      const id = takeReplica()
      await supervisor.api.call('removeReplica', { params: { id: 'w' }, body: { replica_id: id } })
      confirmed.removed.add(id)
    },
    async () => {
      const id = takeReplica()
      await supervisor.api.call('pauseReplica', { params: { id }, body: { reason: null } })
      confirmed.paused.add(id)
    },
    async () => {
      const { requests } = await supervisor.api.call('syncReplica', { params: { id: takeReplica() } })
      for (const { request_id, replica_id } of requests) confirmed.syncs.set(request_id, replica_id)
    },
    async () => {
      const id = `stranger-${++count}`
      const join = sampleJoin({ worker_id: id, instance: newId(), name: id, kinds: [] })
      await strangers.request(subjectFor('join', id), JSON.stringify(join), { timeout: 1000 })
      await supervisor.api.call('approve', { params: { id } })
      confirmed.approved.add(id)
    },
  ]

  beforeAll(async () => {
    mkdirSync(place.at('www'))
    writeFileSync(place.at('www', 'file'), 'content')
    const files = await startHttpUpstream({ dir: place.at('www') })
    place.onEnd(() => files.stop())
    upstream = `${files.url}/file`
    nats = await startNats(place, 'new')
    strangers = await connect({ servers: nats.url })
    place.onEnd(() => strangers.close())
    supervisor = await startSupervisor(place, { nats: nats.url, env: { SUPERVISOR_AUTO_APPROVE: 'false' } })
    worker = await startWorker(place, { nats: nats.url, env: { KAGAMI_WORKER_ID: 'w', KAGAMI_SLOTS_PER_HOST: '8' } })
    await until('the worker joins', async () => (await supervisor.api.call('listWorkers')).total === 1)
    await supervisor.api.call('approve', { params: { id: 'w' } })
  })

  test(
    'loses no write that it confirmed, and carries all of them out',
    { timeout: 300_000 + KILLS * 15_000 },
    async ({ task }) => {
      for (let kill = 0; kill < KILLS; kill++) {
        let writing = true
        const writers = Array.from({ length: WRITERS }, async () => {
          while (writing)
            await dice
              .pick(writes)()
              .catch(() => pause(10))
        })
        await pause(dice.whole(50, 700))
        await supervisor.kill()
        writing = false
        await Promise.all(writers)
        supervisor = await startSupervisor(place, {
          nats: nats.url,
          port: Number(new URL(supervisor.url).port),
          env: { SUPERVISOR_AUTO_APPROVE: 'false' },
        })
      }
      const replicas = async () => new Map((await allReplicas()).map((replica) => [replica.replica_id, replica]))
      const allReplicas = async () => {
        const all: Replica[] = []
        for (let cursor: string | null = ''; cursor !== null;) {
          const page: Page<Replica> = await supervisor.api.call('listReplicas', {
            query: { worker: 'w', limit: 500, cursor },
          })
          all.push(...page.items)
          cursor = page.next_cursor
        }
        return all
      }
      const wrong = async () => {
        const shown = await replicas()
        const history = await readHistory(supervisor.api)
        const workers = new Map(
          (await supervisor.api.call('listWorkers', { query: { limit: 500 } })).items.map((one) => [
            one.worker_id,
            one.admission,
          ]),
        )
        const done = new Set([...history.values()].map((sync) => sync.request_id))
        return {
          lost: [...confirmed.added.values()].filter(
            (id) => !shown.has(id) && !confirmed.removed.has(id) && !maybeRemoved.has(id),
          ),
          notRemoved: [...confirmed.removed].filter((id) => shown.has(id)),
          notPaused: [...confirmed.paused].filter((id) => !shown.get(id)?.paused),
          notSynced: [...confirmed.syncs.keys()].filter((id) => !done.has(id)),
          unapproved: [...confirmed.approved].filter((id) => workers.get(id) !== 'approved'),
        }
      }
      // Requests without an answer when the supervisor was killed may or may not be saved.
      const answered = new Set([...confirmed.removed, ...confirmed.paused, ...confirmed.syncs.values()])
      const maybeRemoved = new Set(
        [...confirmed.added.values()].filter((id) => !untouched.has(id) && !answered.has(id)),
      )
      await until(
        'every confirmed write is saved and carried out',
        async () => Object.values(await wrong()).every((ids) => ids.length === 0),
        {
          seen: async () => ({ seed: dice.seed, wrong: await wrong(), worker: worker.output().slice(-500) }),
        },
      )
      expect(Math.min(confirmed.added.size, confirmed.approved.size)).toBeGreaterThan(0)
      const total = Object.values(confirmed).reduce((sum, ids) => sum + ids.size, 0)
      task.meta.figure = `${KILLS} kills during ${total} acknowledged writes (${Object.entries(confirmed)
        .map(([what, ids]) => `${what} ${ids.size}`)
        .join(', ')}): 0 lost`
    },
  )
})
