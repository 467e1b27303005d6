// actions.test.ts — One action on many replicas, with a real supervisor, NATS and worker: what is chosen, what is
// refused and why, what one turn makes of a worker, and what the command line says of it.
import { mkdirSync, writeFileSync } from 'node:fs'
import type { ApiError, BulkItem, BulkJob, RouteInput } from '@kagami/protocol'
import { startHttpUpstream } from '@kagami/demo'
import { beforeAll, expect, test } from 'vitest'
import { runDocumented } from '../harness/documented.ts'
import { createPlace, startNats } from '../harness/place.ts'
import { runKagami, startSupervisor, startWorker, type Program, type SupervisorProgram } from '../harness/programs.ts'
import { until } from '../harness/wait.ts'

const place = createPlace()
const ADDED = ['a-0', 'a-1', 'a-2', 'a-3', 'a-4', 'a-5']
let supervisor: SupervisorProgram
let worker: Program
let launch: () => Promise<Program>
const cli = (...words: string[]) => runKagami(place, ['bulk', ...words, '--api', supervisor.url])
const start = async (body: RouteInput<'startBulk'>['body']): Promise<BulkJob> =>
  (await supervisor.api.call('startBulk', { body })).job!
const ended = ({ job_id }: Pick<BulkJob, 'job_id'>): Promise<BulkJob> =>
  until('the job has ended', async () => {
    const job = await supervisor.api.call('getBulk', { params: { id: job_id } })
    return job.state !== 'running' && job
  })
const itemsOf = async ({ job_id }: Pick<BulkJob, 'job_id'>, result = ''): Promise<BulkItem[]> =>
  (await supervisor.api.call('listBulkItems', { params: { id: job_id }, query: { result } })).items
const replicas = async (query: RouteInput<'listReplicas'>['query'] = {}) =>
  (await supervisor.api.call('listReplicas', { query })).items
const refusal = (error: unknown) => {
  const { status, code, field, message } = error as ApiError
  return { status, code, field, message }
}
const jobs = async () => (await supervisor.api.call('listBulk')).total
const desiredRev = async () => (await supervisor.api.call('getWorker', { params: { id: 'sh-12' } })).desired_rev

beforeAll(async () => {
  mkdirSync(place.at('www'))
  for (const name of [...ADDED, 'declared']) writeFileSync(place.at('www', name), name)
  const files = await startHttpUpstream({ dir: place.at('www') })
  place.onEnd(() => files.stop())
  const nats = await startNats(place)
  supervisor = await startSupervisor(place, { nats: nats.url })
  const providers = [{ name: 'declared', kind: 'http', upstream: `${files.url}/declared`, interval_secs: 3600 }]
  launch = () => startWorker(place, { nats: nats.url, providers, env: { KAGAMI_WORKER_ID: 'w', KAGAMI_NAME: 'sh-12' } })
  worker = await launch()
  await until('it joined', async () => (await replicas()).length === 1, { seen: () => worker.output() })
  for (const name of ADDED)
    await supervisor.api.call('addReplica', {
      params: { id: 'w' },
      body: { name, kind: 'http', upstream: `${files.url}/${name}`, interval_secs: 0, labels: { set: name.slice(-1) } },
    })
  await until('all are reported', async () => (await replicas()).every(({ revision_no }) => revision_no > 0))
})

test('a sync of all that match a query is one revision of their worker, and each of them is synced once', async () => {
  const before = await desiredRev()
  const seen = await supervisor.api.call('startBulk', {
    body: { action: 'sync', query: { q: 'a-' }, expected: 6, reason: 'after an outage' },
  })
  expect(seen).toMatchObject({ matching: 6, workers: 1, names: ADDED.slice(0, 5).map((name) => `${name}@sh-12`) })
  const job = await ended(seen.job!)
  expect(job).toMatchObject({ state: 'finished', total: 6, ok: 6, refused: 0, waiting: 0, query: { q: 'a-' } })
  expect(await desiredRev()).toBe(before + 1)
  const synced = await until('all have synced', async () => {
    const { items } = await supervisor.api.call('listSyncs', { query: { state: 'finished' } })
    const manual = items.filter(({ trigger }) => trigger === 'manual')
    return manual.length >= 6 && manual
  })
  expect(synced.map(({ name }) => name).sort()).toEqual(ADDED)
  const { items } = await supervisor.api.call('audit', { query: { action: 'bulk,sync' } })
  expect(items.map(({ action, target }) => [action, target])).toEqual([
    ['sync', 'w'],
    ['bulk', job.job_id],
  ])
  expect(items[1]?.detail).toContain('after an outage')
})

