// hostile.test.ts — Every hostile input that we know of, through API, command line and wire: it is refused with the
// field named, and nothing is run, written or crashed.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { pathToFileURL } from 'node:url'
import { writeFiles } from '@kagami/demo'
import { beforeAll, describe, expect, test } from 'vitest'
import { startNats, createPlace } from '../harness/place.ts'
import { startSupervisor, startWorker, runKagami, type SupervisorProgram } from '../harness/programs.ts'
import { rounds } from '../harness/rounds.ts'
import { until } from '../harness/wait.ts'

const TRAP = '/tmp/kagami-hostile-trap'
/** Kind and upstream: addresses that could run programs, read local files or leak secrets. */
const HOSTILE: readonly (readonly [kind: string, upstream: string])[] = [
  ['git', `ext::sh -c touch% ${TRAP}`],
  ['git', 'fd::17'],
  ['git', `--upload-pack=touch ${TRAP}`],
  ['git', `--config=core.sshCommand=touch ${TRAP}`],
  ['git', `ssh://-oProxyCommand=touch%20${TRAP}/x`],
  ['git', `-oProxyCommand=touch ${TRAP}:x`],
  ['git', 'file:///etc'],
  ['git', '/etc'],
  ['git', './x'],
  ['git', '../../etc'],
  ['git', 'host:path'],
  ['git', `git@-oProxyCommand=touch%20${TRAP}:x`],
  ['git', `git@host:-oProxyCommand=touch%20${TRAP}`],
  ['git', `ssh://git@-oProxyCommand=touch%20${TRAP}/x`],
  ['git', `ssh://-lroot@host/x`],
  ['git', 'ssh://host/x'],
  ['git', 'https://bob:pw@host/a.git'],
  ['git', 'https:host/a.git'],
  ['git', 'ftp://host/a.git'],
  ['git', `https://host/a.git\n--upload-pack=touch ${TRAP}`],
  ['git', 'https://-host/a.git'],
  ['git', 'https:///a.git'],
  ['git', 'https://host\\@evil/a.git'],
  ['git', 'https://host/a b.git'],
  ['rsync', '--rsh=sh'],
  ['rsync', `-e touch ${TRAP}`],
  ['rsync', '--remove-source-files'],
  ['rsync', `--log-file=${TRAP}`],
  ['rsync', `--only-write-batch=${TRAP}`],
  ['rsync', '/etc/shadow'],
  ['rsync', 'host:/path'],
  ['rsync', 'host::module'],
  ['rsync', 'ssh://host/x'],
  ['rsync', 'rsync://bob:pw@host/m/'],
  ['rsync', 'rsync://host'],
  ['rsync', 'rsync://host/'],
  ['rsync', `-oProxyCommand=touch ${TRAP}:/y`],
  ['http', 'file:///etc/passwd'],
  ['http', 'data:text/plain,x'],
  ['http', 'gopher://host/'],
  ['http', 'http://bob:pw@host/x'],
  ['http', 'http://'],
  ['http', 'javascript:alert(1)'],
  ['http', '/etc/passwd'],
  ['http', 'http://host/\u0000x'],
  ['http', ''],
  ['http', 'x'.repeat(5000)],
  ['http', 'http://host/<img onerror>'],
]
const NAMES = [
  'a/b',
  '../x',
  '..',
  '.',
  '',
  '.hidden',
  '-x',
  'a b',
  'x.lock',
  'CON',
  'nul',
  'lost+found',
  'a\u0000b',
  'a\nb',
  'é',
  '💥',
  'a'.repeat(129),
  'a..b',
  '\u202Etxt',
  'a\\b',
  '~root',
  '$(id)',
  '`id`',
  'current',
]

