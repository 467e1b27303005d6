// run.test.ts — One sync: whose folder it may touch, how it is reported, and that being killed never leaves a false
// mirror.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { commit, ensureRepository, runChild, startGitUpstream, startHttpUpstream, writeFiles } from '@kagami/demo'
import { checkFor, SyncReport } from '@kagami/protocol'
import { describe, expect, it, vi } from 'vitest'
import { readTree, type Sandbox } from '../testing/sandbox.ts'
import { containment } from '../programs/start.ts'
import { findMarked } from '../programs/orphans.ts'
import { sandboxForEach, killAfter } from '../testing/kills.ts'
import { PATIENCE } from '../testing/patience.ts'
import { prepareWorkspace } from '../tree/workspace.ts'

let sandbox: Sandbox
const stops = sandboxForEach((fresh) => (sandbox = fresh))

async function serveFile() {
  writeFiles(join(sandbox.dir, 'up'), { 'a.txt': 'hello\n' })
  const upstream = await startHttpUpstream({ dir: join(sandbox.dir, 'up') })
  stops.push(upstream.stop)
  return { kind: 'http', upstream: `${upstream.url}/a.txt` }
}

describe('the folder of a mirror', () => {
  it('that was there before is not touched, unless it may be taken over', async () => {
    const call = await serveFile()
    writeFiles(sandbox.published, { mine: 'mine\n' })
    const report = await sandbox.sync(call)
    expect(report).toMatchObject({ outcome: 'held', reason: 'foreign_files' })
    expect(readTree(sandbox.dataDir)).toEqual({ [join('copy', 'mine')]: 'mine\n', ...logsOf() })
    expect(await sandbox.sync({ ...call, adoptExisting: true })).toMatchObject({ outcome: 'success' })
  })

  it('is kept for a replica that is removed and added again', async () => {
    const call = await serveFile()
    await sandbox.sync(call)
    expect(await sandbox.sync({ ...call, replicaId: 'added-again' })).toMatchObject({ outcome: 'success' })
    writeFiles(join(sandbox.dir, 'up'), { 'b.txt': 'bye\n' })
    const other = call.upstream.replace('a.txt', 'b.txt')
    expect(await sandbox.sync({ ...call, replicaId: 'other', upstream: other })).toMatchObject({
      outcome: 'held',
      reason: 'foreign_files',
    })
  })

  it('follows its replica to another address', async () => {
    const call = await serveFile()
    await sandbox.sync(call)
    writeFiles(join(sandbox.dir, 'up'), { 'b.txt': 'bye\n' })
    expect(await sandbox.sync({ ...call, upstream: call.upstream.replace('a.txt', 'b.txt') })).toMatchObject({
      outcome: 'success',
    })
    expect(readTree(sandbox.published)).toEqual({ 'b.txt': 'bye\n' })
  })

  it('is not shared by two names that differ in case', async () => {
    const call = await serveFile()
    await sandbox.sync({ ...call, name: 'debian' })
    expect(await sandbox.sync({ ...call, name: 'Debian', replicaId: 'other' })).toMatchObject({
      reason: 'local_conflict',
    })
  })

  it('is never a link to another place', async () => {
    mkdirSync(join(sandbox.dir, 'outside'))
    symlinkSync(join(sandbox.dir, 'outside'), sandbox.published)
    expect(await sandbox.sync(await serveFile())).toMatchObject({ reason: 'local_conflict' })
    expect(readTree(join(sandbox.dir, 'outside'))).toEqual({})
  })

  it('lies below data_dir whatever the name says', async () => {
    const call = await serveFile()
    for (const name of ['../x', '/etc/x', '..', 'a/b'])
      expect((await sandbox.sync({ ...call, name })).outcome).toBe('failed')
    expect(existsSync(join(sandbox.dir, 'x'))).toBe(false)
  })
})

function logsOf(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(readTree(sandbox.dataDir)).filter(([path]) => path.startsWith('.kagami/logs')),
  )
}

