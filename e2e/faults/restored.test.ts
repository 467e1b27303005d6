// restored.test.ts — A database from a backup is put in the place of a newer one, in all the ways that operators do it:
// history comes back, and nothing that was requested long ago happens again.
import { execFileSync } from 'node:child_process'
import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startRsyncUpstream, writeFiles } from '@kagami/demo'
import { beforeAll, describe, expect, inject, test } from 'vitest'
import { expectDocumented, followDocumented } from '../harness/documented.ts'
import { createPlace, startNats, type Place } from '../harness/place.ts'
import { startPostgres } from '../harness/postgres.ts'
import { startSupervisor, startWorker, type Program, type SupervisorProgram } from '../harness/programs.ts'
import { until } from '../harness/wait.ts'

interface Database {
  readonly url: string | undefined
  backUp(): Promise<unknown>
  /** Call it while no supervisor runs, or on PostgreSQL at any time. */
  restore(): void
}

function sqliteOf(place: Place): Database {
  const file = (name: string) => place.at(name)
  return {
    url: undefined,
    backUp: () =>
      followDocumented(place, `sqlite3 /var/lib/kagami/supervisor.db ".backup '/backup/supervisor.db'"`, {
        to: { '/var/lib/kagami/supervisor.db': file('supervisor.db'), '/backup/supervisor.db': file('backup.db') },
      }),
    restore() {
      expectDocumented(
        'stop the supervisor, put the file in place, remove `supervisor.db-wal` and `supervisor.db-shm` beside it, ' +
          'and start the supervisor again',
      )
      for (const part of ['', '-wal', '-shm']) rmSync(file(`supervisor.db${part}`), { force: true })
      copyFileSync(file('backup.db'), file('supervisor.db'))
    },
  }
}

async function postgresOf(place: Place): Promise<Database> {
  const url = await startPostgres(place)
  const run = (tool: string, ...args: string[]) =>
    execFileSync(join(inject('tools').postgres, tool), [...args, '-d', url, '-f', place.at('backup.sql')])
  expectDocumented('PostgreSQL: `pg_dump`.')
  return {
    url,
    backUp: async () => run('pg_dump', '--clean', '--if-exists'),
    restore: () => run('psql', '-q', '-v', 'ON_ERROR_STOP=1', '--single-transaction'),
  }
}

