// refusing-disk.test.ts — The worker's own disk refuses each kind of sync in each way. Real disks, real upstreams, real
// syncs in a program of their own; then a whole worker on such a disk, at work and at start. Needs root, to mount.
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startGitDaemon, startHttpUpstream, startRsyncUpstream, writeFiles } from '@kagami/demo'
import type { SyncReport } from '@kagami/protocol'
import type { NatsServer } from '@kagami/runtime'
import { beforeAll, describe, expect, test } from 'vitest'
import { createDice } from '../harness/dice.ts'
import { fillDisk } from '../harness/own-nats.ts'
import { createPlace, startNats } from '../harness/place.ts'
import { ROOT, startSupervisor, startWorker, type SupervisorProgram } from '../harness/programs.ts'
import { rounds } from '../harness/rounds.ts'
import { until } from '../harness/wait.ts'

const PROGRAM = join(ROOT, 'packages', 'worker', 'src', 'testing', 'sync-program.ts')
/** Root writes everywhere: this takes that right away. */
const WITHOUT_RIGHTS = ['setpriv', '--bounding-set', '-dac_override,-dac_read_search,-fowner,-chown', '--']
const STRANGER = '12345'

interface Harm {
  readonly reasons: readonly string[]
  readonly cure: RegExp
  readonly through?: readonly string[]
  /** Returns what mends it. `disk` is a filesystem of its own with data_dir in it. */
  inflict(disk: string, dataDir: string): () => void
}

const run = (command: string, ...args: string[]) => execFileSync(command, args, { stdio: 'pipe' })

const HARMS: Readonly<Record<string, Harm>> = {
  'no space': {
    reasons: ['disk_full'],
    cure: /[Ff]ree space/,
    inflict(disk) {
      const filling = fillDisk(disk)
      return () => rmSync(filling)
    },
  },
  'no inodes': {
    reasons: ['disk_full'],
    cure: /df -i/,
    inflict(disk) {
      const folder = join(disk, 'filling')
      mkdirSync(folder)
      for (let n = 0, full = false; !full; n++) full = !tryCreate(join(folder, String(n)))
      return () => rmSync(folder, { recursive: true })
    },
  },
  'read-only': {
    reasons: ['disk_error'],
    cure: /mount -o remount,rw/,
    inflict(disk) {
      run('mount', '-o', 'remount,ro', disk)
      return () => run('mount', '-o', 'remount,rw', disk)
    },
  },
  'another owner': {
    // Where files of others cannot be linked, a swap is refused before.
    reasons: ['local_denied', 'local_conflict'],
    cure: /chown -|lsattr|Move it away/,
    through: WITHOUT_RIGHTS,
    inflict(_disk, dataDir) {
      for (const path of refusable(dataDir)) run('chown', '-Rh', STRANGER, path)
      return () => run('chown', '-Rh', '0', dataDir)
    },
  },
}

/** What is published; before a first copy the whole data_dir. */
function refusable(dataDir: string): string[] {
  const found = ['copy', '.generations'].map((name) => join(dataDir, name)).filter((path) => existsSync(path))
  return found.length > 0 ? found : [dataDir]
}

function tryCreate(path: string): boolean {
  try {
    writeFileSync(path, '')
    return true
  } catch {
    return false
  }
}

type Kind = 'rsync' | 'rsync swap' | 'git' | 'http file' | 'http tree'
const KINDS: readonly Kind[] = ['rsync', 'rsync swap', 'git', 'http file', 'http tree']

const dice = createDice()
const all = Object.keys(HARMS).flatMap((harm) =>
  (['first copy', 'update'] as const).flatMap((step) => KINDS.map((kind) => [harm, step, kind] as const)),
)
const chosen = all
  .map((one) => ({ one, rank: dice.whole(0, 1_000_000) }))
  .sort((a, b) => a.rank - b.rank)
  .slice(0, rounds(14, all.length))
  .map(({ one }) => one)

