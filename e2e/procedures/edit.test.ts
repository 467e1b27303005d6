// edit.test.ts — A replica that was added by the API is edited: every field, conflicts, while a sync runs, while the
// worker is away. On both databases.
import { readdirSync, readFileSync } from 'node:fs'
import { startHttpUpstream, startRsyncUpstream, writeFiles, type Upstream } from '@kagami/demo'
import type { ReplicaPatch } from '@kagami/protocol'
import { beforeAll, describe, expect, test } from 'vitest'
import { createPlace, startNats } from '../harness/place.ts'
import { startPostgres } from '../harness/postgres.ts'
import { startSupervisor, startWorker, type Program, type SupervisorProgram } from '../harness/programs.ts'
import { until } from '../harness/wait.ts'

const SECRET = 'correct-horse-battery-staple'
const BOB = { type: 'basic', username: 'bob', password: SECRET } as const

describe.each(['sqlite', 'postgres'] as const)('an edit of a replica, on %s', (database) => {
  const place = createPlace()
  let nats: { url: string }
  let db: string | undefined
  let supervisor: SupervisorProgram
  let worker: Program
  let rsync: Upstream
  let closed: Upstream
  /** Answers of the slow upstream that wait to be sent. */
  const waiting: (() => void)[] = []

  const declared = { name: 'declared', kind: 'rsync', upstream: 'rsync://127.0.0.1:1/files/' }
  const launch = async () =>
    (worker = await startWorker(place, {
      nats: nats.url,
      providers: [declared],
      env: { KAGAMI_WORKER_ID: 'w', KAGAMI_NAME: 'sh-1' },
    }))
  const open = async (port?: number) =>
    (supervisor = await startSupervisor(place, {
      nats: nats.url,
      ...(port === undefined ? {} : { port }),
      ...(db === undefined ? {} : { db }),
    }))
  const get = (name: string) => supervisor.api.call('getReplica', { params: { id: `${name}@sh-1` } })
  const patch = (name: string, body: ReplicaPatch, etag?: string | null) =>
    supervisor.api.call('editReplica', {
      params: { id: `${name}@sh-1` },
      ...(etag ? { headers: { 'if-match': etag } } : {}),
      body,
    })
  const refusal = (call: Promise<unknown>) => call.then(() => null).catch((error: unknown) => error)
  const taken = (name: string) =>
    until('its worker has taken the edit', async () => {
      const now = await get(name)
      return !now.edit_pending && now
    })
  const add = (name: string, kind: string, upstream: string, more: object = {}) =>
    supervisor.api.call('addReplica', {
      params: { id: 'w' },
      body: { name, kind, upstream, interval_secs: 0, ...more },
    })
  const sync = async (name: string) => {
    const before = (await get(name)).last_sync?.sync_id
    await supervisor.api.call('syncReplica', { params: { id: `${name}@sh-1` } })
    return until(
      'it has synced',
      async () => {
        const now = await get(name)
        return now.last_sync?.sync_id !== before && now.activity === 'idle' && now
      },
      { seen: () => get(name) },
    )
  }
  const editsOf = async (name: string) => {
    const { items } = await supervisor.api.call('audit', { query: { target: (await get(name)).replica_id } })
    return items.filter(({ action }) => action === 'edit').map(({ detail }) => detail)
  }
  /** The request as a program without our client sends it. */
  const send = (name: string, body: unknown, headers: Record<string, string> = {}) =>
    fetch(`${supervisor.url}/api/v1/replicas/${name}@sh-1`, {
      method: 'PATCH',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    })

  beforeAll(async () => {
    writeFiles(place.at('up', 'files'), { a: 'a\n', b: 'b\n' })
    writeFiles(place.at('closed', 'files'), { a: 'a\n' })
    writeFiles(place.at('web'), { 'slow.txt': 'slow\n', 'quick.txt': 'quick\n' })
    rsync = await startRsyncUpstream({ dir: place.at('up') })
    closed = await startRsyncUpstream({ dir: place.at('closed'), auth: { username: 'bob', password: SECRET } })
    for (const { stop } of [rsync, closed]) place.onEnd(stop)
    nats = await startNats(place)
    db = database === 'postgres' ? await startPostgres(place) : undefined
    await open()
    await launch()
    await until('it joined', async () => (await get('declared')).worker_presence === 'online')
  })

  test('changes upstream, interval, labels and options; its worker takes them, the audit says what', async () => {
    await add('tree', 'rsync', 'rsync://127.0.0.1:1/files/', { labels: { env: 'test', old: 'x' } })
    const before = await get('tree')
    expect(before).toMatchObject({
      etag: expect.stringMatching(/^"\S+"$/),
      has_credentials: false,
      edit_pending: false,
    })
    const read = await fetch(`${supervisor.url}/api/v1/replicas/tree@sh-1`)
    expect(read.headers.get('etag')).toBe(before.etag)
    const wanted = {
      upstream: rsync.url,
      interval_secs: 7200,
      labels: { env: 'prod', old: null },
      options: { exclude: ['*.iso'], max_delete_percent: 40, retry_secs: 1, timezone: 'Europe/Berlin' },
    }
    const answer = await patch('tree', wanted, before.etag)
    const shows = {
      upstream: rsync.url,
      interval_secs: 7200,
      labels: { env: 'prod' },
      options: wanted.options,
    }
    expect(answer).toMatchObject({ ...shows, takes_effect: 'the next sync goes by it' })
    expect(answer.etag).not.toBe(before.etag)
    expect(answer.changes).toEqual([
      { field: 'upstream', from: 'rsync://127.0.0.1:1/files/', to: rsync.url },
      { field: 'interval_secs', from: null, to: 7200 },
      { field: 'labels.env', from: 'test', to: 'prod' },
      { field: 'labels.old', from: 'x', to: null },
      { field: 'options.exclude', from: null, to: ['*.iso'] },
      { field: 'options.max_delete_percent', from: null, to: 40 },
      { field: 'options.retry_secs', from: null, to: 1 },
      { field: 'options.timezone', from: null, to: 'Europe/Berlin' },
    ])
    expect(await taken('tree')).toMatchObject({ ...shows, etag: answer.etag })
    expect(await editsOf('tree')).toEqual([
      `tree@sh-1: upstream: rsync://127.0.0.1:1/files/ → ${rsync.url}; interval_secs: only on request → 7200; ` +
        'labels.env: test → prod; labels.old: x → none; options.exclude: default → ["*.iso"]; ' +
        'options.max_delete_percent: default → 40; options.retry_secs: default → 1; ' +
        'options.timezone: default → Europe/Berlin',
    ])
    const synced = await until('it synced by its new interval', async () => {
      const now = await get('tree')
      return now.last_sync?.outcome === 'success' && now
    })
    expect(synced).toMatchObject({ files: 2, health: 'fresh' })
    expect(readdirSync(place.at('data', 'tree')).sort()).toEqual(['a', 'b'])
  })

  test('merges options and labels by key, and sets back to the default what is null', async () => {
    await patch('tree', { options: { max_delete_percent: null, bwlimit_kbps: 100 } })
    expect(await taken('tree')).toMatchObject({
      options: { exclude: ['*.iso'], timezone: 'Europe/Berlin', retry_secs: 1, bwlimit_kbps: 100 },
      labels: { env: 'prod' },
    })
    await patch('tree', { options: null, labels: null, interval_secs: null })
    expect(await taken('tree')).toMatchObject({ options: {}, labels: {}, interval_secs: null, next_due_at: null })
  })

  test('that changes nothing writes nothing', async () => {
    const [before, edits] = [await get('tree'), await editsOf('tree')]
    const { desired_rev } = await supervisor.api.call('getWorker', { params: { id: 'w' } })
    for (const body of [
      {},
      { upstream: rsync.url, interval_secs: 0, labels: {}, options: {}, auth: null, name: 'tree' },
    ])
      expect(await patch('tree', body, before.etag)).toMatchObject({
        changes: [],
        takes_effect: null,
        etag: before.etag,
      })
    expect(await editsOf('tree')).toEqual(edits)
    expect((await supervisor.api.call('getWorker', { params: { id: 'w' } })).desired_rev).toBe(desired_rev)
  })

  test('of what somebody else changed meanwhile is refused, with what that was', async () => {
    const { etag } = await get('tree')
    await patch('tree', { interval_secs: 600 }, etag)
    const late = await send('tree', { interval_secs: 60 }, { 'if-match': etag! })
    expect(late.status).toBe(412)
    const { error } = (await late.json()) as { error: { code: string; message: string } }
    const now = await get('tree')
    expect(error.code).toBe('precondition_failed')
    expect(error.message).toContain('by anyone: tree@sh-1: interval_secs: only on request → 600')
    expect(error.message).toContain(now.etag)
    expect(late.headers.get('etag')).toBe(now.etag)
    expect(now.interval_secs).toBe(600)
    for (const [ifMatch, status] of [
      [`"other", ${now.etag}`, 200],
      ['*', 200],
      [`W/${now.etag}`, 412],
      ['', 412],
      ['nonsense', 412],
    ] as const)
      expect((await send('tree', {}, { 'if-match': ifMatch })).status, ifMatch).toBe(status)
    expect((await send('tree', {}, { 'content-type': 'application/merge-patch+json' })).status).toBe(200)
    await patch('tree', { interval_secs: 0 })
  })

  test('that many people make at once of the same replica is made by one of them', async () => {
    const { etag } = await get('tree')
    const all = await Promise.all(
      Array.from({ length: 8 }, (_, at) => send('tree', { interval_secs: 1000 + at }, { 'if-match': etag! })),
    )
    expect(all.map(({ status }) => status).sort()).toEqual([200, ...Array.from({ length: 7 }, () => 412)])
    const won = 1000 + all.findIndex(({ status }) => status === 200)
    expect(await get('tree')).toMatchObject({ interval_secs: won })
    expect((await editsOf('tree'))[0]).toBe(`tree@sh-1: interval_secs: only on request → ${won}`)
    await patch('tree', { interval_secs: 0 })
  })

  test.each([
    [{ name: 'other' }, 'invalid_request', 'name', 'kagami replicas rename tree@sh-1 other'],
    [{ kind: 'git' }, 'invalid_request', 'kind', 'kagami replicas remove tree@sh-1'],
    [{ upstream: 'http://h.invalid/' }, 'invalid_upstream', 'upstream', ''],
    [{ upstream: null }, 'invalid_request', 'upstream', ''],
    [{ interval_secs: 2_592_001 }, 'invalid_interval', 'interval_secs', ''],
    [{ options: { nonsense: 1 } }, 'invalid_options', 'options.nonsense', ''],
    [{ options: { max_delete_percent: 101 } }, 'invalid_options', 'options.max_delete_percent', ''],
    [{ options: { cron: '61 * * * *' } }, 'invalid_options', 'options.cron', ''],
    [{ labels: { env: 1 } }, 'invalid_request', 'labels.env', ''],
    [{ auth: 'secret' }, 'invalid_request', 'auth', ''],
    [{ replica_id: 'x' }, 'invalid_request', 'replica_id', ''],
    [{ interval: 60 }, 'invalid_request', 'interval', ''],
  ])('to %j is refused, and the field named', async (body, code, field, hint) => {
    const before = await get('tree')
    const answer = await send('tree', body)
    const { error } = (await answer.json()) as { error: { code: string; field: string; hint: string } }
    expect([answer.status, error]).toEqual([400, expect.objectContaining({ code, field })])
    expect(error.hint).toContain(hint)
    expect(await get('tree')).toMatchObject({ etag: before.etag, options: before.options })
  })

  test('of a replica of worker.toml is refused, and says where to edit it', async () => {
    expect(await get('declared')).toMatchObject({ etag: null, has_credentials: null })
    expect(await refusal(patch('declared', { interval_secs: 60 }))).toMatchObject({
      code: 'conflict',
      message: expect.stringContaining('declared in worker.toml of sh-1'),
      hint: expect.stringMatching(/^Edit the provider declared in KAGAMI_PROVIDERS on \S+, and restart the worker\.$/),
    })
    expect(await refusal(patch('nobody', {}))).toMatchObject({ code: 'not_found' })
  })

  test('sets, replaces and removes credentials, which are in no answer, log or audit', async () => {
    await add('closed', 'rsync', closed.url)
    expect(await sync('closed')).toMatchObject({ last_sync: { reason: 'auth_rejected' } })
    expect(await patch('closed', { auth: { ...BOB, password: 'wrong' } })).toMatchObject({
      has_credentials: true,
      changes: [{ field: 'auth', from: 'none', to: 'set' }],
    })
    await taken('closed')
    expect(await sync('closed')).toMatchObject({ last_sync: { reason: 'auth_rejected' } })
    const answer = await patch('closed', { auth: BOB })
    expect(answer.changes).toEqual([{ field: 'auth', from: 'set', to: 'replaced' }])
    await taken('closed')
    expect(await sync('closed')).toMatchObject({ last_sync: { outcome: 'success' }, files: 1 })
    // Left alone by an edit of something else.
    await patch('closed', { options: { bwlimit_kbps: 10_000 } })
    await taken('closed')
    expect(await sync('closed')).toMatchObject({ last_sync: { outcome: 'success' } })
    const seen = [answer, await get('closed'), await supervisor.api.call('audit', {}), supervisor.output()]
    for (const form of [SECRET, Buffer.from(SECRET).toString('base64').slice(0, -2)])
      expect(JSON.stringify(seen)).not.toContain(form)
    if (db === undefined) expect(readFileSync(place.at('supervisor.db'), 'latin1')).not.toContain(SECRET)
    expect(JSON.stringify(await get('closed'))).not.toContain('sealed')
    await patch('closed', { auth: null })
    await taken('closed')
    expect(await sync('closed')).toMatchObject({ has_credentials: false, last_sync: { reason: 'auth_rejected' } })
    expect((await editsOf('closed')).toReversed()).toEqual([
      'closed@sh-1: credentials: set',
      'closed@sh-1: credentials: replaced',
      'closed@sh-1: options.bwlimit_kbps: default → 10000',
      'closed@sh-1: credentials: removed',
    ])
  })

  test('to another upstream asks for the credentials anew: they are sealed for the present one', async () => {
    await patch('closed', { auth: BOB, upstream: 'rsync://127.0.0.1:1/files/' })
    expect(await refusal(patch('closed', { upstream: closed.url }))).toMatchObject({
      code: 'invalid_request',
      field: 'auth',
      message: expect.stringContaining('sealed for rsync://127.0.0.1:1/files/'),
      hint: expect.stringContaining('--no-auth'),
    })
    await patch('closed', { upstream: closed.url, auth: BOB })
    await taken('closed')
    expect(await sync('closed')).toMatchObject({ last_sync: { outcome: 'success' } })
    expect(await patch('closed', { upstream: rsync.url, auth: null })).toMatchObject({ has_credentials: false })
  })

  test('while a sync runs lets it end as it began, and the next one goes by the edit', async () => {
    const web = await startHttpUpstream({
      dir: place.at('web'),
      intercept(request, response) {
        if (request.url !== '/slow.txt') return false
        waiting.push(() => response.end('slow\n'))
        return true
      },
    })
    place.onEnd(web.stop)
    await add('file', 'http', `${web.url}/slow.txt`)
    await supervisor.api.call('syncReplica', { params: { id: 'file@sh-1' } })
    await until('the upstream is asked', () => waiting.length > 0)
    await until('it syncs', async () => (await get('file')).current)
    const answer = await patch('file', { upstream: `${web.url}/quick.txt` })
    expect(answer.takes_effect).toBe('the sync that is running ends as it began; the next one goes by the edit')
    const running = await taken('file')
    expect(running).toMatchObject({ activity: 'syncing', upstream: `${web.url}/quick.txt` })
    while (waiting.length > 0) waiting.pop()!()
    const ended = await until('it has ended', async () => {
      while (waiting.length > 0) waiting.pop()!()
      const now = await get('file')
      return now.activity === 'idle' && now.last_sync && now
    })
    expect(ended.last_sync).toMatchObject({ sync_id: running.current!.sync_id, outcome: 'success' })
    expect(readFileSync(place.at('data', 'file', 'slow.txt'), 'utf8')).toBe('slow\n')
    await sync('file')
    expect(readFileSync(place.at('data', 'file', 'quick.txt'), 'utf8')).toBe('quick\n')
  })

  test('while its worker is away is accepted, and taken when it is back; what is paused stays paused', async () => {
    await supervisor.api.call('pauseReplica', { params: { id: 'tree@sh-1' }, body: null })
    await until('it is paused', async () => (await get('tree')).activity === 'paused')
    await worker.kill()
    // Three heartbeats: waited for once, since no database has a part in it.
    if (db === undefined)
      await until('the worker is missed', async () => (await get('tree')).worker_presence !== 'online')
    const answer = await patch('tree', { options: { publish: 'swap' }, interval_secs: 3600 })
    expect(answer).toMatchObject({ edit_pending: true, options: { publish: 'swap' }, interval_secs: 3600 })
    if (db === undefined)
      expect(answer.takes_effect).toContain('sh-1 is not reachable now: it takes the edit when it is back')
    const port = Number(new URL(supervisor.url).port)
    await supervisor.kill()
    await open(port)
    expect(await get('tree')).toMatchObject({
      edit_pending: true,
      options: { publish: 'swap' },
      interval_secs: 3600,
      etag: answer.etag,
    })
    await launch()
    expect(await taken('tree')).toMatchObject({ options: { publish: 'swap' }, interval_secs: 3600, etag: answer.etag })
    const back = await until('it is online', async () => {
      const now = await get('tree')
      return now.worker_presence === 'online' && now
    })
    expect(back).toMatchObject({ activity: 'paused', paused: { by: 'anyone' } })
    await supervisor.api.call('resumeReplica', { params: { id: 'tree@sh-1' } })
    await until('it synced', async () => (await get('tree')).last_sync?.sync_id !== back.last_sync?.sync_id)
  })
})
