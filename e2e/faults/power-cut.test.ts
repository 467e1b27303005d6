// power-cut.test.ts — The power goes: what was reported as synced is there whole, what the API said yes to is in the database, and every file of ours can be read. A disk image, copied in the middle of syncs, stands for the cut.
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { randomBytes } from 'node:crypto'
import { DatabaseSync } from 'node:sqlite'
import { commit, ensureRepository, runChild, startGitUpstream, startHttpUpstream, startRsyncUpstream, writeFiles } from '@kagami/demo'
import { describe, expect, test } from 'vitest'
import { readTree } from '../../packages/worker/src/providers/testing.ts'
import { aNats, aPlace, type Place } from '../harness/place.ts'
import { aSupervisor, aWorker } from '../harness/programs.ts'
import { rounds } from '../harness/rounds.ts'
import { until } from '../harness/wait.ts'

const CUTS = rounds(2, 25)
const PUBLISH = ['in-place', 'swap'] as const

/** Mounting an image needs root and a free loop device. */
const canMount = (() => {
  if (process.getuid?.() !== 0) return false
  const found = spawnSync('losetup', ['--find'])
  return found.status === 0 && spawnSync('mkfs.ext4', ['-V']).status === 0
})()

function mount(place: Place, image: string, folder: string): void {
  mkdirSync(folder, { recursive: true })
  execFileSync('mount', ['-t', 'ext4', '-o', 'loop', image, folder])
  place.also(() => spawnSync('umount', ['-l', folder]))
}

/** Copies an image and says whether it was the same before and after: then the copy is what the disk had at one moment, and not a bit of this and a bit of that. */
function copiedAtOnce(image: string, copy: string): boolean {
  execFileSync('cp', ['--sparse=always', image, copy])
  return spawnSync('cmp', ['-s', image, copy]).status === 0
}

/** What the upstreams have, one tree a kind: path → content, or ref → object. */
type Version = Readonly<Record<string, Readonly<Record<string, string>>>>

async function startUpstreams(place: Place) {
  const names = Array.from({ length: 12 }, (_, index) => `d${index % 3}/f${index}`)
  const repository = place.at('git', 'a.git')
  await ensureRepository(repository)
  for (const folder of [['rsync', 'files'], ['tree'], ['www']]) mkdirSync(place.at(...folder), { recursive: true })
  const servers = { git: await startGitUpstream({ dir: place.at('git') }), rsync: await startRsyncUpstream({ dir: place.at('rsync') }), tree: await startHttpUpstream({ dir: place.at('tree'), listings: true }), file: await startHttpUpstream({ dir: place.at('www') }) }
  for (const { stop } of Object.values(servers)) place.also(stop)
  const upstreams = { git: `${servers.git.url}/a.git`, rsync: servers.rsync.url, tree: `${servers.tree.url}/`, file: `${servers.file.url}/a.iso` }
  const next = async (version: number): Promise<Version> => {
    for (const branch of ['main', 'other']) await commit(repository, { branch, message: `${branch} ${version}`, files: { [`${branch}-${version}`]: randomBytes(20_000).toString('hex') } })
    // Each version has its own length: dates of one second are equal to rsync and to web servers.
    for (const folder of [place.at('rsync', 'files'), place.at('tree')]) writeFiles(folder, Object.fromEntries(names.map((name) => [name, randomBytes(20_000 + version)])))
    writeFiles(place.at('www'), { 'a.iso': randomBytes(500_000 + version) })
    return { git: await refsOf(repository), rsync: readTree(place.at('rsync', 'files')), tree: readTree(place.at('tree')), file: readTree(place.at('www')) }
  }
  return { upstreams, next }
}

/** Refs of a repository all of whose objects are there and whole. */
async function refsOf(repository: string): Promise<Record<string, string>> {
  await runChild('git', ['-c', 'safe.directory=*', `--git-dir=${repository}`, 'fsck', '--full'])
  const refs = await runChild('git', ['-c', 'safe.directory=*', `--git-dir=${repository}`, 'for-each-ref', '--format=%(refname) %(objectname)'])
  return Object.fromEntries(refs.trim().split('\n').map((line) => line.split(' ') as [string, string]))
}

