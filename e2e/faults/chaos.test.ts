// chaos.test.ts — kill -9 at random moments of worker, supervisor and nats-server in a fleet that syncs changing
// upstreams of all kinds: nothing is lost, doubled, torn, stuck or left behind.
import { setTimeout as pause } from 'node:timers/promises'
import { startNatsServer, type NatsServer } from '@kagami/runtime'
import { findMarked } from '@kagami/worker/programs/orphans'
import { beforeAll, describe, expect, inject, test } from 'vitest'
import { startChangingUpstreams, type ChangingUpstreams } from '../harness/changing.ts'
import { createDice } from '../harness/dice.ts'
import { compareWithHistory, openLedger, type Ledger } from '../harness/ledger.ts'
import { startNats, createPlace } from '../harness/place.ts'
import { startSupervisor, startWorker, type Program, type SupervisorProgram } from '../harness/programs.ts'
import { rounds } from '../harness/rounds.ts'
import { until } from '../harness/wait.ts'

const KILLS = rounds(10, 200)
const WORKERS = ['one', 'two', 'three']

describe('a fleet whose programs are killed at random moments', () => {
  const place = createPlace()
  const dice = createDice()
  const workers = new Map<string, Program>()
  const dataDirs = WORKERS.map((name) => place.at(name))
  let upstreams: ChangingUpstreams
  let nats: NatsServer
  let supervisor: SupervisorProgram
  let ledger: Ledger
  const torn: string[] = []
  let checkedFiles = 0

  const startOne = async (name: string) =>
    void workers.set(
      name,
      await startWorker(place, {
        nats: nats.url,
        dir: name,
        providers: upstreams.providers(name),
        env: { KAGAMI_WORKER_ID: `w-${name}`, KAGAMI_SLOTS_PER_HOST: '8' },
      }),
    )
  const checkCopies = () => {
    for (const dir of dataDirs) {
      const { checked, wrong } = upstreams.findWrong(dir)
      checkedFiles += checked
      torn.push(...wrong)
    }
  }
  const killing: Record<string, () => Promise<unknown>> = {
    async worker() {
      const name = dice.pick(WORKERS)
      await workers.get(name)!.kill()
      checkCopies()
      await pause(dice.whole(0, 500))
      await startOne(name)
    },
    async supervisor() {
      const port = Number(new URL(supervisor.url).port)
      await supervisor.kill()
      await pause(dice.whole(0, 500))
      supervisor = await startSupervisor(place, { nats: nats.url, port })
    },
    async nats() {
      process.kill(nats.pid, 'SIGKILL')
      await nats.exited
      await pause(dice.whole(0, 500))
      const started = await startNatsServer({
        dir: place.at('nats'),
        binary: { path: inject('tools').natsNew, version: 'new' },
        port: nats.port,
      })
      place.onEnd(() => started.stop())
      nats = started
    },
  }

  beforeAll(async () => {
    upstreams = await startChangingUpstreams(place)
    nats = await startNats(place, 'new')
    supervisor = await startSupervisor(place, { nats: nats.url })
    ledger = openLedger(place, dataDirs)
    for (const name of WORKERS) await startOne(name)
    await until(
      'all sync',
      async () =>
        (await supervisor.api.call('listReplicas', { query: { limit: 100 } })).items.filter(
          (replica) => replica.last_success_at,
        ).length === 9,
      { seen: () => [...workers.values()].map((worker) => worker.output().slice(-800)) },
    )
  })

  test(
    'loses and doubles no report, publishes nothing torn, and leaves nothing running or stuck',
    { timeout: 300_000 + KILLS * 15_000 },
    async ({ task, annotate }) => {
      await annotate(`KAGAMI_SEED=${dice.seed}`)
      console.log(`chaos: KAGAMI_SEED=${dice.seed}`)
      const killed: Record<string, number> = {}
      for (let kill = 0; kill < KILLS; kill++) {
        await pause(dice.whole(50, 1500))
        const whom = kill < 3 ? Object.keys(killing)[kill]! : dice.pick(['worker', 'worker', 'supervisor', 'nats'])
        killed[whom] = (killed[whom] ?? 0) + 1
        await killing[whom]!()
        checkCopies()
      }
      const quiet = new Date().toISOString()
      await until(
        'every replica is synced again',
        async () => {
          const { items } = await supervisor.api.call('listReplicas', { query: { limit: 100 } })
          return items.length === 9 && items.every((replica) => (replica.last_success_at ?? '') > quiet)
        },
        {
          seen: async () =>
            (await supervisor.api.call('listReplicas')).items.map(({ name, status, last_success_at, activity }) => ({
              name,
              status,
              last_success_at,
              activity,
            })),
        },
      )
      await upstreams.stop()
      for (const worker of workers.values()) worker.child.kill('SIGTERM')
      for (const worker of workers.values()) await worker.exited
      checkCopies()
      const leftover = dataDirs.flatMap((dir) => findMarked(`${dir}:`))
      for (const name of WORKERS) await startOne(name)
      await until(
        'no report waits',
        async () => {
          const { missing } = await compareWithHistory(ledger, supervisor.api)
          return ledger.waiting() === 0 && missing.length <= 9
        },
        { seen: () => ledger.waiting() },
      )
      for (const worker of workers.values()) worker.child.kill('SIGTERM')
      for (const worker of workers.values()) await worker.exited
      const missing = async () => (await compareWithHistory(ledger, supervisor.api)).missing
      await until('the history has every sync', async () => (await missing()).length === 0, {
        seen: async () => ({ seed: dice.seed, missing: await missing() }),
      })
      const { history, unknown } = await compareWithHistory(ledger, supervisor.api)
      expect({ torn, leftover }, `KAGAMI_SEED=${dice.seed}`).toEqual({ torn: [], leftover: [] })
      expect(unknown, 'in the history, but never started').toEqual([])
      const each = Object.entries(killed).map(([whom, times]) => `${whom} ${times}`)
      task.meta.figure =
        `${KILLS} kills (${each.join(', ')}), ${history.size} syncs of ${upstreams.versions} versions: ` +
        `0 lost, 0 doubled; ${checkedFiles} published files checked: 0 torn; 0 processes left, 0 replicas stuck`
    },
  )
})