describe.runIf(process.getuid?.() === 0)('a disk that refuses', () => {
  const place = createPlace()
  const urls = new Map<Kind, string>()
  const repository = place.at('git', 'r')

  beforeAll(async () => {
    writeFiles(place.at('www'), contents(0))
    writeFiles(place.at('rsync', 'files'), contents(0))
    mkdirSync(repository, { recursive: true })
    git('init', '-q', '-b', 'main')
    commit(0)
    const web = await startHttpUpstream({ dir: place.at('www'), listings: true })
    const rsync = await startRsyncUpstream({ dir: place.at('rsync') })
    const daemon = await startGitDaemon({ dir: place.at('git') })
    for (const { stop } of [web, rsync, daemon]) place.onEnd(stop)
    urls.set('rsync', rsync.url).set('rsync swap', rsync.url).set('git', `${daemon.url}/r/.git`)
    urls.set('http file', `${web.url}/a`).set('http tree', `${web.url}/`)
  })

  let started: Promise<{ nats: NatsServer; supervisor: SupervisorProgram }> | null = null
  const fleet = () =>
    (started ??= startNats(place).then(async (nats) => ({
      nats,
      supervisor: await startSupervisor(place, { nats: nats.url }),
    })))

  let version = 0
  const contents = (n: number) => ({
    a: `a of ${n}\n`,
    b: `b of ${n} ${'x'.repeat(n)}\n`,
    'd/c': `c of ${n}\n`,
    [`d/new${n}`]: 'n',
  })
  const git = (...args: string[]) =>
    run('git', '-C', repository, '-c', 'user.name=a', '-c', 'user.email=a@example.org', ...args)
  const commit = (n: number) => git('commit', '-q', '--allow-empty', '-m', `version ${n}`)
  const change = () => {
    version++
    for (const dir of [place.at('www'), place.at('rsync', 'files')]) {
      writeFiles(dir, contents(version))
      rmSync(join(dir, `d/new${version - 1}`), { force: true })
    }
    commit(version)
  }

  test.each(chosen)(
    '%s, %s, %s: says whose fault it is, harms nothing, and goes on once mended',
    async (harm, step, kind) => {
      const { reasons, cure, through, inflict } = HARMS[harm]!
      const disk = place.at(`disk-${all.findIndex((one) => one.join() === [harm, step, kind].join())}`)
      mkdirSync(disk)
      run('mount', '-t', 'tmpfs', '-o', 'size=160m,nr_inodes=3000', 'kagami-test', disk)
      const dataDir = join(disk, 'data')
      mkdirSync(dataDir)
      try {
        const sync = (rights: readonly string[] = []) => syncOnce(rights, dataDir, kind, urls.get(kind)!)
        if (step === 'update') expect(await sync()).toMatchObject({ outcome: 'success' })
        change()
        const mend = inflict(disk, dataDir)
        const before = seen(dataDir)
        const report = await sync(through)
        const after = seen(dataDir)
        mend()
        const shown = `seed ${dice.seed}: ${JSON.stringify(report)}`
        expect(report.outcome, shown).toBe('failed')
        expect(reasons, shown).toContain(report.reason)
        expect(report.message, shown).not.toMatch(/fault|ENOENT/)
        expect(report.hint, shown).toMatch(cure)
        expect(after, shown).toEqual(before)
        expect(await sync(), 'once it is mended').toMatchObject({ outcome: 'success' })
        expect(seen(dataDir)).not.toEqual(before)
      } finally {
        run('umount', '-l', disk)
      }
    },
  )

  test('lets deletions go on around a folder the worker may not read, and never calls that a success', async () => {
    const dataDir = place.at('unreadable')
    mkdirSync(dataDir)
    const sync = (rights: readonly string[] = []) => syncOnce(rights, dataDir, 'rsync', urls.get('rsync')!)
    expect(await sync()).toMatchObject({ outcome: 'success' })
    const [disks, foreign] = [join(dataDir, 'copy', 'lost+found'), join(dataDir, 'copy', 'foreign')]
    for (const folder of [disks, foreign]) mkdirSync(folder, { mode: 0o700 })
    writeFileSync(join(foreign, 'inside'), '')
    run('chown', STRANGER, foreign)
    const left = `d/new${version}`
    change()
    const report = await sync(WITHOUT_RIGHTS)
    expect(report, JSON.stringify(report)).toMatchObject({ outcome: 'failed', reason: 'local_denied' })
    expect(report.message).toContain(foreign)
    expect(existsSync(join(dataDir, 'copy', left))).toBe(false)
    expect(await sync(WITHOUT_RIGHTS), 'when nothing else is to do').toMatchObject({ reason: 'local_denied' })
    run('chown', '0', foreign)
    expect(await sync(WITHOUT_RIGHTS)).toMatchObject({ outcome: 'success' })
    expect([existsSync(foreign), existsSync(disks)]).toEqual([false, true])
  })

  test('is proved for every harm, step and kind at full size', ({ task }) => {
    task.meta.figure = `${chosen.length} of ${all.length} cases of harm, step and kind`
    expect(chosen.length).toBeGreaterThan(10)
  })

  test.each(['no space', 'no inodes', 'read-only'])('does not end a worker, at work or at start: %s', async (harm) => {
    const disk = place.at(`worker-${harm.replace(' ', '-')}`)
    mkdirSync(disk)
    run('mount', '-t', 'tmpfs', '-o', 'size=160m,nr_inodes=3000', 'kagami-test', disk)
    place.onEnd(() => run('umount', '-l', disk))
    const { nats, supervisor } = await fleet()
    const name = `small-${harm.replace(' ', '-')}`
    const options = {
      nats: nats.url,
      dir: `worker-${harm.replace(' ', '-')}`,
      env: { KAGAMI_WORKER_ID: `w-${name}`, KAGAMI_DATA_DIR: join(disk, 'data') },
      providers: [{ name, kind: 'http', upstream: urls.get('http file')! }],
    }
    const worker = await startWorker(place, options)
    const { api } = supervisor
    const replica = async () => (await api.call('listReplicas', { query: { name } })).items[0]
    await until('it joined', replica, { seen: worker.output })
    const sync = async (outcome: string, seenBy = worker) => {
      const before = (await replica())?.last_sync?.sync_id
      await api.call('syncResource', { params: { id: name } })
      const ended = async () => {
        const last = (await replica())?.last_sync
        return last && last.sync_id !== before && last.outcome === outcome ? last : null
      }
      return until(`a sync ends as ${outcome}`, ended, { seen: () => seenBy.output().slice(-2000) })
    }
    await sync('success')
    // What did not change needs no disk.
    change()
    const mend = HARMS[harm]!.inflict(disk, join(disk, 'data'))
    expect(HARMS[harm]!.reasons).toContain((await sync('failed')).reason)
    expect(worker.child.exitCode).toBeNull()
    expect(worker.output().match(/cannot be written/g) ?? []).toHaveLength(1)
    await worker.kill()
    const again = await startWorker(place, options)
    expect(HARMS[harm]!.reasons).toContain((await sync('failed', again)).reason)
    expect(again.output()).not.toMatch(/fault in|^ {4}at /m)
    mend()
    await until('what waited is written', () => again.output().includes('can be written again'), {
      seen: again.output,
    })
    await sync('success', again)
    expect(again.child.exitCode).toBeNull()
    await again.kill()
  })
})

/** One sync in a program of its own, which must not end with a stack. */
async function syncOnce(rights: readonly string[], dataDir: string, kind: Kind, upstream: string): Promise<SyncReport> {
  const [name = '', how] = kind.split(' ')
  const spec = {
    replica_id: 'replica-1',
    name: 'copy',
    kind: name,
    upstream,
    interval_secs: null,
    labels: {},
    options: how === 'swap' ? { publish: 'swap' } : {},
    auth: null,
    origin: 'api',
  }
  const [command = '', ...args] = [...rights, process.execPath, PROGRAM, JSON.stringify({ spec, dataDir })]
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let [out, errors] = ['', '']
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()))
  const code = await new Promise((resolve) => child.once('close', resolve))
  expect([code, errors]).toEqual([0, ''])
  return JSON.parse(out.trim().split('\n').at(-1) ?? '{}') as SyncReport
}

/** What readers see: every published file with its content. */
function seen(dataDir: string): string[] {
  const published = join(dataDir, 'copy')
  if (!existsSync(published)) return []
  const files = readdirSync(`${published}/.`, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  )
  return files.map(({ parentPath, name }) => run('sha256sum', join(parentPath, name)).toString()).sort()
}
