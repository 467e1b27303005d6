// hints.test.ts — Every reason a sync can have for not succeeding: the failure is made, its hint is followed to the
// letter, and the next sync succeeds.
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { failures, type FailureReason, type SyncReport } from '@kagami/protocol'
import { freePort, type Credentials } from '@kagami/demo'
import { describe, expect, test } from 'vitest'
import { FILES, serveKind, type Kind, type Served } from './testing/kinds.ts'
import { sandboxForEach } from './testing/kills.ts'
import { startStallingProxy, type Sandbox, type SyncCall } from './testing/sandbox.ts'

let sandbox: Sandbox
const stops = sandboxForEach((fresh) => (sandbox = fresh))
const root = join(import.meta.dirname, '../../..')
const BOB = { username: 'bob', password: 'correct-horse-battery' }
const UP = () => join(sandbox.dir, 'up')
let served: Served
const serve = async (kind: Kind, auth?: Credentials) => (served = await serveKind(kind, { up: UP(), auth, stops }))

/** A failure and its cure: what is asked first, and then, once what the hint says was done. */
interface Trial {
  readonly kinds: readonly Kind[]
  /** The words of the hint that are followed. */
  readonly says: string
  /** Makes a sync that fails for the reason. */
  readonly fail: (kind: Kind) => Promise<SyncReport>
  /** Does what the hint says, and syncs. */
  readonly follow: (report: SyncReport, kind: Kind) => Promise<SyncReport>
}

const ALL: readonly Kind[] = ['rsync', 'http tree', 'http file', 'git']
const TREES: readonly Kind[] = ['rsync', 'http tree']
let call: SyncCall

/** Fails with these changes to the call of a running upstream, and is cured without them. */
const withoutMistake = (says: string, mistake: (call: SyncCall) => Partial<SyncCall>, kinds = ALL): Trial => ({
  kinds,
  says,
  async fail(kind) {
    call = (await serve(kind)).call
    return sandbox.sync({ ...call, ...mistake(call) })
  },
  follow: () => sandbox.sync(call),
})

/** Syncs once, then again after `happen`; cured by `follow`. */
const afterwards = (trial: Omit<Trial, 'fail'> & { happen: (kind: Kind) => unknown; files?: boolean }): Trial => ({
  ...trial,
  async fail(kind) {
    call = (await serve(kind)).call
    const first = await sandbox.sync(call)
    expect(first).toMatchObject({ outcome: 'success' })
    await trial.happen(kind)
    return sandbox.sync({ ...call, ...(trial.files ? { files: first.files } : {}) })
  },
})

const approved = ({ hold }: SyncReport) => sandbox.sync({ ...call, task: { type: 'sync', approved: hold!.removed } })
const aborted = (why: string) => {
  const stop = new AbortController()
  stop.abort(why)
  return { signal: stop.signal }
}
const emptied = () => {
  for (const name of readdirSync(join(UP(), 'files'))) rmSync(join(UP(), 'files', name))
}
const thinned = () => {
  for (const name of readdirSync(join(UP(), 'files')).slice(2)) rmSync(join(UP(), 'files', name))
}
const awayAndBack = (says: string, follow: (away: string) => Promise<SyncReport>): Trial => {
  const away = () => join(sandbox.dir, 'away')
  return afterwards({
    kinds: ALL,
    says,
    files: true,
    happen: () => renameSync(sandbox.published, away()),
    follow: () => follow(away()),
  })
}
/** An upstream that sends the beginning of a file alone ends the connection, which is another failure. */
const slowly = (says: string, options: Record<string, number>): Trial => ({
  kinds: ['rsync', 'http tree', 'git'],
  says,
  async fail(kind) {
    call = (await serve(kind)).call
    const proxy = await startStallingProxy(served.upstream.port, 100)
    stops.push(proxy.stop)
    const behind = call.upstream.replace(`:${served.upstream.port}`, `:${proxy.port}`)
    return sandbox.sync({ ...call, upstream: behind, options })
  },
  follow: () => sandbox.sync(call),
})
const foreign = (says: string, follow: Trial['follow']): Trial => ({
  kinds: TREES,
  says,
  async fail(kind) {
    call = (await serve(kind)).call
    cpSync(join(UP(), 'files'), sandbox.published, { recursive: true, preserveTimestamps: true })
    return sandbox.sync(call)
  },
  follow,
})

/** Proved where the failure needs a disk, a user or a program of its own. */
interface Elsewhere {
  readonly file: string
  readonly title: string
}

const ON_A_DISK = {
  file: 'e2e/disks/refusing-disk.test.ts',
  title: 'says whose fault it is, harms nothing, and goes on',
}