describe('hostile input', () => {
  const place = createPlace()
  let supervisor: SupervisorProgram
  let nats: { url: string }
  const post = async (path: string, body: string, headers: Record<string, string> = {}) => {
    const answer = await fetch(supervisor.url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body,
    })
    return {
      status: answer.status,
      body: (await answer.json().catch(() => null)) as {
        error?: { code: string; field: string | null; message: string }
      } | null,
    }
  }
  const add = (body: object) =>
    post(
      '/workers/w-1/add_replica',
      JSON.stringify({ name: 'ok', kind: 'git', upstream: 'https://h.invalid/a.git', ...body }),
    )
  const answers = async () => expect((await fetch(`${supervisor.url}/healthz`)).status).toBe(200)

  beforeAll(async () => {
    nats = await startNats(place)
    supervisor = await startSupervisor(place, { nats: nats.url })
    const worker = await startWorker(place, { nats: nats.url, env: { KAGAMI_WORKER_ID: 'w-1' } })
    await until('it joined', async () => (await supervisor.api.call('listWorkers')).items[0]?.presence === 'online', {
      seen: () => worker.output(),
    })
  })

  test(`${HOSTILE.length} upstreams are refused by the API with the field named, and nothing is run`, async ({
    task,
  }) => {
    for (const [kind, upstream] of HOSTILE) {
      const { status, body } = await add({ kind, upstream })
      expect([upstream.slice(0, 80), status, body?.error?.field]).toEqual([upstream.slice(0, 80), 400, 'upstream'])
    }
    expect(existsSync(TRAP)).toBe(false)
    expect(readdirSync(place.at('data')).filter((entry) => !entry.startsWith('.'))).toEqual([])
    task.meta.figure = `${HOSTILE.length} of ${HOSTILE.length} refused with 400, 0 files`
  })

  test(`${NAMES.length} names are refused with the field named`, async ({ task }) => {
    for (const name of NAMES) {
      const { status, body } = await add({ name })
      expect([name, status, body?.error?.field]).toEqual([name, 400, 'name'])
    }
    task.meta.figure = `${NAMES.length} of ${NAMES.length} refused with 400`
  })

  test('the command line refuses them too, with its exit code for wrong usage', async () => {
    for (const [kind, upstream] of [HOSTILE[0]!, HOSTILE[18]!, HOSTILE[31]!]) {
      const { code, stderr } = await runKagami(place, [
        'replicas',
        'add',
        '--worker',
        'w-1',
        '--name',
        'x',
        '--kind',
        kind,
        '--api',
        supervisor.url,
        '--',
        upstream,
      ])
      expect([code, stderr]).toEqual([2, expect.stringContaining('upstream')])
    }
  })

  test('a folder of a worker’s own machine is an upstream only below what its worker.toml allows', async () => {
    writeFiles(place.at('incoming', 'files'), { 'a.txt': 'a\n' })
    const [url, root] = [pathToFileURL(place.at('incoming', 'files')).href, place.at('incoming')]
    await startWorker(place, {
      nats: nats.url,
      dir: 'data-2',
      env: { KAGAMI_WORKER_ID: 'w-2', KAGAMI_UPSTREAM_ROOTS: JSON.stringify([root]) },
    })
    await until(
      'it joined',
      async () =>
        (await supervisor.api.call('listWorkers')).items.find(({ worker_id }) => worker_id === 'w-2')?.presence ===
        'online',
    )
    expect((await add({ kind: 'rsync', upstream: url })).body?.error).toMatchObject({
      field: 'upstream',
      message: expect.stringContaining('allows none'),
    })
    const outside = await runKagami(place, [
      'replicas',
      'add',
      'file:///etc',
      '--worker',
      'w-2',
      '--api',
      supervisor.url,
    ])
    expect([outside.code, outside.stderr]).toEqual([
      2,
      expect.stringContaining(`must be below a folder that the worker allows: ${root}`),
    ])
    expect((await runKagami(place, ['workers', 'get', 'w-2', '--api', supervisor.url])).stdout).toContain(
      `also file:// below ${root}`,
    )
    expect(
      (await runKagami(place, ['replicas', 'add', url, '--worker', 'w-2', '--api', supervisor.url])).stdout,
    ).toContain('Added files@')
    await until(
      'it has the replica',
      async () => (await supervisor.api.call('listReplicas', { query: { name: 'files' } })).items[0],
    )
    const synced = await runKagami(place, ['sync', 'files@w-2', '--wait', '--api', supervisor.url])
    expect([synced.code, readFileSync(place.at('data-2', 'files', 'a.txt'), 'utf8')]).toEqual([0, 'a\n'])
  })

  test('absurd intervals are refused or kept exactly', async ({ task }) => {
    for (const interval_secs of ['0x10', '5', -1, 1.5, 1e308, 2_147_484_000, true, [], {}])
      expect((await add({ interval_secs })).body?.error?.field, JSON.stringify(interval_secs)).toBe('interval_secs')
    for (const text of ['NaN', 'Infinity', '1e999'])
      expect(
        (
          await post(
            '/workers/w-1/add_replica',
            `{"name":"ok","kind":"git","upstream":"https://h.invalid/a.git","interval_secs":${text}}`,
          )
        ).status,
      ).toBe(400)
    expect((await add({ name: 'long', interval_secs: 2_147_484 })).status).toBe(202)
    const replica = await until(
      'the worker has it',
      async () => (await supervisor.api.call('listReplicas', { query: { name: 'long' } })).items[0],
    )
    expect(replica.interval_secs).toBe(2_147_484)
    await until(
      'it has synced or has a due time',
      async () =>
        (await supervisor.api.call('getReplica', { params: { id: replica.replica_id } })).last_sync ??
        (await supervisor.api.call('getReplica', { params: { id: replica.replica_id } })).next_due_at,
    )
    expect((await supervisor.api.call('listSyncs', { query: { name: 'long' } })).total).toBeLessThan(3)
    task.meta.figure = '12 of 12 refused; 2,147,484 s kept exactly'
  })

  test('bodies that break parsers, logs or databases are refused, and the API keeps answering', async () => {
    const bodies: [string, number][] = [
      [`{"name":${'['.repeat(200_000)}${']'.repeat(200_000)}}`, 400],
      ['{"__proto__":{"admin":true},"name":"x","kind":"git","upstream":"https://h/a.git"}', 400],
      ['{"constructor":{"prototype":{"x":1}}}', 400],
      ['{"name":"x","labels":{"__proto__":"x"},"kind":"git","upstream":"https://h/a.git"}', 400],
      ['{"name":"x","name":"y/z","kind":"git","upstream":"https://h/a.git"}', 400],
      ['[]', 400],
      ['"x"', 400],
      ['nonsense', 400],
      ['{', 400],
      [`{"name":"${'x'.repeat(2_000_000)}"}`, 413],
      [`{"name":"${'x'.repeat(20_000_000)}"}`, 413],
      ['{"name":"x","kind":"git","upstream":"https://h/a.git","labels":{"a":"\\u0000"}}', 400],
      ['{"name":"x","kind":"git","upstream":"https://h/a.git","labels":{"a":"\\ud800"}}', 400],
      ['{"name":"x","kind":"git","upstream":"https://h/a.git","auth":{"type":"sealed","box":"x"}}', 400],
      ['{"name":"x","kind":"git","upstream":"https://h/a.git","options":{"cron":"* * *"}}', 400],
    ]
    for (const [body, status] of bodies)
      expect([body.slice(0, 60), (await post('/workers/w-1/add_replica', body)).status]).toEqual([
        body.slice(0, 60),
        status,
      ])
    expect((await post('/workers/w-1/reject', JSON.stringify({ reason: 'a\0b' }))).body?.error?.field).toBe('reason')
    for (const path of [
      '/api/v1/replicas?q=%00',
      '/api/v1/syncs?name=%00',
      '/api/v1/audit?target=%00',
      '/api/v1/workers/%00',
      '/api/v1/syncs/%00',
      '/api/v1/workers/%2e%2e%2f',
      '/ui/%2e%2e/%2e%2e/etc/passwd',
    ]) {
      const { status } = await fetch(supervisor.url + path)
      expect([path, status >= 400 && status < 500]).toEqual([path, true])
    }
    expect(await (await fetch(`${supervisor.url}/ui/..%2f..%2f..%2f..%2fetc%2fpasswd`)).text()).not.toContain('root:')
    await answers()
  })

  test('a form or a page of another site cannot write, and requests for a foreign host name are refused', async () => {
    const text = await fetch(`${supervisor.url}/workers/w-1/approve`, {
      method: 'POST',
      headers: { 'content-type': 'text/plain' },
      body: 'x',
    })
    expect(text.status).toBe(400)
    expect((await post('/workers/w-1/approve', '', { origin: 'http://evil.example' })).status).toBe(401)
    const raw = (host: string) =>
      new Promise<string>((resolve, reject) => {
        const socket = connect(Number(new URL(supervisor.url).port), '127.0.0.1', () =>
          socket.write(`GET /overview HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`),
        )
        let answer = ''
        socket
          .on('data', (chunk) => (answer += String(chunk)))
          .on('end', () => resolve(answer))
          .on('error', reject)
      })
    for (const host of ['evil.example', '10.0.0.1', 'localhost.evil.example', ''])
      expect((await raw(host)).split('\r\n')[0], host).toMatch(/ 4(21|00) /)
    for (const host of ['localhost', '127.0.0.1:1', '[::1]', 'ui.localhost'])
      expect((await raw(host)).split('\r\n')[0], host).toContain(' 200 ')
    const { headers } = await fetch(`${supervisor.url}/ui/`)
    expect([
      headers.get('x-content-type-options'),
      headers.get('x-frame-options'),
      headers.get('access-control-allow-origin'),
      headers.get('content-security-policy')?.includes("default-src 'self'"),
    ]).toEqual(['nosniff', 'SAMEORIGIN', null, true])
  })

  test('500 connections that send their request a byte at a time keep nobody else waiting, and are closed', async ({
    task,
  }) => {
    const slow: Socket[] = []
    const closed = { count: 0 }
    for (let index = 0; index < rounds(150, 500); index++) {
      const socket = connect(Number(new URL(supervisor.url).port), '127.0.0.1')
      socket
        .on('error', () => {})
        .once('close', () => closed.count++)
        .resume()
      socket.write(
        'POST /workers/w-1/sync HTTP/1.1\r\nHost: localhost\r\nContent-Type: ' +
          'application/json\r\nContent-Length: 1000\r\n\r\n{',
      )
      slow.push(socket)
    }
    for (let index = 0; index < 50; index++) expect((await fetch(`${supervisor.url}/overview`)).status).toBe(200)
    await until('all of them are closed', () => closed.count === slow.length, { seen: () => closed })
    for (const socket of slow) socket.destroy()
    task.meta.figure = `${slow.length} of ${slow.length} closed, 50 of 50 others answered`
  })
})
