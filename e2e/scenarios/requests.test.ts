// requests.test.ts — What people ask of one replica's files, in real programs: another name, a proof of the whole copy,
// a ref that the upstream lost.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { startRsyncUpstream, writeFiles } from '@kagami/demo'
import type { NatsServer } from '@kagami/runtime'
import { beforeAll, expect, test } from 'vitest'
import { createPlace, startNats } from '../harness/place.ts'
import { runKagami, startSupervisor, startWorker, type Program, type SupervisorProgram } from '../harness/programs.ts'
import { until } from '../harness/wait.ts'

const place = createPlace()
let nats: NatsServer
let supervisor: SupervisorProgram
let worker: Program
let upstream: string
const cli = (...words: string[]) => runKagami(place, [...words, '--api', supervisor.url])
const replica = async () => (await supervisor.api.call('listReplicas')).items[0]
const launch = () => startWorker(place, { nats: nats.url, providers: [] })
const mark = (name: string) =>
  JSON.parse(readFileSync(place.at('data/.kagami/trees', `${name}.json`), 'utf8')) as object
const synced = (after?: string) =>
  until(
    'it has synced',
    async () => {
      const now = await replica()
      return now?.activity === 'idle' && now.last_sync && now.last_sync.sync_id !== after && now
    },
    { seen: () => worker.output() },
  )

beforeAll(async () => {
  writeFiles(place.at('up/files'), Object.fromEntries(Array.from({ length: 9 }, (_, n) => [`f${n}`, `${n}\n`])))
  const served = await startRsyncUpstream({ dir: place.at('up') })
  place.onEnd(() => served.stop())
  upstream = served.url
  nats = await startNats(place)
  supervisor = await startSupervisor(place, { nats: nats.url })
  worker = await launch()
  await until('it joined', async () => (await supervisor.api.call('listWorkers')).total === 1)
  const [{ name } = { name: '' }] = (await supervisor.api.call('listWorkers')).items
  expect(await cli('replicas', 'add', upstream, '--worker', name, '--name', 'old')).toMatchObject({ code: 0 })
  await until('it is there', replica)
  await cli('sync', 'old')
  await synced()
})

test('a replica gets another name by command: its files follow, and nothing is fetched again', async () => {
  const { ino } = statSync(place.at('data/old/f1'))
  const before = (await replica())!.last_sync!.sync_id
  expect(await cli('replicas', 'rename', 'old', 'a b')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('name '),
  })
  expect(await cli('replicas', 'rename', 'old', 'new')).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^old@.* is called new@/),
  })
  expect(await synced(before)).toMatchObject({ name: 'new', health: 'fresh' })
  expect([existsSync(place.at('data/old')), statSync(place.at('data/new/f1')).ino]).toEqual([false, ino])
  const { items } = await supervisor.api.call('audit')
  expect(items.find((entry) => entry.action === 'rename')?.detail).toMatch(/^old@.*: to new$/)
})

test('one that is renamed while its worker is away, killed, has its files when the worker is back', async () => {
  const { ino } = statSync(place.at('data/new/f1'))
  const before = (await replica())!.last_sync!.sync_id
  await worker.kill('SIGKILL')
  await cli('replicas', 'rename', 'new', 'other')
  await cli('replicas', 'rename', 'new', 'third')
  worker = await launch()
  expect(await synced(before)).toMatchObject({ name: 'third' })
  expect([existsSync(place.at('data/new')), existsSync(place.at('data/other'))]).toEqual([false, false])
  expect(statSync(place.at('data/third/f1')).ino).toBe(ino)
})

test('a new name that has files is refused by the sync, which says so, and nothing is moved', async () => {
  mkdirSync(place.at('data/taken'))
  writeFileSync(place.at('data/taken/mine'), 'x')
  const before = (await replica())!.last_sync!.sync_id
  await cli('replicas', 'rename', 'third', 'taken')
  expect(await synced(before)).toMatchObject({
    last_sync: {
      outcome: 'failed',
      reason: 'local_conflict',
      message: expect.stringContaining(`because ${place.at('data/taken')} exists; nothing was moved`),
    },
  })
  expect(existsSync(place.at('data/third/f1'))).toBe(true)
  await cli('replicas', 'rename', 'taken', 'third')
  await until('it is fresh', async () => (await replica())?.health === 'fresh')
  expect(existsSync(place.at('data/taken/mine'))).toBe(true)
})

