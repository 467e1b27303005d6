// power-cut.test.ts — A power cut: copies that were reported as synced are whole, writes that the API confirmed are in
// the database, all of our files can be read, and no report is lost. The cut is simulated by copies of two disk images
// in the middle of syncs, one of worker and supervisor, one of nats-server.
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { randomBytes } from 'node:crypto'
import { DatabaseSync } from 'node:sqlite'
import {
  commit,
  ensureRepository,
  runChild,
  startGitUpstream,
  startHttpUpstream,
  startRsyncUpstream,
  writeFiles,
} from '@kagami/demo'
import { makeNatsLayout, natsServerVersion, startNatsServer, type NatsServer } from '@kagami/runtime'
import { describe, expect, inject, test } from 'vitest'
import { readTree } from '../../packages/worker/src/testing/sandbox.ts'
import { readHistory } from '../harness/ledger.ts'
import { createPlace, type Place } from '../harness/place.ts'
import { startSupervisor, startWorker, runKagami, type SupervisorProgram } from '../harness/programs.ts'
import { rounds } from '../harness/rounds.ts'
import { until } from '../harness/wait.ts'

const CUTS = rounds(3, 27)
const PUBLISH = ['in-place', 'swap'] as const

/** nats-server has its own disk: on a shared one, a flush of another program would also flush its files. */
const DISKS = [
  { disk: 'disk', cut: 'cut', size: '300M' },
  { disk: 'bus', cut: 'bus-cut', size: '100M' },
] as const

/** Mounting an image needs root and a free loop device. */
const canMount = (() => {
  if (process.getuid?.() !== 0) return false
  const found = spawnSync('losetup', ['--find'])
  return found.status === 0 && spawnSync('mkfs.ext4', ['-V']).status === 0
})()

function mount(place: Place, folder: string): void {
  const [image, at] = [place.at(`${folder}.img`), place.at(folder)]
  mkdirSync(at, { recursive: true })
  execFileSync('mount', ['-t', 'ext4', '-o', 'loop', image, at])
  place.onEnd(() => spawnSync('umount', ['-l', at]))
}

/**
 * Copies the images, and returns true when the originals did not change meanwhile: then the copies show both disks at
 * one moment.
 */
function copyImages(place: Place): boolean {
  for (const { disk, cut } of DISKS)
    execFileSync('cp', ['--sparse=always', place.at(`${disk}.img`), place.at(`${cut}.img`)])
  return DISKS.every(
    ({ disk, cut }) => spawnSync('cmp', ['-s', place.at(`${disk}.img`), place.at(`${cut}.img`)]).status === 0,
  )
}

/** The content of the upstreams, one tree for each: path → content, or ref → object. */
type Version = Readonly<Record<string, Readonly<Record<string, string>>>>

async function startUpstreams(place: Place) {
  const names = Array.from({ length: 12 }, (_, index) => `d${index % 3}/f${index}`)
  const repository = place.at('git', 'a.git')
  await ensureRepository(repository)
  for (const folder of [['rsync', 'files'], ['tree'], ['www']]) mkdirSync(place.at(...folder), { recursive: true })
  const servers = {
    git: await startGitUpstream({ dir: place.at('git') }),
    rsync: await startRsyncUpstream({ dir: place.at('rsync') }),
    tree: await startHttpUpstream({ dir: place.at('tree'), listings: true }),
    file: await startHttpUpstream({ dir: place.at('www') }),
  }
  for (const { stop } of Object.values(servers)) place.onEnd(stop)
  const upstreams = {
    git: `${servers.git.url}/a.git`,
    rsync: servers.rsync.url,
    tree: `${servers.tree.url}/`,
    file: `${servers.file.url}/a.iso`,
  }
  const next = async (version: number): Promise<Version> => {
    for (const branch of ['main', 'other'])
      await commit(repository, {
        branch,
        message: `${branch} ${version}`,
        files: { [`${branch}-${version}`]: randomBytes(20_000).toString('hex') },
      })
    // Each version has another length: rsync and web servers see no difference between dates in the same second.
    for (const folder of [place.at('rsync', 'files'), place.at('tree')])
      writeFiles(folder, Object.fromEntries(names.map((name) => [name, randomBytes(20_000 + version)])))
    writeFiles(place.at('www'), { 'a.iso': randomBytes(500_000 + version) })
    return {
      git: await refsOf(repository),
      rsync: readTree(place.at('rsync', 'files')),
      tree: readTree(place.at('tree')),
      file: readTree(place.at('www')),
    }
  }
  return { upstreams, next }
}

/** The refs of a repository. Throws when one of its objects is missing or damaged. */
async function refsOf(repository: string): Promise<Record<string, string>> {
  await runChild('git', ['-c', 'safe.directory=*', `--git-dir=${repository}`, 'fsck', '--full'])
  const refs = await runChild('git', [
    '-c',
    'safe.directory=*',
    `--git-dir=${repository}`,
    'for-each-ref',
    '--format=%(refname) %(objectname)',
  ])
  return Object.fromEntries(
    refs
      .trim()
      .split('\n')
      .map((line) => line.split(' ') as [string, string]),
  )
}

