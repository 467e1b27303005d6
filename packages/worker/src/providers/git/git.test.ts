// git.test.ts — The kind git: conformance, and what only git can break.
import { randomBytes } from 'node:crypto'
import { chmodSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { commit, ensureRepository, runChild, startGitDaemon, startGitUpstream, startHttpUpstream } from '@kagami/demo'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Subject } from '../../testing/conformance-stage.ts'
import { providerConformance } from '../../testing/conformance.ts'
import { createSandbox, type Sandbox } from '../../testing/sandbox.ts'

const git = (repository: string, ...args: string[]) => runChild('git', [`--git-dir=${repository}`, ...args])
const refsOf = (repository: string) => git(repository, 'for-each-ref', '--format=%(objectname) %(refname)')

async function makeRepository(repository: string): Promise<void> {
  await ensureRepository(repository)
  const files = Object.fromEntries([0, 1, 2].map((number) => [`noise-${number}`, randomBytes(100_000).toString('hex')]))
  await commit(repository, { message: 'first', files })
  await commit(repository, { message: 'second', branch: 'old', files: { 'b.txt': 'b\n' } })
  await git(repository, 'tag', '-a', '-m', 'one', 'v1', 'main').catch(() => git(repository, 'tag', 'v1', 'main'))
}

async function expectSame(repository: string, published: string): Promise<void> {
  expect(await refsOf(published)).toBe(await refsOf(repository))
  expect(readFileSync(join(published, 'HEAD'), 'utf8')).toBe(readFileSync(join(repository, 'HEAD'), 'utf8'))
  await git(published, 'fsck', '--full', '--strict')
}

async function start(dir: string, auth?: { username: string; password: string }): Promise<Subject> {
  const repository = join(dir, 'a.git')
  await makeRepository(repository)
  const upstream = await startGitUpstream({ dir, auth })
  return {
    upstream: `${upstream.url}/a.git`,
    port: upstream.port,
    stop: upstream.stop,
    expectSame: (published) => expectSame(repository, published),
    async change() {
      await commit(repository, { message: 'third', files: { 'c.txt': 'c\n' } })
      await git(repository, 'branch', 'new', 'main')
      await git(repository, 'branch', '-D', 'old')
      await git(repository, 'symbolic-ref', 'HEAD', 'refs/heads/new')
    },
    async empty() {
      for (const line of (await refsOf(repository)).trim().split('\n'))
        await git(repository, 'update-ref', '-d', line.split(' ')[1] ?? '')
    },
    vanish: async () => renameSync(repository, `${repository}.gone`),
  }
}

providerConformance({ kind: 'git', tool: 'git', start })