describe.runIf(canMount)('after a power cut', () => {
  const place = aPlace()

  test(`${CUTS} times, what was reported as synced is there whole, and what the API said yes to is in the database`, async ({ task }) => {
    execFileSync('mkfs.ext4', ['-q', '-F', place.at('disk.img'), '300M'])
    mount(place, place.at('disk.img'), place.at('disk'))
    const { upstreams, next } = await startUpstreams(place)
    const versions = [await next(0)]
    const nats = await aNats(place)
    const supervisor = await aSupervisor(place, { nats: nats.url, db: `sqlite://${place.at('disk', 'supervisor.db')}?mode=rwc` })
    const providers = Object.entries(upstreams).flatMap(([form, upstream]) => PUBLISH.map((publish) => ({ name: `${form}-${publish}`, kind: form === 'tree' || form === 'file' ? 'http' : form, upstream, interval_secs: 86_400, options: { publish } })))
    const worker = await aWorker(place, { nats: nats.url, dir: join('disk', 'data'), providers, env: { KAGAMI_WORKER_ID: 'w-1' } })
    const done = async (after: ReadonlySet<string>) => {
      const { items } = await supervisor.api.call('listReplicas', { query: { worker: 'w-1', limit: 500 } })
      const ours = items.filter(({ name }) => providers.some((provider) => provider.name === name))
      return ours.length === providers.length && ours.every(({ last_sync }) => last_sync?.outcome === 'success' && !after.has(last_sync.sync_id)) && ours
    }
    let reported = await until('all are synced', () => done(new Set()), { timeoutMs: 60_000, seen: () => worker.output().slice(-3000) })
    const accepted: string[] = []
    for (let cut = 1; cut <= CUTS; cut++) {
      versions.push(await next(cut))
      await supervisor.api.call('syncWorker', { params: { id: 'w-1' }, body: {} })
      const before = new Set(reported.map(({ last_sync }) => last_sync!.sync_id))
      // Every other cut comes as soon as all was reported, the others in the middle of the next syncs.
      if (cut % 2 === 1) reported = await until('all are synced again', () => done(before), { timeoutMs: 60_000, seen: () => worker.output().slice(-3000) })
      const added = await supervisor.api.call('addReplica', { params: { id: 'w-1' }, body: { name: `added-${cut}`, kind: 'http', upstream: 'http://127.0.0.1:1/x', interval_secs: 86_400 } })
      accepted.push(added.replica_id)
      for (const { child } of [supervisor, worker]) child.kill('SIGSTOP')
      await until('the image was copied as it was at one moment', () => copiedAtOnce(place.at('disk.img'), place.at('cut.img')))
      for (const { child } of [supervisor, worker]) child.kill('SIGCONT')
      mount(place, place.at('cut.img'), place.at('cut'))
      await expectWhole(place.at('cut', 'data'), versions, cut % 2 === 1 ? versions.length - 1 : versions.length - 2)
      expectRemembered(place.at('cut', 'supervisor.db'), accepted)
      execFileSync('umount', [place.at('cut')])
      rmSync(place.at('cut.img'))
      if (cut % 2 === 0) reported = await until('all are synced again', () => done(before), { timeoutMs: 60_000, seen: () => worker.output().slice(-3000) })
    }
    task.meta.figure = `${CUTS} cuts, ${providers.length} copies each whole, ${accepted.length} accepted writes kept`
  }, 900_000)
})

/** Every copy is the version that was reported, or one further; in place each file is by itself. Whatever we keep as JSON can be read. */
async function expectWhole(data: string, versions: readonly Version[], reported: number): Promise<void> {
  for (const form of Object.keys(versions[0]!)) {
    for (const publish of PUBLISH) {
      const folder = join(data, `${form}-${publish}`)
      const found = form === 'git' ? await refsOf(folder) : Object.fromEntries(Object.entries(readTree(folder)).filter(([path]) => !path.includes('.~tmp~/')))
      const allowed = versions.slice(reported).map((version) => version[form]!)
      const what = `${form} ${publish}`
      if (publish === 'swap') expect(allowed, what).toContainEqual(found)
      else for (const [name, content] of Object.entries(allowed[0]!)) expect([content, allowed.at(-1)![name]], `${what}: ${name}`).toContain(found[name])
    }
  }
  const kept = readdirSync(join(data, '.kagami'), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile() && entry.name.endsWith('.json') && !entry.parentPath.includes('/staging/'))
  for (const entry of kept) expect(() => JSON.parse(readFileSync(join(entry.parentPath, entry.name), 'utf8')) as unknown, entry.name).not.toThrow()
}

function expectRemembered(file: string, accepted: readonly string[]): void {
  const database = new DatabaseSync(file)
  try {
    const record = database.prepare('SELECT record FROM workers').all().map((row) => String(row['record'])).join('\n')
    for (const id of accepted) expect(record).toContain(id)
    expect(database.prepare('PRAGMA integrity_check').get()?.['integrity_check']).toBe('ok')
  } finally {
    database.close()
  }
}