test('a proof of the copy finds a byte that the disk changed, mends it, and says so', async () => {
  const file = place.at('data/third/f3')
  const { atime, mtime } = statSync(file)
  writeFileSync(file, '#\n')
  utimesSync(file, atime, mtime)
  const before = (await replica())!.last_sync!.sync_id
  expect(await cli('replicas', 'verify', 'third')).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('as a whole'),
  })
  expect(await synced(before)).toMatchObject({
    health: 'fresh',
    last_sync: { message: 'every file was compared by its checksum: 1 had other bytes (f3), and were fetched anew' },
  })
  expect(readFileSync(file, 'utf8')).toBe('3\n')
  const { items } = await supervisor.api.call('listSyncs')
  expect(items[0]).toMatchObject({ action: 'verify', trigger: 'manual' })
})

test('what is not kept cannot be restored, and the command says what that needs', async () => {
  expect(await cli('replicas', 'restore', 'third', '20260101T000000Z/heads/main')).toMatchObject({
    code: 5,
    stderr: expect.stringContaining(
      'nothing that the upstream lost is kept of third: that needs keep_history or keep_deleted',
    ),
  })
})

test('a mark says whose files are in the folder, also while another upstream is held', async () => {
  await worker.kill('SIGTERM')
  const declared = (from: string) =>
    startWorker(place, { nats: nats.url, providers: [{ name: 'mine', kind: 'rsync', upstream: from }] })
  worker = await declared(upstream)
  const mine = async () => (await supervisor.api.call('listReplicas', { query: { name: 'mine' } })).items[0]
  await until('it is there', mine)
  await cli('sync', 'mine')
  await until('it has files', async () => (await mine())?.last_success_at)
  await worker.kill('SIGTERM')
  rmSync(place.at('up/files'), { recursive: true })
  writeFiles(place.at('up/files'), { other: 'x' })
  const elsewhere = `${upstream}./`
  worker = await declared(elsewhere)
  await until('the worker is back', async () => (await mine())?.upstream === elsewhere)
  await cli('sync', 'mine')
  await until('it is held', async () => (await mine())?.health === 'held', { seen: () => worker.output() })
  expect(mark('mine')).toMatchObject({ upstream })
  await cli('replicas', 'approve', 'mine')
  await until('it is fresh', async () => (await mine())?.health === 'fresh')
  expect(mark('mine')).toMatchObject({ upstream: elsewhere })
})