/** Starts nats-server as `kagami up` does, with its store on a disk, and writes the credentials of a supervisor. */
async function natsOn(place: Place, disk: string, layout: Awaited<ReturnType<typeof makeNatsLayout>>) {
  const path = inject('tools').natsNew
  rmSync(place.at(disk, 'nats', 'port'), { force: true })
  let server: NatsServer | null = null
  const starting = startNatsServer({
    dir: place.at(disk, 'nats'),
    binary: { path, version: await natsServerVersion(path) },
    layout,
  }).then((started) => (server = started))
  // With damaged streams nats-server runs, but never becomes healthy.
  const running = await Promise.race([starting, until('nats-server is healthy with what the disk had', () => server)])
  place.onEnd(async () => {
    // A frozen process does not receive SIGTERM.
    process.kill(running.pid, 'SIGCONT')
    await running.stop()
  })
  const credentials = place.at(`${disk}-supervisor.json`)
  writeFileSync(credentials, JSON.stringify({ ...layout.supervisor, url: running.url }), { mode: 0o600 })
  return { ...running, credentials }
}

const supervisorOn = (place: Place, disk: string, credentials: string): Promise<SupervisorProgram> =>
  startSupervisor(place, {
    nats: '',
    db: `sqlite://${place.at(disk, 'supervisor.db')}?mode=rwc`,
    env: { SUPERVISOR_NATS_CREDENTIALS: credentials },
  })

