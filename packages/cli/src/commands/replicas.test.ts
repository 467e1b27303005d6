// replicas.test.ts — kagami replicas: lists, details, what is sent for a new one, and decisions about held syncs.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Refusal } from '@kagami/protocol'
import { afterAll, describe, expect, it } from 'vitest'
import { startApi } from '../testing/api-server.ts'
import { runKagami } from '../testing/run-kagami.ts'
import { aHistory, aPage, aReplica, aWorker, secondsFromNow } from '../testing/samples.ts'

const hold = {
  hold_id: 'h-1',
  since: secondsFromNow(-60),
  reason: 'too_many_deletions' as const,
  removed: 900,
  total: 1000,
  examples: ['a', 'b', 'c', 'd', 'e', 'f'],
  rejected: false,
}
const failed = aReplica({
  name: 'arch',
  health: 'failed',
  health_detail: 'failed twice: the upstream answers 404',
  failures: 2,
  last_sync: {
    sync_id: 's-1',
    outcome: 'failed',
    reason: 'upstream_missing',
    message: 'the upstream answers 404',
    hint: 'Check the path.',
    started_at: secondsFromNow(-70),
    ended_at: secondsFromNow(-60),
    duration_ms: 10_000,
    bytes: null,
  },
})
const dir = mkdtempSync(join(tmpdir(), 'kagami-test-'))
afterAll(() => rmSync(dir, { recursive: true }))
const secret = join(dir, 'secret')
const keptRef = {
  id: '20261128T010749Z/heads/main',
  ref: 'refs/heads/main',
  commit: '0123456789abcdef0123456789abcdef01234567',
  lost_at: secondsFromNow(-60),
  until: '2026-12-28T01:07:49Z',
}
const keptFiles = {
  count: 3,
  size_bytes: 3_000_000,
  next_at: '2026-11-28T18:00:00Z',
  files: [{ path: 'pool/a_1.deb', until: '2026-11-28T18:00:00Z' }],
}
const api = await startApi({
  listReplicas: ({ query }) =>
    query?.health === 'stuck'
      ? aPage()
      : aPage(failed, aReplica({ activity: 'queued', queue: { position: 3, reason: 'waiting for a slot' } })),
  getReplica: ({ params: { id } }) =>
    id.startsWith('held')
      ? aReplica({ name: 'held', health: 'held', hold, paused: { by: 'token', at: secondsFromNow(-60), reason: 'r' } })
      : id.startsWith('pool')
        ? aReplica({ name: 'pool', kept_files: keptFiles })
        : id.startsWith('kept')
          ? aReplica({ name: 'kept', kept: { count: 2, refs: [keptRef] } })
          : id.startsWith('arch')
            ? failed
            : aReplica({ etag: '"3.r-1"', has_credentials: true, options: { exclude: ['a'], publish: 'swap' } }),
  getWorker: () =>
    aWorker({
      kinds: [
        { kind: 'rsync', available: true, detail: '', options: { properties: { exclude: {}, bwlimit_kbps: {} } } },
      ],
    }),
  addReplica: ({ body }) => ({ replica_id: 'r-9', name: body.name, worker_id: 'w-1' }),
  editReplica: ({ params: { id }, body }) => {
    if (body.interval_secs === 412) throw new Refusal('precondition_failed', 'debian@sh-12 was changed since')
    if (body.interval_secs === 21_600) return { ...aReplica(), changes: [], takes_effect: null }
    const changes = [
      { field: 'interval_secs', from: 21_600, to: null },
      { field: 'options.exclude', from: null, to: ['a'] },
      { field: 'auth', from: 'set', to: 'replaced' },
    ]
    return { ...aReplica({ replica_id: id }), changes, takes_effect: 'the next sync goes by it' }
  },
  dropReplica: () => undefined,
  approveHold: () => ({ requests: [] }),
  rejectHold: () => ({ requests: [] }),
  pauseReplica: () => undefined,
  resumeReplica: () => undefined,
  rollbackReplica: () => ({ requests: [] }),
  verifyReplica: () => ({ requests: [] }),
  restoreReplica: () => ({ requests: [] }),
  renameReplica: () => ({ requests: [] }),
})
const run = (line: string, env: Record<string, string> = {}) => runKagami(line, { ...api.env, ...env })
const lastAsked = () => api.asked.at(-1)

