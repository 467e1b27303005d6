// two-supervisors.test.ts — Two supervisors on one database and one NATS: the one that started last writes; the other
// one writes nothing, logs why, and ends.
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { DESIRED_BUCKET } from '@kagami/protocol'
import { Kvm } from '@nats-io/kv'
import pg from 'pg'
import { beforeAll, describe, expect, test } from 'vitest'
import { startNats, createPlace } from '../harness/place.ts'
import { startPostgres } from '../harness/postgres.ts'
import { startSupervisor, startWorker, type SupervisorProgram } from '../harness/programs.ts'
import { rounds } from '../harness/rounds.ts'
import { until } from '../harness/wait.ts'

const TAKEOVERS = rounds(2, 20)

describe('two supervisors on one database', () => {
  const place = createPlace()
  let db: string
  let nats: { url: string }
  let connection: NatsConnection
  let supervisor: SupervisorProgram
  const terms: number[] = []

  const bucket = async () => {
    const kv = await new Kvm(connection).open(DESIRED_BUCKET)
    return (await kv.get('w'))!.json<{ term: number; rev: number; replicas: { name: string }[] }>()
  }
  const audits = async () => {
    const client = new pg.Client({ connectionString: db })
    await client.connect()
    const { rows } = await client.query<{ actor: string; action: string; detail: string }>(
      'select action, detail from audit order by id',
    )
    await client.end()
    return rows.map(({ action, detail }) => `${action} ${detail ?? ''}`)
  }

  beforeAll(async () => {
    db = await startPostgres(place)
    nats = await startNats(place, 'new')
    connection = await connect({ servers: nats.url })
    place.onEnd(() => connection.close())
    supervisor = await startSupervisor(place, { nats: nats.url, db })
    await startWorker(place, { nats: nats.url, env: { KAGAMI_WORKER_ID: 'w' } })
    await until(
      'the worker joined',
      async () => (await supervisor.api.call('listWorkers')).items[0]?.admission === 'approved',
    )
  })

  test(
    'one that was frozen while another took over writes nothing when it continues, logs why, and ends',
    { timeout: 300_000 + TAKEOVERS * 30_000 },
    async ({ task }) => {
      let refused = 0
      for (let round = 0; round < TAKEOVERS; round++) {
        const old = supervisor
        old.child.kill('SIGSTOP')
        // Sent to the frozen supervisor, which reads these requests when it continues.
        const requests = Array.from({ length: 5 }, (_, n) =>
          old.api
            .call('addReplica', {
              params: { id: 'w' },
              body: { name: `stale-${round}-${n}`, kind: 'http', upstream: 'http://127.0.0.1:9/x' },
            })
            .then(
              () => 'written',
              (error: Error) => error.message,
            ),
        )
        supervisor = await startSupervisor(place, { nats: nats.url, db })
        await supervisor.api.call('addReplica', {
          params: { id: 'w' },
          body: { name: `fresh-${round}`, kind: 'http', upstream: 'http://127.0.0.1:9/x' },
        })
        await until('the document is from the new supervisor', async () =>
          (await bucket()).replicas.some(({ name }) => name === `fresh-${round}`),
        )
        const before = await bucket()
        terms.push(before.term)
        old.child.kill('SIGCONT')
        expect(await old.exited).toBe(2)
        const answers = await Promise.all(requests)
        refused += answers.filter((answer) => answer !== 'written').length
        expect(answers).not.toContain('written')
        expect(old.output()).toContain('another supervisor has taken over this database')
        expect(await bucket()).toEqual(before)
        expect((await audits()).filter((line) => line.includes('stale'))).toEqual([])
      }
      expect(terms).toEqual([...new Set(terms)].sort((a, b) => a - b))
      expect((await supervisor.api.call('summary')).workers).toBeTruthy()
      task.meta.figure = `${TAKEOVERS} takeovers, ${refused} requests to the stale one: 0 written`
    },
  )

  test('an idle one notices that another one has taken over', async ({ task }) => {
    const old = supervisor
    supervisor = await startSupervisor(place, { nats: nats.url, db })
    expect(await old.exited).toBe(2)
    expect(old.output()).toContain('find out who started the other one')
    task.meta.figure = 'both alive: the older one ends'
  })
})
