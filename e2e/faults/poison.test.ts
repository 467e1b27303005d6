// poison.test.ts — Malformed messages on every subject: the programs keep answering, each malformed report is set aside
// and counted, and nothing exits.
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { jetstream } from '@nats-io/jetstream'
import { MESSAGE_MAX_BYTES, messages, subjectFor, type SyncReport } from '@kagami/protocol'
import { sampleReport } from '@kagami/protocol/testing/samples'
import { newId } from '@kagami/runtime'
import { DatabaseSync } from 'node:sqlite'
import { beforeAll, describe, expect, test } from 'vitest'
import { startNats, createPlace } from '../harness/place.ts'
import { startSupervisor, startWorker, type Program, type SupervisorProgram } from '../harness/programs.ts'
import { rounds } from '../harness/rounds.ts'
import { PATIENCE_MS, until } from '../harness/wait.ts'

const EACH = rounds(100, 2000)
const FAR = '+102026-01-01T00:00:00.000Z'
const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`

const makeReport = (change: Partial<SyncReport> = {}) =>
  sampleReport({ sync_id: newId(), replica_id: 'r-1', ...change })

/** Malformed messages of every kind, in turn. */
function poison(n: number): string | Uint8Array {
  const wrong: (string | Uint8Array)[] = [
    '',
    '{',
    'null',
    '[]',
    '"text"',
    '1e999',
    Uint8Array.from([0xff, 0xfe, 0x00, 0x7b]),
    deep,
    `{"worker_id":${deep}}`,
    JSON.stringify({ worker_id: 'w', instance: 'i', sent_at: FAR, seq: 1e308 }),
    JSON.stringify({ ...makeReport(), started_at: FAR }),
    JSON.stringify({ ...makeReport(), ended_at: 'tomorrow' }),
    '{"__proto__":{"polluted":true}}',
    JSON.stringify(makeReport({ worker_id: 'another' })),
    JSON.stringify({ ...makeReport(), duration_ms: -1 }),
    'x'.repeat(MESSAGE_MAX_BYTES + 1),
  ]
  return wrong[n % wrong.length]!
}

/**
 * The longest delay of the supervisor's event loop since the last call, in seconds: prom-client resets its histogram
 * with each answer. Undefined when the metric is missing.
 */
async function longestDelay(url: string): Promise<number | undefined> {
  const delay = /nodejs_eventloop_lag_max_seconds ([\d.e-]+)/.exec(await (await fetch(`${url}/metrics`)).text())?.[1]
  return delay === undefined ? undefined : Number(delay)
}

describe('a fleet that gets malformed messages', () => {
  const place = createPlace()
  let nats: NatsConnection
  let supervisor: SupervisorProgram
  let worker: Program

  beforeAll(async () => {
    const server = await startNats(place, 'new')
    supervisor = await startSupervisor(place, { nats: server.url })
    worker = await startWorker(place, { nats: server.url, env: { KAGAMI_WORKER_ID: 'w' } })
    nats = await connect({ servers: server.url })
    place.onEnd(() => nats.close())
    await until('it joined', async () => (await supervisor.api.call('listWorkers')).items[0]?.admission === 'approved')
  })

  test(
    'keeps answering, sets each malformed report aside, stores the good one after them, and ends no program',
    { timeout: 300_000 + EACH * 200 },
    async ({ task }) => {
      const names = (Object.keys(messages) as (keyof typeof messages)[]).filter(
        (name) => name !== 'report' && name !== 'desired',
      )
      let [sent, answers] = [0, 0]
      await longestDelay(supervisor.url) // resets the histogram, so that the start of the program does not count
      for (let n = 0; n < EACH; n++) {
        for (const name of names) {
          nats.publish(subjectFor(name, 'w'), poison(n))
          sent++
        }
        await jetstream(nats).publish(subjectFor('report', 'w'), poison(n), { msgID: newId() })
        if (n % 10 === 0) {
          await nats.flush()
          expect((await supervisor.api.call('listWorkers')).total).toBeGreaterThan(0)
          answers++
        }
      }
      expect(() => nats.publish(subjectFor('heartbeat', 'w'), new Uint8Array(5 * 1024 * 1024))).toThrow(/max_payload/)
      const good = makeReport()
      await jetstream(nats).publish(subjectFor('report', 'w'), JSON.stringify(good), { msgID: good.sync_id })
      await until(
        'the good one is in the history',
        async () =>
          (await supervisor.api.call('listSyncs', { query: { state: 'finished' } })).items.some(
            (sync) => sync.sync_id === good.sync_id,
          ),
        { seen: () => supervisor.output().slice(-2000) },
      )
      const database = new DatabaseSync(place.at('supervisor.db'), { readOnly: true })
      const [aside, kept] = ['dead_letters', 'syncs'].map((table) =>
        Number(database.prepare(`select count(*) as n from ${table}`).get()!['n']),
      ) as [number, number]
      database.close()
      expect([aside + kept, supervisor.child.exitCode, worker.child.exitCode]).toEqual([EACH + 1, null, null])
      expect(kept).toBe(1)
      expect(
        await nats
          .request(subjectFor('ping', 'w'), JSON.stringify({ instance: 'none' }), { timeout: 500 })
          .catch(() => 'no answer'),
      ).toBe('no answer')
      expect((await nats.request(subjectFor('refresh', 'w'), '{}', { timeout: PATIENCE_MS })).json()).toEqual({
        accepted: true,
      })
      const late = await longestDelay(supervisor.url)
      task.meta.figure =
        `${sent} messages and ${EACH} malformed reports: ${aside} set aside, ${answers} answers meanwhile, ` +
        `0 exits${late === undefined ? '' : `, event loop at most ${Math.round(late * 1000)} ms late`}`
    },
  )
})