describe('kagami replicas', () => {
  it('lists them with why the failing ones fail, and the command that shows the log', async () => {
    const { stdout, stderr } = await run('replicas')
    expect(stdout).toMatch(/^HEALTH +REPLICA +KIND +LAST OK +FAILING +CAUSE +SIZE +NEXT\n/)
    expect(stdout).toMatch(/✕ failed +arch@sh-12 +rsync +2m ago +2x +the upstream answers 404 +5\.0 GiB +in 60m\n/)
    expect(stdout).toMatch(/✓ fresh +debian@sh-12 +rsync +2m ago +- +- +5\.0 GiB +queued 3\n$/)
    expect(stderr).toBe('2 of 2 replicas shown. Why: kagami logs arch@sh-12\n')
  })
  it('passes every filter on', async () => {
    const filters = {
      health: 'stuck',
      worker: '!sh-12',
      kind: 'git',
      upstream: '!example.org',
      cause: 'partial',
      label: 'a=b',
      last_ok: '>24h',
      sort: '-name',
    }
    const words = Object.entries(filters).map(([key, value]) => `--${key.replace('_', '-')} ${value}`)
    const { stderr } = await run(`replicas list ${words.join(' ')} --limit 5`)
    expect(lastAsked()?.query).toEqual({ ...filters, limit: 5 })
    expect(stderr).toBe('No replica matches.\n')
  })
  it.each([
    ['--health !frsh', '--health: "frsh" is no health', 'Did you mean fresh?'],
    ['--last-ok 24', '--last-ok: "24" is no age', "'>24h'"],
  ])('refuses %s before it asks', async (option, problem, hint) => {
    const before = api.asked.length
    const { code, stderr } = await run(`replicas list ${option}`)
    expect(code).toBe(2)
    expect(stderr).toContain(problem)
    expect(stderr).toContain(hint)
    expect(api.asked.length).toBe(before)
  })
  it('takes a replica as NAME@WORKER or id, whole', async () => {
    const asked = () => api.asked.findLast(({ name }) => name === 'getReplica')?.params
    await run('replicas get debian@sh-12')
    expect(asked()).toEqual({ id: 'debian@sh-12' })
    await run('replicas get a/b%2F')
    expect(asked()).toEqual({ id: 'a/b%2F' })
  })
  it('get shows why a replica fails and what to do', async () => {
    const { stdout } = await run('replicas get arch@sh-12')
    expect(stdout).toMatch(/health +✕ failed: failed twice: the upstream answers 404\n/)
    expect(stdout).toMatch(/last sync +✕ failed 60s ago: the upstream answers 404\n/)
    expect(stdout).toMatch(/hint +Check the path\.\n/)
    expect(stdout).toMatch(/size +5\.0 GiB, 1200 files\n/)
  })
  it('get shows what a held sync would delete, and who paused it', async () => {
    const { stdout } = await run('replicas get held@sh-12')
    expect(stdout).toMatch(/would delete +900 of 1000: a, b, c, d, e, …\n/)
    expect(stdout).toMatch(/paused +by token 60s ago: r\n/)
  })
  it.each([
    ['how long syncs usually take', {}, /duration +usually 8m\n/],
    [
      'what a running sync still needs',
      { current: { sync_id: 's', started_at: secondsFromNow(-270), trigger: 'manual' as const } },
      /running +since 5m, usually 8m, about 3m to 6m left\n/,
    ],
    [
      'that a running sync takes longer than usual',
      { current: { sync_id: 's', started_at: secondsFromNow(-660), trigger: 'manual' as const } },
      /running +since 11m, usually 8m, longer than usual\n/,
    ],
  ])('get shows %s', async (_, change, text) => {
    const { env } = await startApi({ getReplica: () => aReplica(change), replicaHistory: () => aHistory() })
    expect((await runKagami('replicas get debian', env)).stdout).toMatch(text)
  })
  it('get shows no duration while fewer than three syncs have succeeded', async () => {
    const typical = { syncs: 2, p50_ms: null, p95_ms: null }
    const current = { sync_id: 's', started_at: secondsFromNow(-270), trigger: 'manual' as const }
    const { env } = await startApi({
      getReplica: () => aReplica({ current }),
      replicaHistory: () => aHistory({ typical }),
    })
    expect((await runKagami('replicas get debian', env)).stdout).toMatch(/running +since 5m\n/)
  })
  it('remove says that the files stay', async () => {
    expect((await run('replicas remove debian@sh-12 --yes')).stdout).toBe(
      'Removed debian@sh-12. Its files stay on the worker.\n',
    )
    expect(lastAsked()).toMatchObject({ name: 'dropReplica', params: { id: 'r-1' } })
  })
})