test('a branch that the upstream lost is hidden from readers, listed, and given back by command', async () => {
  await worker.kill('SIGTERM')
  const git = (folder: string, ...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=x', '-c', 'user.email=x@example.org', '-C', folder, ...args], {
      encoding: 'utf8',
    }).trim()
  mkdirSync(place.at('repository'))
  git(place.at('repository'), 'init', '-q', '-b', 'main')
  git(place.at('repository'), 'commit', '-q', '--allow-empty', '-m', 'one')
  git(place.at('repository'), 'checkout', '-q', '-b', 'work')
  git(place.at('repository'), 'commit', '-q', '--allow-empty', '-m', 'two')
  const lost = git(place.at('repository'), 'rev-parse', 'work')
  git(place.at('repository'), 'checkout', '-q', 'main')
  worker = await startWorker(place, {
    nats: nats.url,
    providers: [
      {
        name: 'code',
        kind: 'git',
        upstream: `file://${place.at('repository')}`,
        options: { keep_history: 7, max_delete_percent: 100 },
      },
    ],
    env: { KAGAMI_UPSTREAM_ROOTS: JSON.stringify([place.dir]) },
  })
  const code = async () => (await supervisor.api.call('listReplicas', { query: { name: 'code' } })).items[0]
  await until('it is there', code)
  await cli('sync', 'code', '--wait')
  git(place.at('repository'), 'branch', '-q', '-D', 'work')
  await cli('sync', 'code', '--wait')
  const heads = () => git(place.at('data/code'), 'for-each-ref', '--format=%(refname)', 'refs/heads')
  expect(heads()).toBe('refs/heads/main')
  const { stdout } = await cli('replicas', 'kept', 'code')
  const [, id] = /^(\d{8}T\d{6}Z\/heads\/work) /m.exec(stdout) ?? []
  expect(stdout).toContain(lost.slice(0, 12))
  expect(git(place.dir, 'ls-remote', place.at('data/code'))).not.toContain('kagami')
  expect(await cli('replicas', 'restore', 'code', id!)).toMatchObject({ code: 0 })
  await until('it is given back', () => heads().includes('work'), { seen: () => worker.output() })
  expect(git(place.at('data/code'), 'rev-parse', 'refs/heads/work')).toBe(lost)
  await until('it is paused', async () => (await code())?.paused)
  await cli('replicas', 'resume', 'code')
  await cli('sync', 'code', '--wait')
  expect(heads()).toBe('refs/heads/main')
  expect((await cli('replicas', 'verify', 'code')).code).toBe(0)
  await until('it is proved', async () => (await code())?.last_sync?.message?.startsWith('proved: all '))
})

test('after a start with an old document, or none, what is shown is what people decided last', async () => {
  const document = place.at('data/.kagami/desired.json')
  const names = async () => (await supervisor.api.call('listReplicas')).items.map(({ name }) => name)
  const [{ name: workerName } = { name: '' }] = (await supervisor.api.call('listWorkers')).items
  for (const name of ['gone', 'stays']) {
    await cli('replicas', 'add', upstream, '--worker', workerName, '--name', name)
    await until('it is there', async () => (await names()).includes(name))
  }
  await until('the document is kept', () => readFileSync(document, 'utf8').includes('"stays"'))
  const old = readFileSync(document)
  expect(await cli('replicas', 'remove', 'gone', '--yes')).toMatchObject({ code: 0 })
  await until('it is removed', async () => !(await names()).includes('gone'))
  for (const left of [old, Buffer.from('')]) {
    await worker.kill()
    rmSync(`${document}.previous`, { force: true })
    writeFileSync(document, left)
    worker = await launch()
    const shown: string[] = []
    let after = 0
    await until('it has read the present one, and said all', async () => {
      shown.push((await names()).filter((name) => ['gone', 'stays'].includes(name)).join())
      if (!readFileSync(document).equals(left)) after++
      return after > 20
    })
    expect([...new Set(shown)]).toEqual(['stays'])
  }
})

test('a replica that is added while its worker is away is shown at once, also after kill -9', async () => {
  const names = async () => (await supervisor.api.call('listReplicas')).items.map(({ name }) => name)
  const [{ name: workerName } = { name: '' }] = (await supervisor.api.call('listWorkers')).items
  await worker.kill()
  for (const name of ['waits', 'taken-back'])
    expect(await cli('replicas', 'add', upstream, '--worker', workerName, '--name', name)).toMatchObject({ code: 0 })
  expect(await names()).toEqual(expect.arrayContaining(['waits', 'taken-back']))
  expect(await cli('replicas', 'remove', 'taken-back', '--yes')).toMatchObject({ code: 0 })
  await supervisor.kill()
  supervisor = await startSupervisor(place, { nats: nats.url, port: Number(new URL(supervisor.url).port) })
  expect(await names()).toContain('waits')
  expect(await names()).not.toContain('taken-back')
  worker = await launch()
  const known = async () => (await supervisor.api.call('listReplicas', { query: { name: 'waits' } })).items[0]
  await until('its worker has said it', async () => (await known())!.revision_no > 0)
  expect(await cli('sync', 'waits', '--wait')).toMatchObject({ code: 0 })
})