describe.each(['sqlite', 'postgres'])('a backup that is restored (%s)', (kind) => {
  const place = createPlace()
  let database: Database
  let nats: { url: string }
  let supervisor: SupervisorProgram
  let worker: Program
  let upstream: string

  const start = (port?: number) =>
    startSupervisor(place, { nats: nats.url, ...(database.url ? { db: database.url } : {}), ...(port ? { port } : {}) })
  const launch = () =>
    startWorker(place, {
      nats: nats.url,
      providers: [{ name: 's', kind: 'rsync', upstream, options: { publish: 'swap' } }],
    })
  const replica = async () => (await supervisor.api.call('listReplicas', { query: { name: 's' } })).items[0]!
  const history = async () => {
    const { items } = await supervisor.api.call('listSyncs', { query: { state: 'finished', limit: 500 } })
    return items.map((sync) => sync.sync_id).sort()
  }
  const published = () => readFileSync(place.at('data/s/x'), 'utf8')
  /** Does something and waits for the run that it starts. */
  const ran = async (ask: () => Promise<unknown>) => {
    const before = (await replica()).last_sync?.sync_id
    await ask()
    return until('it ran', async () => {
      const now = await replica()
      return now.last_sync?.sync_id !== before && now.activity !== 'syncing' && now.activity !== 'queued' && now
    })
  }
  const sync = (text?: string) => {
    if (text !== undefined) writeFileSync(place.at('up/files/x'), text)
    return ran(() => supervisor.api.call('syncResource', { params: { id: 's' } }))
  }
  const rollBackAndResume = async () => {
    await ran(() => supervisor.api.call('rollbackReplica', { params: { id: 's' }, body: {} }))
    await supervisor.api.call('resumeReplica', { params: { id: 's' } })
  }
  const restart = async (meanwhile: () => void = () => {}) => {
    supervisor.child.kill('SIGTERM')
    await supervisor.exited
    meanwhile()
    supervisor = await start(Number(new URL(supervisor.url).port))
    await until('it knows the fleet', replica)
  }
  /** Restores, lets the worker do what its document then says, and expects that no earlier tree was published. */
  const restoredWithoutRollback = async () => {
    const text = published()
    const rollbacks = async () => {
      const { items } = await supervisor.api.call('listSyncs', { query: { state: 'finished', limit: 500 } })
      return items.filter((one) => one.action === 'rollback' && one.outcome === 'success').map((one) => one.sync_id)
    }
    const before = await rollbacks()
    await restart(() => database.restore())
    await sync()
    expect((await rollbacks()).filter((id) => !before.includes(id))).toEqual([])
    expect(published()).toBe(text)
  }

  beforeAll(async () => {
    database = kind === 'sqlite' ? sqliteOf(place) : await postgresOf(place)
    writeFiles(place.at('up/files'), { x: 'v1' })
    const served = await startRsyncUpstream({ dir: place.at('up') })
    place.onEnd(() => served.stop())
    upstream = served.url
    nats = await startNats(place, 'new')
    supervisor = await start()
    worker = await launch()
    await until('it is there', replica)
    await sync()
  })

  test.each([0, 2])(
    'has its history read again, and says so, with %i starts of the supervisor between backup and restore',
    async (starts) => {
      await sync()
      await database.backUp()
      for (let n = 0; n < starts; n++) await restart()
      for (let n = 0; n < 3; n++) await sync()
      const before = await history()
      await restart(() => database.restore())
      await until('the history is whole again', async () => {
        const now = new Set(await history())
        return before.every((id) => now.has(id))
      })
      expect(supervisor.output()).toContain('it was restored or made anew')
    },
  )

  test('is noticed by what was confirmed alone, when nobody decided anything since', async () => {
    await sync()
    await database.backUp()
    // What the schedule starts changes no document.
    worker.child.kill('SIGTERM')
    await worker.exited
    worker = await startWorker(place, {
      nats: nats.url,
      providers: [
        { name: 's', kind: 'rsync', upstream, options: { publish: 'swap' } },
        { name: 'often', kind: 'rsync', upstream, interval_secs: 1 },
      ],
    })
    const count = (await history()).length
    await until('it has synced by itself', async () => (await history()).length >= count + 3)
    const before = await history()
    await restart(() => database.restore())
    await until('the history is whole again', async () => {
      const now = new Set(await history())
      return before.every((id) => now.has(id))
    })
    worker.child.kill('SIGTERM')
    await worker.exited
    worker = await launch()
    await until('it is back', async () => (await replica())?.worker_presence === 'online')
  })

  test('brings no rollback back that was done and undone before it was made', async () => {
    await sync('v1 again')
    await sync('v2')
    await rollBackAndResume()
    await until('the earlier tree', () => published() === 'v1 again')
    await database.backUp()
    await sync('v3')
    expect(published()).toBe('v3')
    await restoredWithoutRollback()
  })

  test('brings none back either when it was made before the worker had read the request', async () => {
    await ran(async () => {
      worker.child.kill('SIGSTOP')
      await supervisor.api.call('rollbackReplica', { params: { id: 's' }, body: {} })
      await database.backUp()
      worker.child.kill('SIGCONT')
    })
    expect(published()).not.toBe('v3')
    await supervisor.api.call('resumeReplica', { params: { id: 's' } })
    await sync('v4')
    expect(published()).toBe('v4')
    await restoredWithoutRollback()
    // The pause that came with the rollback is in the backup, as is right.
    expect((await replica()).paused?.reason).toContain('earlier tree')
    await supervisor.api.call('resumeReplica', { params: { id: 's' } })
  })

  test('needs no memory of the worker for that', async () => {
    await sync('v5')
    worker.child.kill('SIGSTOP')
    await supervisor.api.call('rollbackReplica', { params: { id: 's' }, body: {} })
    await database.backUp()
    worker.child.kill('SIGCONT')
    await until('it went back', () => published() !== 'v5')
    await supervisor.api.call('resumeReplica', { params: { id: 's' } })
    await sync('v6')
    worker.child.kill('SIGTERM')
    await worker.exited
    rmSync(place.at('data/.kagami/replicas'), { recursive: true })
    worker = await launch()
    await restoredWithoutRollback()
    await supervisor.api.call('resumeReplica', { params: { id: 's' } })
  })

  test.runIf(kind === 'postgres')(
    'while a supervisor runs, makes it end, so that it begins from what is there',
    async () => {
      await sync()
      await database.backUp()
      await sync()
      expectDocumented('one that runs meanwhile notices, writes nothing any more and ends with exit code 1')
      database.restore()
      expect(await supervisor.exited).toBe(1)
      expect(supervisor.output()).toContain('the database was replaced by an older one')
      supervisor = await start()
      await until('it is back', async () => (await replica())?.worker_presence === 'online')
    },
  )
})