describe('the report of a sync', () => {
  it('fits the contract, and says what to do next', async () => {
    const call = await serveFile()
    for (const report of [
      await sandbox.sync(call),
      await sandbox.sync({ ...call, upstream: `${call.upstream}.gone` }),
      await sandbox.sync({ ...call, kind: 'unheard-of' }),
    ]) {
      expect(checkFor(SyncReport).ok(report)).toBe(true)
      expect(report.hint === null).toBe(report.outcome === 'success')
    }
  })

  it('says that a kind is unknown', async () => {
    expect(await sandbox.sync({ kind: 'constructor', upstream: 'x' })).toMatchObject({
      outcome: 'failed',
      reason: 'kind_unknown',
    })
  })

  it('says that the worker stopped', async () => {
    expect(await sandbox.sync({ ...(await serveFile()), signal: AbortSignal.abort('interrupted') })).toMatchObject({
      outcome: 'interrupted',
      reason: 'interrupted',
    })
  })

  it('is made even where no log can be written, and says so', async () => {
    const call = await serveFile()
    mkdirSync(join(sandbox.dataDir, '.kagami'))
    writeFileSync(join(sandbox.dataDir, '.kagami', 'logs'), '')
    const message = expect.stringMatching(/^the log of this sync is not whole: .*\.kagami\/logs/) as string
    expect(await sandbox.sync(call)).toMatchObject({ outcome: 'success', message })
  })
})

describe('progress', () => {
  it('is shown at the start and at the end of a sync', async () => {
    const phases: string[] = []
    await sandbox.sync({ ...(await serveFile()), onProgress: (progress) => phases.push(progress.phase) })
    expect(phases[0]).toBe('preparing')
    expect(phases.at(-1)).toBe('publishing')
  })
})

describe('a worker that is killed', () => {
  const DELAYS = [0, 5, 10, 20, 30, 40, 60, 80, 110, 150, 200, 300]

  it('in its first git sync leaves no empty mirror, and the next sync is right', async () => {
    const repository = join(sandbox.dir, 'up', 'a.git')
    await ensureRepository(repository)
    for (let number = 0; number < 20; number++)
      await commit(repository, {
        branch: `b${number}`,
        message: 'x',
        files: { [`f${number}`]: 'x'.repeat(50_000 + number) },
      })
    const upstream = await startGitUpstream({ dir: join(sandbox.dir, 'up') })
    stops.push(upstream.stop)
    const refs = (gitDir: string) => runChild('git', [`--git-dir=${gitDir}`, 'for-each-ref'])
    const wanted = await refs(repository)
    for (const [round, delay] of DELAYS.entries()) {
      const name = `copy${round}`
      const call = { kind: 'git', upstream: `${upstream.url}/a.git`, name, replicaId: name }
      await killAfter(delay, sandbox.dataDir, { ...call, replica_id: name })
      if (containment().level === 'namespace')
        await vi.waitFor(() => expect(findMarked(`${sandbox.dataDir}:`)).toEqual([]), PATIENCE)
      if (existsSync(join(sandbox.dataDir, name))) expect(await refs(join(sandbox.dataDir, name))).toBe(wanted)
      expect(await sandbox.sync(call)).toMatchObject({ outcome: 'success', files: 20 })
      expect(await refs(join(sandbox.dataDir, name))).toBe(wanted)
    }
  })
})

describe('the start of a worker', () => {
  it('kills what an earlier one left running, removes half files and keeps what a sync can use', async () => {
    mkdirSync(join(sandbox.dataDir, '.kagami/staging/known'), { recursive: true })
    mkdirSync(join(sandbox.dataDir, '.kagami/staging/stranger'), { recursive: true })
    mkdirSync(join(sandbox.dataDir, '.kagami/trees'), { recursive: true })
    writeFileSync(join(sandbox.dataDir, '.kagami/trees/x.json.tmp'), '')
    const left = spawn('sleep', ['1000'], { env: { PATH: process.env.PATH, KAGAMI_RUN: `${sandbox.dataDir}:1` } })
    await once(left, 'spawn')
    await vi.waitFor(() => expect(findMarked(`${sandbox.dataDir}:`)).toEqual([left.pid]), PATIENCE)
    expect(prepareWorkspace(sandbox.dataDir, new Set(['known']))).toEqual({ orphans: 1, strangers: ['stranger'] })
    await vi.waitFor(() => expect(left.signalCode).toBe('SIGKILL'), PATIENCE)
    expect(existsSync(join(sandbox.dataDir, '.kagami/staging/stranger'))).toBe(true)
    expect(existsSync(join(sandbox.dataDir, '.kagami/trees/x.json.tmp'))).toBe(false)
  })
})
