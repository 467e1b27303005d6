// store-incidents.test.ts — Incidents on a real SQLite file and a real PostgreSQL server: what is stored and read
// again, what is forgotten, and surveys while the database refuses.
import { createLogger } from '@kagami/runtime'
import { createIncidentLog } from '@kagami/supervisor/status/incidents/incident-log'
import { openSqlStore } from '@kagami/supervisor/store/sql'
import type { Incident, Store, StoredIncidents } from '@kagami/supervisor/store/store'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { queryDatabase } from './harness/database.ts'
import { createPlace } from './harness/place.ts'
import { startPostgres } from './harness/postgres.ts'

const logger = createLogger('test', { LOG_LEVEL: 'silent' })
/** Names that a worker may say. */
const STRANGE = ['a\0b', '雪\ud800', '雪\ud801', `'; drop table incidents; --`, '镜像', '\\u0000']
const at = (minute: number) => new Date(Date.UTC(2026, 0, 1, 0, minute))

describe.each(['sqlite', 'postgres'] as const)('incidents on %s', (kind) => {
  const place = createPlace()
  let server: string
  let url: string
  let databases = 0
  let store: Store
  const open = async () => {
    const opened = await openSqlStore(url, logger)
    await opened.prepare(() => ({ workers: [], replicas: [], leftOut: 0 }))
    await opened.nextTerm()
    return opened
  }
  /** Ends the supervisor, and starts another one. */
  const reopen = async () => {
    await store.close()
    store = await open()
  }
  const incident = (minute: number, name: string, state: Incident['state'] = 'failed'): Incident => ({
    id: `${minute}-${JSON.stringify(name)}`,
    name,
    state,
    seenAt: at(minute),
  })
  const save = (minute: number, seen: readonly Incident[], bad: readonly string[] = [], notBad: string[] = []) =>
    store.saveIncidents({ seen, bad: new Map(bad.map((name) => [name, 'failed'])), notBad, since: at(minute) }, 5)
  const survey = (minute: number, states: Readonly<Record<string, 'ok' | 'failed' | 'stale'>>) => ({
    at: at(minute),
    mirrors: Object.entries(states).map(([name, state]) => ({
      name,
      state,
      isUpToDate: state === 'ok',
      isHeard: true,
    })),
    upToDate: 0,
    problems: 0,
    recent: 0,
  })
  const said = ({ all }: StoredIncidents) => all.map(({ name, state, seenAt }) => [name, state, seenAt])

  beforeAll(async () => {
    if (kind === 'postgres') server = await startPostgres(place)
  })

  beforeEach(async () => {
    const name = `incidents_${databases++}`
    if (kind === 'postgres') await queryDatabase(server, `create database ${name}`)
    url =
      kind === 'sqlite'
        ? `sqlite://${place.at(name, 'supervisor.db')}?mode=rwc`
        : Object.assign(new URL(server), { pathname: name }).href
    store = await open()
  })

  afterEach(() => store.close())

  test('are read as they were stored, the newest first, also under names that no operator gives', async () => {
    expect(await store.loadIncidents()).toEqual({ all: [], bad: new Map(), since: null })
    await save(0, [], STRANGE)
    await save(1, [incident(1, 'b'), incident(1, 'a', 'stale')], ['a', 'b'])
    await save(2, [incident(2, STRANGE[0]!, 'ok')], [], STRANGE.slice(1))
    await reopen()
    expect(await store.loadIncidents()).toEqual({
      all: [incident(2, STRANGE[0]!, 'ok'), incident(1, 'b'), incident(1, 'a', 'stale')],
      bad: new Map([STRANGE[0]!, 'a', 'b'].map((name) => [name, 'failed'])),
      since: at(0),
    })
  })

  test('are forgotten, the oldest first, whatever the clock says', async () => {
    for (const minute of [9, 8, 7]) await save(minute, [incident(minute, 'y'), incident(minute, 'x')])
    const kept = [incident(7, 'y'), incident(7, 'x'), incident(8, 'y'), incident(8, 'x'), incident(9, 'y')]
    expect((await store.loadIncidents()).all).toEqual(kept)
    const many = Array.from({ length: 1200 }, (_, index) => incident(index, 'm'))
    await save(
      1,
      many,
      many.map(({ id }) => id),
    )
    const { all, bad } = await store.loadIncidents()
    expect([all, bad.size]).toEqual([many.slice(0, 5), 1200])
  })

  test('of a supervisor that another has taken over are not stored', async () => {
    await queryDatabase(url, `update meta set value = '99' where key = 'term'`)
    await expect(save(1, [incident(1, 'a')])).rejects.toThrow('another supervisor has taken over')
    expect((await store.loadIncidents()).all).toEqual([])
  })

  test('are told once they are stored, and are seen again by the next survey when they could not be', async () => {
    const log = createIncidentLog(store, logger)
    await log.observe(survey(0, { a: 'ok', b: 'stale' }))
    await queryDatabase(url, 'alter table bad_mirrors rename to hidden')
    await log.observe(survey(1, { a: 'failed', b: 'ok' }))
    expect(said(await log.read())).toEqual([])
    await queryDatabase(url, 'alter table hidden rename to bad_mirrors')
    await log.observe(survey(2, { a: 'failed', b: 'ok' }))
    const known = [
      ['a', 'failed', at(2)],
      ['b', 'ok', at(2)],
    ]
    expect(said(await log.read())).toEqual(known)
    await reopen()
    const again = createIncidentLog(store, logger)
    expect(await again.read()).toEqual(await log.read())
    await again.observe(survey(3, { a: 'failed', b: 'ok' }))
    expect(said(await again.read())).toEqual(known)
  })

  test('of which the database has stored what it did not confirm come once', async () => {
    let isLost = false
    const losing = {
      loadIncidents: () => store.loadIncidents(),
      async saveIncidents(...given: Parameters<Store['saveIncidents']>) {
        await store.saveIncidents(...given)
        if (isLost) throw new Error('the connection ended')
      },
    }
    const log = createIncidentLog(losing, logger)
    await log.observe(survey(0, { a: 'ok' }))
    isLost = true
    await log.observe(survey(1, { a: 'failed' }))
    isLost = false
    await log.observe(survey(2, { a: 'failed' }))
    expect(said(await log.read())).toEqual([['a', 'failed', at(1)]])
  })
})