describe('kagami replicas add', () => {
  it('guesses kind and name, and sends nothing that was not given', async () => {
    const { code, stdout, stderr } = await run('replicas add https://example.org/tools/tool.git --worker sh-12')
    expect([code, stdout]).toEqual([0, 'Added tool@sh-12\n'])
    expect(stderr).toBe('Sync it now: kagami sync tool@sh-12\n')
    expect(lastAsked()).toMatchObject({ name: 'addReplica', params: { id: 'w-1' } })
    expect(lastAsked()?.body).toEqual({
      upstream: 'https://example.org/tools/tool.git',
      kind: 'git',
      name: 'tool',
      interval_secs: null,
      labels: {},
      options: {},
      auth: null,
    })
  })
  it('sends options as JSON where they are JSON, labels as they are, credentials of the environment', async () => {
    await run(
      'replicas add rsync://host/module/ --worker sh-12 --name mine --kind rsync --interval 60 ' +
        '--label env=prod size=1=2 --option bwlimit=5 lfs=true exclude=["a"] note=x=y',
      { KAGAMI_AUTH: '{"type":"token","token":"secret"}' },
    )
    expect(lastAsked()?.body).toMatchObject({
      name: 'mine',
      interval_secs: 60,
      labels: { env: 'prod', size: '1=2' },
      options: { bwlimit: 5, lfs: true, exclude: ['a'], note: 'x=y' },
      auth: { type: 'token', token: 'secret' },
    })
  })
  it.each([
    ['rsync://host/ --worker sh-12', {}, 'no name can be guessed from rsync://host/'],
    ['rsync://host/m/ --worker sh-12 --label prod', {}, '"prod" is not KEY=VALUE'],
    ['rsync://host/m/ --worker sh-12 --option =1', {}, '"=1" is not KEY=VALUE'],
    ['rsync://host/m/ --worker sh-12 --interval often', {}, '--interval: must be a whole number, not "often"'],
    ['rsync://host/m/ --worker sh-12', { KAGAMI_AUTH: 'secret' }, 'KAGAMI_AUTH is not JSON'],
  ])('%s with %o is refused before anything is sent', async (words, env, text) => {
    const { code, stdout, stderr } = await run(`replicas add ${words}`, env)
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toContain(text)
    expect(stderr).not.toContain('secret')
    expect(lastAsked()?.name).toBe('getWorker')
  })
})

describe('kagami replicas edit', () => {
  it('sends only what was given, for what it has read, and prints what that changed', async () => {
    const { code, stdout, stderr } = await run(
      'replicas edit debian@sh-12 --upstream rsync://host/m/ --interval 0 --label env=prod --remove-label old ' +
        '--option exclude=["a"] delay_updates=true --unset publish bwlimit_kbps',
    )
    expect([code, stdout]).toEqual([
      0,
      'Edited debian@sh-12\n  interval_secs: 21600 → only on request\n  options.exclude: default → ["a"]\n' +
        '  credentials: replaced\n',
    ])
    expect(stderr).toBe('When it counts: the next sync goes by it. Sync it now: kagami sync debian@sh-12\n')
    expect(lastAsked()).toMatchObject({ name: 'editReplica', params: { id: 'r-1' }, ifMatch: '"3.r-1"' })
    expect(lastAsked()?.body).toEqual({
      upstream: 'rsync://host/m/',
      interval_secs: 0,
      labels: { env: 'prod', old: null },
      options: { exclude: ['a'], delay_updates: true, publish: null, bwlimit_kbps: null },
    })
  })
  it('takes credentials from files and the environment, never from an argument, and removes them', async () => {
    writeFileSync(secret, 'correct horse\n')
    const bodyOf = async (words: string, env = {}) => {
      const { code, stdout, stderr } = await run(`replicas edit debian ${words}`, env)
      expect([code, (stdout + stderr).includes('horse')]).toEqual([0, false])
      return lastAsked()?.body
    }
    expect(await bodyOf(`--username bob --password-file ${secret}`)).toEqual({
      auth: { type: 'basic', username: 'bob', password: 'correct horse' },
    })
    expect(await bodyOf(`--token-file ${secret}`)).toEqual({ auth: { type: 'token', token: 'correct horse' } })
    expect(await bodyOf('', { KAGAMI_AUTH: '{"type":"token","token":"horse"}' })).toEqual({
      auth: { type: 'token', token: 'horse' },
    })
    expect(await bodyOf('--no-auth')).toEqual({ auth: null })
  })
  it('of nothing says what can be changed, with the options of the kind', async () => {
    const { code, stderr } = await run('replicas edit debian')
    expect([code, stderr]).toEqual([2, expect.stringContaining('nothing was given that would change debian@sh-12')])
    expect(stderr).toContain(
      '--password-file, --token-file, --no-auth. Options of rsync on sh-12: exclude, bwlimit_kbps.',
    )
    expect(lastAsked()?.name).toBe('getWorker')
  })
  it('says so when it is so already, and what to do when somebody changed it meanwhile', async () => {
    expect((await run('replicas edit debian --interval 21600')).stdout).toBe(
      'debian@sh-12 is so already; nothing was changed\n',
    )
    const { code, stdout, stderr } = await run('replicas edit debian --interval 412')
    expect([code, stdout]).toEqual([5, ''])
    expect(stderr).toContain('error: debian@sh-12 was changed since  [precondition_failed, req req-1]')
    expect(stderr).toContain('hint: Nothing was changed. Look at it (kagami replicas get debian@sh-12)')
  })
  it.each([
    ['--username bob', '--username and --password-file belong together'],
    ['--no-auth --token-file x', 'give one of --username, --token-file and --no-auth'],
    ['--token-file /nonexistent', '--token-file: /nonexistent cannot be read: ENOENT'],
    ['--option publish=swap --unset publish', 'publish is both set and removed'],
    ['--interval often', '--interval: must be a whole number, not "often"'],
    ['--label prod', '"prod" is not KEY=VALUE'],
  ])('%s is refused before anything is sent', async (words, text) => {
    const before = api.asked.length
    const { code, stderr } = await run(`replicas edit debian ${words}`)
    expect([code, stderr]).toEqual([2, expect.stringContaining(text)])
    expect(api.asked.length).toBe(before)
  })
  it('sends a name or a kind, so that the refusal says what to do instead', async () => {
    await run('replicas edit debian --name other --kind git')
    expect(lastAsked()?.body).toEqual({ name: 'other', kind: 'git' })
  })
  it('get shows options, credentials without what they are, and an edit that waits', async () => {
    const { stdout } = await run('replicas get debian')
    expect(stdout).toMatch(/options +exclude=\["a"\] publish=swap\n/)
    expect(stdout).toMatch(/credentials +set\n/)
  })
})