/** Syncs on the disk of a worker: the started ones, by their logs, and the ones whose report was acknowledged. */
function syncsOn(data: string): { started: string[]; acknowledged: string[] } {
  const files = (folder: string, ending: string) =>
    readdirSync(join(data, '.kagami', folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith(ending))
      .map((file) => file.split('/').at(-1)!.slice(0, -ending.length))
  return { started: files('logs', '.log'), acknowledged: files('spool/sent', '.json') }
}

describe.runIf(canMount)('after a power cut', () => {
  const place = createPlace()

  test(`${CUTS} times, synced copies are whole, accepted writes are kept, every report is in the history once`, async ({
    task,
  }) => {
    for (const { disk, size } of DISKS) {
      execFileSync('mkfs.ext4', ['-q', '-F', place.at(`${disk}.img`), size])
      mount(place, disk)
    }
    const { upstreams, next } = await startUpstreams(place)
    const versions = [await next(0)]
    const layout = await makeNatsLayout({ url: 'nats://127.0.0.1', ca: null })
    const nats = await natsOn(place, 'bus', layout)
    const supervisor = await supervisorOn(place, 'disk', nats.credentials)
    const token = (await runKagami(place, ['nats', 'token', '--api', supervisor.url])).stdout.trim()
    const providers = Object.entries(upstreams).flatMap(([form, upstream]) =>
      PUBLISH.map((publish) => ({
        name: `${form}-${publish}`,
        kind: form === 'tree' || form === 'file' ? 'http' : form,
        upstream,
        interval_secs: 86_400,
        options: { publish },
      })),
    )
    const worker = await startWorker(place, {
      nats: nats.url,
      dir: join('disk', 'data'),
      providers,
      env: { KAGAMI_WORKER_ID: 'w-1', KAGAMI_JOIN_TOKEN: token },
    })
    const done = async (after: ReadonlySet<string>) => {
      const { items } = await supervisor.api.call('listReplicas', { query: { worker: 'w-1', limit: 500 } })
      const ours = items.filter(({ name }) => providers.some((provider) => provider.name === name))
      return (
        ours.length === providers.length &&
        ours.every(({ last_sync }) => last_sync?.outcome === 'success' && !after.has(last_sync.sync_id)) &&
        ours
      )
    }
    let reported = await until('all are synced', () => done(new Set()), {
      seen: () => worker.output().slice(-3000),
    })
    const accepted: string[] = []
    let reports = 0
    for (let cut = 1; cut <= CUTS; cut++) {
      versions.push(await next(cut))
      const before = new Set(reported.map(({ last_sync }) => last_sync!.sync_id))
      const acknowledged = new Set(syncsOn(place.at('disk', 'data')).acknowledged)
      await supervisor.api.call('syncWorker', { params: { id: 'w-1' }, body: {} })
      // A third of the cuts come as soon as everything was reported, a third while only the stream has the reports, and
      // the others in the middle of the syncs.
      if (cut % 3 === 1)
        reported = await until('all are synced again', () => done(before), {
          seen: () => worker.output().slice(-3000),
        })
      const added = await supervisor.api.call('addReplica', {
        params: { id: 'w-1' },
        body: { name: `added-${cut}`, kind: 'http', upstream: 'http://127.0.0.1:1/x', interval_secs: 86_400 },
      })
      accepted.push(added.replica_id)
      supervisor.child.kill('SIGSTOP')
      const fresh = () => syncsOn(place.at('disk', 'data')).acknowledged.filter((id) => !acknowledged.has(id)).length
      if (cut % 3 === 2)
        await until('the stream has their reports', () => fresh() >= providers.length, {
          seen: fresh,
        })
      for (const pid of [worker.pid, nats.pid]) process.kill(pid, 'SIGSTOP')
      await until('the images are copied without a change meanwhile', () => copyImages(place))
      for (const pid of [supervisor.pid, worker.pid, nats.pid]) process.kill(pid, 'SIGCONT')
      for (const disk of DISKS) mount(place, disk.cut)
      await expectWhole(place.at('cut', 'data'), versions, cut % 3 === 1 ? versions.length - 1 : versions.length - 2)
      expectSaved(place.at('cut', 'supervisor.db'), accepted)
      reports += await expectReported(place, layout, providers)
      for (const disk of DISKS) {
        execFileSync('umount', [place.at(disk.cut)])
        rmSync(place.at(`${disk.cut}.img`))
      }
      if (cut % 3 !== 1)
        reported = await until('all are synced again', () => done(before), {
          seen: () => worker.output().slice(-3000),
        })
    }
    task.meta.figure =
      `${CUTS} cuts, ${providers.length} copies each whole, ${accepted.length} accepted writes kept, ${reports} ` +
      'reports counted once'
  }, 1_800_000)
})

/**
 * Expects every copy to be the reported version or a later one; in place, each file on its own. All our JSON files must
 * be readable.
 */
async function expectWhole(data: string, versions: readonly Version[], reported: number): Promise<void> {
  for (const form of Object.keys(versions[0]!)) {
    for (const publish of PUBLISH) {
      const folder = join(data, `${form}-${publish}`)
      const found =
        form === 'git'
          ? await refsOf(folder)
          : Object.fromEntries(Object.entries(readTree(folder)).filter(([path]) => !path.includes('.~tmp~/')))
      const allowed = versions.slice(reported).map((version) => version[form]!)
      const what = `${form} ${publish}`
      if (publish === 'swap') expect(allowed, what).toContainEqual(found)
      else
        for (const [name, content] of Object.entries(allowed[0]!))
          expect([content, allowed.at(-1)![name]], `${what}: ${name}`).toContain(found[name])
    }
  }
  const kept = readdirSync(join(data, '.kagami'), { recursive: true, withFileTypes: true }).filter(
    (entry) => entry.isFile() && entry.name.endsWith('.json') && !entry.parentPath.includes('/staging/'),
  )
  for (const entry of kept)
    expect(
      () => JSON.parse(readFileSync(join(entry.parentPath, entry.name), 'utf8')) as unknown,
      entry.name,
    ).not.toThrow()
}

/**
 * Starts the fleet on the copied disks, and expects acknowledged reports to be in the history without the worker, and
 * every sync that was started to be in it with the worker. Returns the number of syncs.
 */
async function expectReported(
  place: Place,
  layout: Awaited<ReturnType<typeof makeNatsLayout>>,
  providers: readonly object[],
): Promise<number> {
  const { started, acknowledged } = syncsOn(place.at('cut', 'data'))
  const nats = await natsOn(place, 'bus-cut', layout)
  const supervisor = await supervisorOn(place, 'cut', nats.credentials)
  const missing = async (of: readonly string[]) => {
    const history = await readHistory(supervisor.api)
    return of.filter((id) => !history.has(id))
  }
  // Reports that the stream sent to the previous supervisor are sent again only half a minute later, when its time to
  // acknowledge is over.
  const expectInHistory = (what: string, of: readonly string[]) =>
    until(what, async () => (await missing(of)).length === 0, {
      seen: async () => ({ missing: await missing(of), supervisor: supervisor.output().slice(-1500) }),
    })
  await expectInHistory('the history has what the stream acknowledged', acknowledged)
  const worker = await startWorker(place, {
    nats: nats.url,
    dir: join('cut', 'data'),
    providers,
    env: { KAGAMI_WORKER_ID: 'w-1' },
  })
  await expectInHistory('the history has every sync that was started', started)
  for (const program of [worker, supervisor]) await program.kill()
  await nats.stop()
  return started.length
}

function expectSaved(file: string, accepted: readonly string[]): void {
  const database = new DatabaseSync(file)
  try {
    const record = database
      .prepare('SELECT record FROM workers')
      .all()
      .map((row) => String(row['record']))
      .join('\n')
    for (const id of accepted) expect(record).toContain(id)
    expect(database.prepare('PRAGMA integrity_check').get()?.['integrity_check']).toBe('ok')
  } finally {
    database.close()
  }
}