describe('a git mirror', () => {
  let sandbox: Sandbox
  let dir: string
  let repository: string
  const stops: (() => Promise<void>)[] = []
  beforeEach(async () => {
    sandbox = createSandbox()
    dir = join(sandbox.dir, 'upstream')
    repository = join(dir, 'a.git')
    await makeRepository(repository)
  })
  afterEach(async () => {
    for (const stop of stops.splice(0)) await stop()
    sandbox.remove()
  })

  const serve = async () => {
    const upstream = await startGitUpstream({ dir })
    stops.push(upstream.stop)
    return { kind: 'git', upstream: `${upstream.url}/a.git` }
  }
  const names = async () => (await git(sandbox.published, 'for-each-ref', '--format=%(refname)')).trim().split('\n')

  it('has just the refs it is asked for, and follows when that changes', async () => {
    const call = await serve()
    await git(repository, 'update-ref', 'refs/pull/1/head', 'main')
    expect(await sandbox.sync({ ...call, options: { refs: ['refs/*', '^refs/pull/*'] } })).toMatchObject({
      outcome: 'success',
      files: 3,
    })
    expect(await names()).toEqual(['refs/heads/main', 'refs/heads/old', 'refs/tags/v1'])
    expect(await sandbox.sync({ ...call, options: { refs: ['refs/heads/*', 'refs/pull/*'] } })).toMatchObject({
      outcome: 'success',
      files: 3,
    })
    expect(await names()).toEqual(['refs/heads/main', 'refs/heads/old', 'refs/pull/1/head'])
    expect(
      await sandbox.sync({ ...call, options: { refs: ['refs/heads/main'], max_delete_percent: 70 } }),
    ).toMatchObject({ outcome: 'success' })
    expect(await names()).toEqual(['refs/heads/main'])
    await git(sandbox.published, 'fsck', '--full', '--strict')
    for (const refs of [['--upload-pack=x'], ['main'], ['+refs/*:refs/x'], []])
      expect((await sandbox.sync({ ...call, options: { refs } })).reason).toBe('invalid_options')
  })

  it('follows a branch that becomes a folder of branches, and back', async () => {
    const call = { ...(await serve()), options: { max_delete_percent: 100 } }
    await sandbox.sync(call)
    await git(repository, 'branch', '-m', 'old', 'old/first')
    expect(await sandbox.sync(call)).toMatchObject({ outcome: 'success' })
    expect(await names()).toContain('refs/heads/old/first')
    await git(repository, 'branch', '-m', 'old/first', 'old')
    expect(await sandbox.sync(call)).toMatchObject({ outcome: 'success' })
    await expectSame(repository, sandbox.published)
  })

  it('whose objects rot on disk is found by the weekly check, and mended without a gap', async () => {
    const call = await serve()
    await sandbox.sync(call)
    const packs = join(sandbox.published, 'objects', 'pack')
    const pack = join(packs, readdirSync(packs).find((entry) => entry.endsWith('.pack')) ?? '')
    chmodSync(pack, 0o644)
    const bytes = readFileSync(pack)
    bytes[Math.floor(bytes.length / 2)]! ^= 0xff
    writeFileSync(pack, bytes)
    expect(await sandbox.sync(call)).toMatchObject({ outcome: 'success', message: null })
    writeFileSync(join(sandbox.dataDir, '.kagami/staging/replica-1/checked'), '2001-01-01T00:00:00.000Z')
    expect(await sandbox.sync(call)).toMatchObject({
      outcome: 'success',
      message: expect.stringContaining('fetched anew'),
    })
    await expectSame(repository, sandbox.published)
    expect(await sandbox.sync(call)).toMatchObject({ outcome: 'success', message: null })
    const clone = await runChild('git', ['clone', '-q', sandbox.published, join(sandbox.dir, 'clone')])
    expect(clone).toBe('')
  })

  it('is fetched over git:// too', async () => {
    const upstream = await startGitDaemon({ dir })
    stops.push(upstream.stop)
    expect(await sandbox.sync({ kind: 'git', upstream: `${upstream.url}/a.git` })).toMatchObject({ outcome: 'success' })
    await commit(repository, { message: 'more', files: { x: 'x\n' } })
    expect(await sandbox.sync({ kind: 'git', upstream: `${upstream.url}/a.git` })).toMatchObject({ outcome: 'success' })
    await expectSame(repository, sandbox.published)
  })

  it('can be served by a plain web server and mirrored again from there', async () => {
    const upstream = await startGitUpstream({ dir })
    stops.push(upstream.stop)
    await sandbox.sync({ kind: 'git', upstream: `${upstream.url}/a.git` })
    const plain = await startHttpUpstream({ dir: sandbox.dataDir })
    stops.push(plain.stop)
    expect(
      await sandbox.sync({ kind: 'git', upstream: `${plain.url}/copy`, name: 'second', replicaId: 'replica-2' }),
    ).toMatchObject({ outcome: 'success' })
    await expectSame(repository, join(sandbox.dataDir, 'second'))
  })

  it('heals from locks and half packs that a killed run left', async () => {
    const upstream = await startGitUpstream({ dir })
    stops.push(upstream.stop)
    await sandbox.sync({ kind: 'git', upstream: `${upstream.url}/a.git` })
    for (const lock of [
      'HEAD.lock',
      'packed-refs.lock',
      'config.lock',
      'refs/heads/main.lock',
      'objects/pack/tmp_pack_abc',
    ]) {
      mkdirSync(join(sandbox.published, lock, '..'), { recursive: true })
      writeFileSync(join(sandbox.published, lock), '')
    }
    await commit(repository, { message: 'more', files: { x: 'x\n' } })
    expect(await sandbox.sync({ kind: 'git', upstream: `${upstream.url}/a.git` })).toMatchObject({ outcome: 'success' })
    await expectSame(repository, sandbox.published)
    expect(statSync(join(sandbox.published, 'objects/pack/tmp_pack_abc'), { throwIfNoEntry: false })).toBeUndefined()
  })

  it('runs nothing that somebody planted in its folder', async () => {
    const upstream = await startGitUpstream({ dir })
    stops.push(upstream.stop)
    await sandbox.sync({ kind: 'git', upstream: `${upstream.url}/a.git` })
    const proof = join(sandbox.dir, 'planted-ran')
    const config = join(sandbox.published, 'config')
    writeFileSync(
      config,
      `${readFileSync(config, 'utf8')}[core]\n\tgitProxy = touch ${proof}\n\tfsmonitor = touch ` +
        `${proof}\n[protocol]\n\tallow = always\n[remote "evil"]\n\turl = ext::sh -c touch% ${proof}\n`,
    )
    mkdirSync(join(sandbox.published, 'hooks'), { recursive: true })
    writeFileSync(join(sandbox.published, 'hooks/reference-transaction'), `#!/bin/sh\ntouch ${proof}\n`, {
      mode: 0o755,
    })
    await commit(repository, { message: 'more', files: { x: 'x\n' } })
    expect(await sandbox.sync({ kind: 'git', upstream: `${upstream.url}/a.git` })).toMatchObject({ outcome: 'success' })
    expect(statSync(proof, { throwIfNoEntry: false })).toBeUndefined()
    expect(readFileSync(config, 'utf8')).not.toContain('evil')
  })

  it('says clearly that its folder is no repository any more', async () => {
    const upstream = await startGitUpstream({ dir })
    stops.push(upstream.stop)
    await sandbox.sync({ kind: 'git', upstream: `${upstream.url}/a.git` })
    rmSync(join(sandbox.published, 'objects'), { recursive: true })
    const report = await sandbox.sync({ kind: 'git', upstream: `${upstream.url}/a.git` })
    expect(report).toMatchObject({ outcome: 'failed', reason: 'local_conflict' })
    expect(report.message).toContain(sandbox.published)
  })

  it('of an upstream without any commit is an empty repository, until there is one', async () => {
    await ensureRepository(join(dir, 'none.git'))
    const upstream = await startGitUpstream({ dir })
    stops.push(upstream.stop)
    const call = { kind: 'git', upstream: `${upstream.url}/none.git` }
    expect(await sandbox.sync(call)).toMatchObject({ outcome: 'success', files: 0 })
    await commit(join(dir, 'none.git'), { message: 'first', files: { x: 'x\n' } })
    expect(await sandbox.sync(call)).toMatchObject({ outcome: 'success', files: 1 })
    await expectSame(join(dir, 'none.git'), sandbox.published)
  })

  it('reads no file of the worker, whatever the address says', async () => {
    for (const upstream of [
      repository,
      `file://${repository}`,
      `ext::git-upload-pack ${repository}`,
      `--upload-pack=touch ${sandbox.dir}/x`,
    ]) {
      expect((await sandbox.sync({ kind: 'git', upstream })).outcome).toBe('failed')
    }
  })
})
