// store-fleet.test.ts — What a large fleet asks of the store, on a real SQLite file and a real PostgreSQL server: what
// many workers announce is kept once, and a start reads every replica.
import { createLogger } from '@kagami/runtime'
import { openSqlStore } from '@kagami/supervisor/store/sql'
import type { Store, WorkerRecord } from '@kagami/supervisor/store/store'
import { recordOf } from '@kagami/supervisor/testing/services'
import { beforeAll, describe, expect, test } from 'vitest'
import { queryDatabase } from './harness/database.ts'
import { createPlace } from './harness/place.ts'
import { startPostgres } from './harness/postgres.ts'

const announced = (detail: string) => [{ kind: 'git', available: true, detail, options: { type: 'object 雪' } }]
const recordWith = (id: string, detail: string): WorkerRecord => ({ ...recordOf(id), kinds: announced(detail) })

describe.each(['sqlite', 'postgres'] as const)('the store on %s', (kind) => {
  const place = createPlace()
  let url: string
  let store: Store

  beforeAll(async () => {
    url = kind === 'sqlite' ? `sqlite://${place.at('db', 'supervisor.db')}?mode=rwc` : await startPostgres(place)
    store = await openSqlStore(url, createLogger('test', { LOG_LEVEL: 'silent' }))
    await store.prepare(() => ({ workers: [], replicas: [], leftOut: 0 }))
    place.onEnd(() => store.close())
  })

  const countAnnouncements = async () => {
    const [row] = await queryDatabase(url, 'select count(*) as total from announcements')
    return Number(row?.['total'])
  }
  const loaded = async () => (await store.loadWorkers()).sort((a, b) => (a.worker_id < b.worker_id ? -1 : 1))

  test('keeps what several workers announce once, and reads what earlier versions wrote', async () => {
    const ids = ['a', 'b', 'c']
    await Promise.all(ids.map((id) => store.saveWorker(recordWith(id, 'git 2.39'))))
    expect(await loaded()).toEqual(ids.map((id) => recordWith(id, 'git 2.39')))
    expect(new Set((await loaded()).map(({ kinds }) => kinds)).size).toBe(1)
    expect(await countAnnouncements()).toBe(1)
    const before = JSON.stringify(recordWith('a', 'git 2.30'))
    await queryDatabase(url, `update workers set announced = null, record = '${before}' where worker_id = 'a'`)
    await store.saveWorker(recordWith('b', 'git 2.47'))
    expect(await loaded()).toEqual([
      recordWith('a', 'git 2.30'),
      recordWith('b', 'git 2.47'),
      recordWith('c', 'git 2.39'),
    ])
  })

  test('forgets what no worker announces any more', async () => {
    await store.saveWorker(recordOf('c'))
    expect(await countAnnouncements()).toBe(2)
    await store.prune(new Date())
    expect(await countAnnouncements()).toBe(1)
    expect(await loaded()).toEqual([recordWith('a', 'git 2.30'), recordWith('b', 'git 2.47'), recordOf('c')])
  })

  test('reads every replica once, however many there are', async () => {
    const ids = Array.from({ length: 1300 }, (_, index) => `r${index}`)
    const replicas = ids.map((replica_id) => ({ worker_id: 'a', state: { replica_id, name: 'many' } as never }))
    await store.saveStates({ replicas, removed: [], seen: [] })
    const gone = ids.filter((_, index) => index % 3 === 1)
    const removed = gone.map((replica_id) => ({ worker_id: 'a', replica_id }))
    await store.saveStates({ replicas: replicas.slice(0, 1), removed, seen: [] })
    const read: string[] = []
    for await (const part of store.loadReplicas()) for (const { state } of part) read.push(state.replica_id)
    expect(read.sort()).toEqual(ids.filter((id) => !gone.includes(id)).sort())
  })
})