test('when another number matches by then, nothing is done, and both numbers are said', async () => {
  const before = [await jobs(), await desiredRev()]
  const wrong = await start({ action: 'pause', query: { worker: 'sh-12' }, expected: 3 }).catch(refusal)
  expect(wrong).toEqual({
    status: 409,
    code: 'conflict',
    field: 'expected',
    message: '3 replicas were expected and 7 match now: nothing was done',
  })
  expect([await jobs(), await desiredRev()]).toEqual(before)
})

test.each([
  [{ action: 'sync' }, 400, 'replicas'],
  [{ action: 'sync', query: {}, replicas: ['a-0@sh-12'] }, 400, 'replicas'],
  [{ action: 'sync', query: { healht: 'failed' } }, 400, 'query.healht'],
  [{ action: 'sync', query: { worker: 'nobody' } }, 404, null],
  [{ action: 'sync', query: { name: 'nothing' } }, 409, 'query'],
  [{ action: 'sync', replicas: ['a-0@sh-12', 'gone@sh-12'] }, 404, null],
  [{ action: 'edit', query: {} }, 400, 'patch'],
  [{ action: 'edit', query: {}, patch: {} }, 400, 'patch'],
  [{ action: 'edit', query: {}, patch: { upstream: 'http://x/' } }, 400, 'patch.upstream'],
  [{ action: 'pause', query: {}, patch: { interval_secs: 1 } }, 400, 'patch'],
])('%j is refused before anything is done', async (body, status, field) => {
  const before = await jobs()
  expect(await start(body as never).catch(refusal)).toMatchObject({ status, field })
  expect(await jobs()).toBe(before)
})

test('pause and resume by names; one that is paused twice is fine', async () => {
  const named = { replicas: ['a-0@sh-12', 'a-1@sh-12'] }
  await ended(await start({ action: 'pause', replicas: ['a-0@sh-12'] }))
  const before = await desiredRev()
  expect(await ended(await start({ action: 'pause', ...named, reason: 'new disks' }))).toMatchObject({ ok: 2 })
  expect(await desiredRev()).toBe(before + 1)
  expect(
    (await replicas({ q: 'a-' }))
      .filter(({ paused }) => paused)
      .map(({ name }) => name)
      .sort(),
  ).toEqual(['a-0', 'a-1'])
  expect((await replicas({ name: 'a-1' }))[0]?.paused).toMatchObject({ by: 'anyone', reason: 'new disks' })
  // Again nothing changes, and the worker gets no new document.
  expect(await ended(await start({ action: 'pause', ...named }))).toMatchObject({ ok: 2 })
  expect(await desiredRev()).toBe(before + 1)
  await ended(await start({ action: 'resume', query: { health: 'paused' }, expected: 2 }))
  expect((await replicas()).filter(({ paused }) => paused)).toEqual([])
})

test('an edit leaves out what cannot be edited, says why and what to do, and changes the rest', async () => {
  const patch = { interval_secs: 7200, labels: { env: 'prod' } }
  const job = await ended(await start({ action: 'edit', query: { worker: 'w' }, patch }))
  expect(job).toMatchObject({ total: 7, ok: 6, refused: 1, patch })
  expect(await itemsOf(job, 'refused')).toMatchObject([
    {
      name: 'declared@sh-12',
      code: 'conflict',
      message: 'declared is declared in worker.toml of sh-12, and can be changed only there',
      hint: expect.stringMatching(/^Edit the provider declared in .*, and restart the worker\.$/),
    },
  ])
  for (const replica of await replicas({ q: 'a-' }))
    expect(replica).toMatchObject({ interval_secs: 7200, labels: { env: 'prod', set: replica.name.slice(-1) } })
  // Who changed a replica is looked for under the replica.
  const [{ replica_id: id } = { replica_id: '' }] = await replicas({ name: 'a-3' })
  const { items } = await supervisor.api.call('audit', { query: { target: id, action: 'edit' } })
  expect(items[0]?.detail).toContain('interval_secs: only on request → 7200')
  const taken = async () => (await replicas({ q: 'a-' })).every(({ edit_pending }) => !edit_pending)
  await until('its worker has taken the edit', taken)
})

test('an option that is wrong for a kind is refused for each replica, and a retry takes just those', async () => {
  const patch = { options: { no_such_option: 1 } }
  const job = await ended(await start({ action: 'edit', query: { q: 'a-' }, patch }))
  expect(job).toMatchObject({ ok: 0, refused: 6 })
  const again = await supervisor.api.call('retryBulk', { params: { id: job.job_id } })
  expect(again).toMatchObject({ action: 'edit', patch, total: 6, query: null, retry_of: job.job_id })
  expect(await ended(again)).toMatchObject({ refused: 6 })
  const fine = await ended(await start({ action: 'pause', replicas: ['a-5@sh-12'] }))
  expect(await supervisor.api.call('retryBulk', { params: { id: fine.job_id } }).catch(refusal)).toMatchObject({
    status: 409,
  })
})

