// store-access.test.ts — Access tokens and sessions, on a real SQLite file and a real PostgreSQL server.
import { createLogger } from '@kagami/runtime'
import { openSqlStore } from '@kagami/supervisor/store/sql'
import type { AccessTokenRecord, SessionRecord, Store } from '@kagami/supervisor/store/store'
import { beforeAll, describe, expect, test } from 'vitest'
import { createPlace } from './harness/place.ts'
import { startPostgres } from './harness/postgres.ts'

const logger = createLogger('test', { LOG_LEVEL: 'silent' })
const MADE = '2026-11-29T06:00:00.000Z'

const tokenOf = (name: string, change: Partial<AccessTokenRecord> = {}): AccessTokenRecord => ({
  token_id: `id-of-${name}`,
  hash: `hash-of-${name}`,
  name,
  role: 'operator',
  scope: { team: 'kernel', 'a/b': '"; DROP TABLE access_tokens' },
  made_at: MADE,
  made_by: 'li',
  expires_at: '2027-11-29T06:00:00.000Z',
  last_used_at: null,
  ...change,
})
const sessionOf = (hash: string, change: Partial<SessionRecord> = {}): SessionRecord => ({
  hash,
  name: 'li@example.org',
  role: 'admin',
  scope: {},
  id_token: 'header.body.signature',
  made_at: MADE,
  expires_at: '2026-11-29T18:00:00.000Z',
  ...change,
})
const audit = (target: string) => ({
  at: MADE,
  actor: 'li',
  remote: null,
  action: 'make_token',
  target,
  detail: null,
  result: 'ok',
})

describe.each(['sqlite', 'postgres'] as const)('who may do what, on %s', (kind) => {
  const place = createPlace()
  let store: Store

  beforeAll(async () => {
    const url = kind === 'sqlite' ? `sqlite://${place.at('db', 'supervisor.db')}?mode=rwc` : await startPostgres(place)
    store = await openSqlStore(url, logger)
    await store.prepare(() => ({ workers: [], replicas: [], leftOut: 0 }))
    place.onEnd(() => store.close())
  })

  const entries = async (target: string) =>
    (await store.listAudit({ targets: [target] }, { cursor: null, limit: 10 })).items.length

  test('a token is found by its hash, as it was added', async () => {
    const token = tokenOf('ci')
    const endless = tokenOf('Backup', { expires_at: null, role: 'viewer', scope: {} })
    expect(await store.addAccessToken(token, audit('ci'))).toBe(true)
    expect(await store.addAccessToken(endless, audit('Backup'))).toBe(true)
    expect(await store.findAccessToken('hash-of-ci')).toEqual(token)
    expect(await store.findAccessToken('hash-of-CI')).toBeNull()
    expect(await store.listAccessTokens()).toEqual([endless, token])
    expect(await entries('ci')).toBe(1)
  })

  test('a name is taken whatever its case, and then nothing is written', async () => {
    expect(await store.addAccessToken(tokenOf('CI', { token_id: 'other', hash: 'other' }), audit('CI'))).toBe(false)
    expect(await store.findAccessToken('other')).toBeNull()
    expect(await entries('CI')).toBe(0)
  })

  test('its use is noted, and it is removed by id or by name', async () => {
    await store.noteTokenUse('id-of-ci', new Date('2026-11-29T07:00:00.000Z'))
    expect((await store.findAccessToken('hash-of-ci'))?.last_used_at).toBe('2026-11-29T07:00:00.000Z')
    expect(await store.removeAccessToken('nobody', ({ name }) => audit(name))).toBeNull()
    expect(await store.removeAccessToken('CI', ({ name }) => audit(name))).toBe('id-of-ci')
    expect(await store.removeAccessToken('id-of-Backup', ({ name }) => audit(name))).toBe('id-of-Backup')
    expect(await store.listAccessTokens()).toEqual([])
    expect([await entries('ci'), await entries('Backup')]).toEqual([2, 2])
  })

  test('an id goes before a name that looks like it', async () => {
    await store.addAccessToken(tokenOf('a'), audit('a'))
    await store.addAccessToken(tokenOf('id-of-a'), audit('id-of-a'))
    expect(await store.removeAccessToken('id-of-a', ({ name }) => audit(name))).toBe('id-of-a')
    expect((await store.listAccessTokens()).map(({ name }) => name)).toEqual(['id-of-a'])
  })

  test('a session is found until it is removed; what has expired goes when another one begins', async () => {
    const first = sessionOf('first')
    await store.addSession(first)
    await store.addSession(sessionOf('second', { id_token: null }))
    expect(await store.findSession('first')).toEqual(first)
    await store.removeSession('second')
    expect(await store.findSession('second')).toBeNull()
    await store.addSession(
      sessionOf('late', { made_at: '2026-11-30T06:00:00.000Z', expires_at: '2026-11-30T18:00:00.000Z' }),
    )
    expect(await store.findSession('first')).toBeNull()
    expect(await store.findSession('late')).not.toBeNull()
  })
})