const TRIALS: Record<FailureReason, readonly (Trial | Elsewhere)[]> = {
  upstream_unreachable: [
    {
      kinds: ALL,
      says: 'Check the address, and the network between worker and upstream.',
      async fail(kind) {
        call = (await serve(kind)).call
        return sandbox.sync({
          ...call,
          upstream: call.upstream.replace(`:${served.upstream.port}`, `:${await freePort()}`),
        })
      },
      follow: () => sandbox.sync(call),
    },
  ],
  upstream_refused: [
    {
      kinds: ['http file'],
      says: 'It may be overloaded, or not allow this worker.',
      async fail(kind) {
        call = (await serve(kind)).call
        served.refuse(500)
        return sandbox.sync(call)
      },
      follow() {
        served.refuse(null)
        return sandbox.sync(call)
      },
    },
  ],
  upstream_missing: [
    withoutMistake('Check the path, module or repository name', ({ upstream }) => ({
      upstream: upstream.replace(/(:\d+)\/.*$/, '$1/moved'),
    })),
  ],
  upstream_empty: [
    afterwards({ kinds: TREES, says: 'kagami replicas approve NAME@WORKER', happen: emptied, follow: approved }),
  ],
  auth_rejected: [
    {
      kinds: ALL,
      says: 'Give it working credentials: kagami replicas edit NAME@WORKER --username USER',
      async fail(kind) {
        const auth = { type: 'basic', ...BOB } as const
        call = { ...(await serve(kind, BOB)).call, auth }
        expect(await sandbox.sync(call)).toMatchObject({ outcome: 'success' })
        return sandbox.sync({ ...call, auth: { ...auth, password: 'rotated' } })
      },
      async follow() {
        const edited = await sandbox.sync(call)
        expect(edited.bytes ?? 0).toBeLessThan(10_000)
        return edited
      },
    },
    {
      file: 'e2e/scenarios/secrets.test.ts',
      title: 'what is said of a wrong or missing one leads to a sync that succeeds',
    },
  ],
  timed_out: [slowly('The limits are time_limit_secs and timeout_secs among the options', { time_limit_secs: 1 })],
  cancelled: [withoutMistake('Start it again when you want to: kagami sync NAME@WORKER.', () => aborted('cancelled'))],
  interrupted: [withoutMistake('Nothing to do: it is synced again.', () => aborted('interrupted'))],
  disk_full: [
    ON_A_DISK,
    { file: 'e2e/faults/worker-disk-full.test.ts', title: 'reports that the disk was full, syncs once there is space' },
  ],
  tool_missing: [
    {
      kinds: ['rsync', 'git'],
      says: 'Install it on the worker.',
      async fail(kind) {
        call = (await serve(kind)).call
        const path = process.env['PATH']
        process.env['PATH'] = '/nonexistent'
        return sandbox.sync(call).finally(() => (process.env['PATH'] = path))
      },
      follow: () => sandbox.sync(call),
    },
  ],
  content_invalid: [
    {
      kinds: ['http file'],
      says: 'See the log for what was wrong.',
      async fail(kind) {
        call = (await serve(kind)).call
        const digest = createHash('sha256').update(FILES['f1']!).digest('hex')
        call = { ...call, options: { checksum: `sha256:${digest}` } }
        writeFileSync(join(UP(), 'files/f1'), 'damaged')
        return sandbox.sync(call)
      },
      follow(report) {
        expect(sandbox.log(report)).toContain('sha256')
        writeFileSync(join(UP(), 'files/f1'), FILES['f1']!)
        return sandbox.sync(call)
      },
    },
  ],
  local_conflict: [
    {
      kinds: ALL,
      says: 'Move it away, or choose another name.',
      async fail(kind) {
        call = (await serve(kind)).call
        writeFileSync(sandbox.published, 'not a folder')
        return sandbox.sync(call)
      },
      async follow() {
        expect(await sandbox.sync({ ...call, name: 'another', replicaId: 'r2' })).toMatchObject({ outcome: 'success' })
        renameSync(sandbox.published, join(sandbox.dir, 'moved'))
        return sandbox.sync(call)
      },
    },
  ],
  kind_unknown: [withoutMistake('Add kind and upstream in worker.toml.', () => ({ kind: 'unknown' }))],
  partial: [
    {
      kinds: ['http tree'],
      says: 'It is tried again; what could not be read was not taken for gone.',
      async fail(kind) {
        call = (await serve(kind)).call
        expect(await sandbox.sync(call)).toMatchObject({ outcome: 'success' })
        writeFileSync(join(UP(), 'files/new'), 'new')
        rmSync(join(UP(), 'files/f1'))
        served.refuse(500)
        return sandbox.sync(call)
      },
      follow() {
        expect(existsSync(join(sandbox.published, 'f1'))).toBe(true)
        served.refuse(null)
        return sandbox.sync(call)
      },
    },
  ],
  too_many_deletions: [
    afterwards({
      kinds: TREES,
      says: 'If it is right: kagami replicas approve NAME@WORKER.',
      happen: thinned,
      follow: approved,
    }),
    afterwards({
      kinds: TREES,
      says: 'The limits are the options max_delete_percent and max_shrink_percent (in worker.toml, or kagami',
      happen: thinned,
      follow: () => sandbox.sync({ ...call, options: { max_delete_percent: 100, max_shrink_percent: 100 } }),
    }),
  ],
  missing_disk: [
    awayAndBack('Mount the disk: the next sync goes on as before.', async (away) => {
      renameSync(away, sandbox.published)
      const report = await sandbox.sync(call)
      expect(report.bytes ?? 0).toBeLessThan(10_000)
      return report
    }),
    awayAndBack('kagami replicas approve NAME@WORKER fetches them anew.', () =>
      sandbox.sync({ ...call, files: 12, task: { type: 'sync', approved: 12 } }),
    ),
  ],
  foreign_files: [
    foreign('kagami replicas adopt NAME@WORKER', approved),
    foreign('If not: choose another name', () => sandbox.sync({ ...call, name: 'another', replicaId: 'r2' })),
    foreign('or move the folder away', () => {
      renameSync(sandbox.published, join(sandbox.dir, 'moved'))
      return sandbox.sync(call)
    }),
  ],
  stalled: [slowly('The limit is the option stall_secs (in worker.toml, or kagami replicas edit', { stall_secs: 1 })],
  quota_exceeded: [
    {
      kinds: TREES,
      says: 'Or exclude more of the upstream.',
      async fail(kind) {
        call = (await serve(kind)).call
        writeFileSync(join(UP(), 'files/large'), Buffer.alloc(2 * 1024 ** 2))
        const report = await sandbox.sync({ ...call, options: { quota_mib: 1 } })
        expect(report.message).toContain('quota')
        return report
      },
      async follow(_report, kind) {
        const without = { quota_mib: 1, exclude: ['large'] }
        expect(await sandbox.sync({ ...call, options: without })).toMatchObject({ outcome: 'success' })
        expect(existsSync(join(sandbox.published, 'large')), kind).toBe(false)
        return sandbox.sync({ ...call, options: { quota_mib: 10 } })
      },
    },
    withoutMistake(
      'Raise the option that the message names (quota_mib, max_files',
      () => ({ options: { max_files: 3 } }),
      ['http tree'],
    ),
  ],
  address_forbidden: [
    withoutMistake('nor with upstream_policy = "public-only"', () => ({ publicOnly: true })),
    {
      kinds: ['rsync', 'git'],
      says: 'Folders of the worker itself are mirrored only below upstream_roots',
      async fail(kind) {
        await serve(kind)
        call = { kind, upstream: `file://${join(UP(), kind === 'git' ? 'a.git' : 'files')}` }
        return sandbox.sync(call)
      },
      follow: () => sandbox.sync({ ...call, upstreamRoots: [UP()] }),
    },
    { file: 'packages/worker/src/sync/peers.test.ts', title: 'may become private where the replica allows it' },
  ],
  invalid_options: [
    withoutMistake('Correct the option that the message names: in worker.toml, or kagami replicas edit', () => ({
      options: { nonsense: 1 },
    })),
  ],
  local_denied: [ON_A_DISK],
  disk_error: [ON_A_DISK],
  unknown: [{ file: 'packages/worker/src/programs/command.test.ts', title: 'that is killed says so with what to do' }],
}

describe.each(Object.entries(TRIALS))('the hint of %s', (reason, trials) => {
  for (const trial of trials) {
    if ('title' in trial) {
      test(`is followed by a test with parts of its own: ${trial.title}`, () => {
        expect(readFileSync(join(root, trial.file), 'utf8')).toContain(trial.title)
      })
      continue
    }
    test.each(trial.kinds)(`"${trial.says}" leads to a sync that succeeds: %s`, async (kind) => {
      mkdirSync(UP(), { recursive: true })
      const report = await trial.fail(kind)
      expect(report, JSON.stringify(report)).toMatchObject({ reason })
      expect(report.outcome).not.toBe('success')
      expect(report.hint).toBe(failures[reason as FailureReason].hint)
      expect(report.hint).toContain(trial.says)
      const cured = await trial.follow(report, kind)
      expect(cured, JSON.stringify(cured)).toMatchObject({ outcome: 'success', reason: null })
    })
  }
})