test('a job that has ended cannot be cancelled', async () => {
  const job = await ended(await start({ action: 'resume', query: {} }))
  expect(await supervisor.api.call('cancelBulk', { params: { id: job.job_id } }).catch(refusal)).toMatchObject({
    code: 'conflict',
    message: 'the job has already ended',
  })
})

test('a dry run of a removal names the mirrors that lose their only copy, and does nothing', async () => {
  const before = [await jobs(), (await replicas()).length]
  const seen = await supervisor.api.call('startBulk', {
    body: { action: 'remove', query: { label: 'set=0' }, dry_run: true },
  })
  expect(seen).toEqual({
    matching: 1,
    names: ['a-0@sh-12'],
    workers: 1,
    last_copies: ['a-0'],
    last_copies_total: 1,
    job: null,
  })
  expect([await jobs(), (await replicas()).length]).toEqual(before)
})

test('the command line asks before it removes, waits with --wait, and says what was refused', async () => {
  const asked = await cli('remove', '--label', 'set=0')
  expect([asked.code, asked.stderr]).toEqual([2, expect.stringContaining('needs a confirmation; nothing was done')])
  const removed = await cli('remove', '--label', 'set=0', '--yes', '--wait')
  expect(removed).toMatchObject({ code: 0, stdout: expect.stringContaining('remove 1 of 1 ok') })
  await until('it is gone', async () => (await replicas({ name: 'a-0' })).length === 0)
  const edited = await cli('edit', '--worker', 'sh-12', '--interval', '3600', '--wait')
  expect(edited.code).toBe(8)
  expect(edited.stdout).toMatch(/^edit 5 of 6 ok, 1 refused\n.*\n✕ refused +declared@sh-12 /)
  expect(edited.stderr).toContain('Try them again: kagami bulk retry ')
  const [newest] = JSON.parse((await cli('list', '--json')).stdout) as BulkJob[]
  expect(newest).toMatchObject({ action: 'edit', ok: 5, refused: 1 })
})

test('the command lines of the page say what they concern, what became of it, and what cannot be done', async () => {
  const run = (line: string, to: Record<string, string> = {}) =>
    runDocumented(place, line, { to, env: { KAGAMI_API: supervisor.url } })
  const on = { WORKER: 'sh-12' }
  const options = await run('kagami bulk edit --worker WORKER --kind rsync --option bwlimit_kbps=20000 --dry-run', on)
  expect(options).toMatchObject({ code: 0, stdout: 'edit would concern 0 replicas on 0 workers\n' })
  const removal = await run('kagami bulk remove --worker WORKER --dry-run', on)
  expect(removal.stdout).toMatch(
    /^remove would concern 6 replicas on 1 worker: .*, …\nThese 6 mirrors lose the ONLY copy: /,
  )
  expect((await run('kagami bulk sync --health failed --cause upstream_unreachable --wait')).code).toBe(5)
  const { stdout } = await run('kagami bulk pause --worker WORKER --reason "new disks"', on)
  const [, paused = ''] = /^Job (\S+): pause 6 replicas\n$/.exec(stdout) ?? []
  await ended({ job_id: paused })
  expect((await run('kagami bulk get JOB', { JOB: paused })).stdout).toMatch(
    /replicas +6 of 6 ok\n[^]*reason +new disks\n/,
  )
  expect((await run('kagami bulk cancel JOB', { JOB: paused })).stderr).toContain('the job has already ended')
  const { job_id } = await ended(await start({ action: 'edit', query: {}, patch: { labels: { a: 'b' } } }))
  const again = await run('kagami bulk retry JOB', { JOB: job_id })
  expect(again).toMatchObject({ code: 0, stdout: expect.stringContaining('edit 1 replica\n') })
  await ended(await start({ action: 'resume', query: { health: 'paused' } }))
})

test('what is asked of a silent worker counts once it is back, as with a single command', async () => {
  await worker.kill()
  const before = (await replicas({ name: 'a-4' }))[0]!.last_sync!.sync_id
  expect(await ended(await start({ action: 'sync', replicas: ['a-4@sh-12'] }))).toMatchObject({ ok: 1 })
  worker = await launch()
  await until('it has synced', async () => (await replicas({ name: 'a-4' }))[0]?.last_sync?.sync_id !== before)
})

test('a worker that is rejected before its turn has each of its replicas refused', async () => {
  const named = { replicas: ['a-2@sh-12', 'a-3@sh-12'] }
  await supervisor.api.call('reject', { params: { id: 'w' }, body: { reason: 'a test' } })
  const job = await ended(await start({ action: 'sync', ...named }))
  expect(await itemsOf(job)).toMatchObject([{ code: 'not_approved' }, { code: 'not_approved' }])
})