describe('a decision about a replica', () => {
  it('approves the hold that was looked at, with its numbers', async () => {
    const { stdout, stderr } = await run('replicas approve held@sh-12')
    expect(stdout).toBe('Approved: 900 of 1000 entries of held@sh-12 may be deleted, once\n')
    expect(stderr).toBe('Follow: kagami logs -f held@sh-12\n')
    expect(lastAsked()).toMatchObject({ name: 'approveHold', body: { hold_id: 'h-1' } })
  })
  it.each([
    ['reject held@sh-12', 'rejectHold', { hold_id: 'h-1' }, 'Rejected: nothing of held@sh-12 is deleted.'],
    ['pause debian --reason disk', 'pauseReplica', { reason: 'disk' }, 'Paused debian@sh-12.'],
    ['resume debian', 'resumeReplica', undefined, 'Resumed debian@sh-12'],
    ['rollback debian', 'rollbackReplica', { generation: null }, 'debian@sh-12 goes back to the previous tree'],
    ['rollback debian --to 4', 'rollbackReplica', { generation: 4 }, 'debian@sh-12 goes back to generation 4'],
    ['verify debian', 'verifyReplica', undefined, 'debian@sh-12 is looked at as a whole; readers go on reading it'],
    ['restore debian t/heads/x', 'restoreReplica', { id: 't/heads/x' }, 't/heads/x is given back to readers'],
    ['rename debian debian-11', 'renameReplica', { name: 'debian-11' }, 'debian@sh-12 is called debian-11@sh-12 now'],
  ])('replicas %s', async (line, name, body, text) => {
    const { code, stdout } = await run(`replicas ${line}`)
    expect([code, stdout]).toEqual([0, expect.stringContaining(text)])
    expect(lastAsked()).toMatchObject({ name, params: { id: 'r-1' } })
    expect(lastAsked()?.body).toEqual(body)
  })
  it('lists what the upstream lost and is still there, with the command that gives it back', async () => {
    const { stdout, stderr } = await run('replicas kept kept@sh-12')
    expect(stdout).toMatch(/^ID +COMMIT +LOST +KEPT UNTIL\n/)
    expect(stdout).toMatch(/20261128T010749Z\/heads\/main +0123456789ab +60s ago +2026-12-28\n$/)
    expect(stderr).toBe('The newest 1 of 2. Give one back to readers: kagami replicas restore kept@sh-12 ID\n')
    expect((await run('replicas kept debian')).stderr).toBe('Nothing is kept of debian@sh-12 that its upstream lost.\n')
  })
  it('lists the files that the upstream removed and readers still find, those that go first first', async () => {
    const { stdout, stderr } = await run('replicas kept pool')
    expect(stdout).toMatch(/^FILE +KEPT UNTIL\npool\/a_1.deb +2026-11-28T18:00:00Z\n$/)
    expect(stderr).toMatch(/^The first 1 of 3 files, 2\.9 MiB in all\. The first sync after its end deletes each/)
    expect(JSON.parse((await run('replicas kept pool --json')).stdout)).toMatchObject({ count: 0, files: keptFiles })
  })
  it('refuses a generation that is no number', async () => {
    const { code, stderr } = await run('replicas rollback debian --to last')
    expect([code, stderr]).toEqual([2, expect.stringContaining('"last" is no generation')])
    expect(lastAsked()?.name).toBe('getReplica')
  })
})
