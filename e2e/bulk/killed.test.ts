// killed.test.ts — kill -9 of the supervisor in the middle of a bulk job, on both databases: after its restart it goes
// on with the rest. Each replica is done, none twice, and a job that was cancelled stays so.
import { beforeAll, describe, expect, test } from 'vitest'
import type { BulkJob, Desired, RouteInput } from '@kagami/protocol'
import { queryDatabase } from '../harness/database.ts'
import { expectDocumented } from '../harness/documented.ts'
import { startManyWorkers, type ManyWorkers } from '../harness/many-workers.ts'
import { createPlace, startNats } from '../harness/place.ts'
import { startPostgres } from '../harness/postgres.ts'
import { startSupervisor, type SupervisorProgram } from '../harness/programs.ts'
import { rounds } from '../harness/rounds.ts'
import { until } from '../harness/wait.ts'

const WORKERS = 60
const REPLICAS = 3
const TOTAL = WORKERS * REPLICAS
const KILLS = rounds(2, 20)

describe.each(['sqlite', 'postgres'] as const)(
  'a supervisor on %s that is killed in the middle of a bulk job',
  (kind) => {
    const place = createPlace()
    let nats: { url: string }
    let db: string
    let supervisor: SupervisorProgram
    let fleet: ManyWorkers
    const restart = async () => {
      await supervisor.kill()
      supervisor = await startSupervisor(place, { nats: nats.url, db, port: Number(new URL(supervisor.url).port) })
    }
    const start = async (body: RouteInput<'startBulk'>['body']): Promise<string> =>
      (await supervisor.api.call('startBulk', { body })).job!.job_id
    const jobOf = (id: string): Promise<BulkJob> => supervisor.api.call('getBulk', { params: { id } })
    const ended = (id: string) =>
      until('the job has ended', async () => (await jobOf(id)).state === 'finished', { seen: () => jobOf(id) })
    /** The supervisor may have the database locked for a moment. */
    const change = (query: string) =>
      until('the database takes it', async () => (await queryDatabase(db, query)) && true)
    /** The database takes no result from this position on; null: it takes all again. */
    async function stopAt(position: number | null): Promise<void> {
      if (kind === 'sqlite') {
        await change('drop trigger if exists stop')
        if (position !== null)
          await change(
            `create trigger stop before update on bulk_items when new.position >= ${position} and new.result = 'ok' ` +
              `begin select raise(abort, 'stopped by a test'); end`,
          )
        return
      }
      await change('alter table bulk_items drop constraint if exists stop')
      if (position !== null)
        await change(
          `alter table bulk_items add constraint stop check (position < ${position} or result <> 'ok') not valid`,
        )
    }
    const requestsIn = (documents: Map<string, Desired>) =>
      [...documents].flatMap(([worker, { syncs }]) => syncs.map(({ replica_id }) => `${worker}/${replica_id}`))
    const replicasIn = (documents: Map<string, Desired>) =>
      [...documents].flatMap(([worker, { replicas }]) => replicas.map(({ replica_id }) => `${worker}/${replica_id}`))

    beforeAll(async () => {
      db = kind === 'sqlite' ? `sqlite://${place.at('supervisor.db')}?mode=rwc` : await startPostgres(place)
      nats = await startNats(place)
      supervisor = await startSupervisor(place, { nats: nats.url, db })
      fleet = await startManyWorkers(place, supervisor.api, { nats: nats.url, workers: WORKERS, replicas: REPLICAS })
    }, 300_000)

    test(
      'goes on with the rest: each replica is requested once',
      { timeout: 300_000 + KILLS * 15_000 },
      async ({ task }) => {
        expectDocumented('goes on with the rest when it is started again')
        // A third of it, and in the middle of a worker: nothing of that worker may be done without its results.
        const third = TOTAL / 3 + 1
        await stopAt(third)
        const id = await start({ action: 'sync', query: {}, expected: TOTAL })
        await until('a third is done', async () => (await jobOf(id)).ok === third - 1, { seen: () => jobOf(id) })
        await until('it waits for the database', () => supervisor.output().includes('a bulk job waits'))
        expect(await jobOf(id)).toMatchObject({ state: 'running', ok: third - 1, waiting: TOTAL - third + 1 })
        await stopAt(null)
        const killedAt: number[] = []
        for (let kill = 0; kill < KILLS; kill++) {
          killedAt.push((await jobOf(id)).ok)
          await restart()
        }
        await ended(id)
        expect(await jobOf(id)).toMatchObject({ ok: TOTAL, refused: 0, waiting: 0 })
        await until('the documents say so', async () => requestsIn(await fleet.documents()).length >= TOTAL)
        const documents = await fleet.documents()
        expect(requestsIn(documents).sort()).toEqual(replicasIn(documents).sort())
        // All replicas of a worker are requested with one revision of its record.
        for (const { syncs } of documents.values()) expect(new Set(syncs.map(({ rev }) => rev)).size).toBe(1)
        task.meta.figure = `${KILLS} kills, after ${killedAt.join(', ')} of ${TOTAL}: each requested once`
      },
    )

    test('does no more of a job that is cancelled, and keeps what is done', { timeout: 300_000 }, async () => {
      const third = TOTAL / 3 + 1
      await stopAt(third)
      const id = await start({ action: 'pause', query: {}, expected: TOTAL })
      await until('a third is done', async () => (await jobOf(id)).ok === third - 1, { seen: () => jobOf(id) })
      await supervisor.api.call('cancelBulk', { params: { id } })
      await stopAt(null)
      await restart()
      expect(await jobOf(id)).toMatchObject({
        state: 'cancelled',
        ok: third - 1,
        waiting: 0,
        cancelled: TOTAL - third + 1,
      })
      // Jobs run one after the other: when a later one has ended, nothing of this one goes on.
      await ended(await start({ action: 'sync', replicas: ['m-0@w-0'] }))
      const paused = async () => [...(await fleet.documents()).values()].flatMap((document) => document.paused).length
      await until('the documents say so', async () => (await paused()) >= third - 1)
      expect(await paused()).toBe(third - 1)
    })
  },
)
