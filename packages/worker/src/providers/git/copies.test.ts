// copies.test.ts — What becomes of a copy: it can be cloned after every sync, it is judged by a look at it, and one
// that was taken over stands on its own.
import { chmodSync, cpSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { commit, ensureRepository, runChild, startGitUpstream, startHttpUpstream } from '@kagami/demo'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createSandbox, type Sandbox } from '../../testing/sandbox.ts'

const git = (gitDir: string, ...args: string[]) => runChild('git', [`--git-dir=${gitDir}`, ...args])
const refsOf = (gitDir: string) => git(gitDir, 'for-each-ref', '--format=%(objectname) %(refname)')
const headOf = (gitDir: string) => readFileSync(join(gitDir, 'HEAD'), 'utf8')

describe('the copy of a repository', () => {
  let sandbox: Sandbox
  let repository: string
  let upstream: string
  let stop: () => Promise<void>
  let clones = 0
  beforeEach(async () => {
    sandbox = createSandbox()
    const dir = join(sandbox.dir, 'upstream')
    repository = join(dir, 'a.git')
    await ensureRepository(repository)
    for (const message of ['one', 'two', 'three']) await change(message)
    await git(repository, 'branch', 'old', 'main~1')
    const served = await startGitUpstream({ dir })
    stop = served.stop
    upstream = `${served.url}/a.git`
  })
  afterEach(async () => {
    await stop()
    sandbox.remove()
  })
  const change = (message: string, branch = 'main') =>
    commit(repository, { branch, message, files: { [message]: `${message}\n` } })
  const sync = (options: object = {}, adoptExisting = false) =>
    sandbox.sync({ kind: 'git', upstream, options: { ...options }, adoptExisting })
  const head = async (name: string) => (await git(repository, 'rev-parse', name)).trim()
  const clone = () => runChild('git', ['clone', '-q', `file://${sandbox.published}`, join(sandbox.dir, `c${++clones}`)])
  const weekLater = () =>
    writeFileSync(join(sandbox.dataDir, '.kagami/staging/replica-1/checked'), '2001-01-01T00:00:00.000Z')
  const expectWhole = async () => {
    expect(await refsOf(sandbox.published)).toBe(await refsOf(repository))
    expect(headOf(sandbox.published)).toBe(headOf(repository))
    await git(sandbox.published, 'fsck', '--full', '--strict')
    await clone()
  }
  const loosen = async () => {
    await change('loose', 'loose')
    const loose = await head('loose')
    await git(repository, 'branch', '-D', 'loose')
    writeFileSync(join(repository, 'HEAD'), `${loose}\n`)
  }

  describe('whose upstream has a HEAD that no branch reaches', () => {
    it('gets that commit too, at first and later', async () => {
      await loosen()
      expect(await sync()).toMatchObject({ outcome: 'success' })
      await expectWhole()
      await change('four')
      await loosen()
      expect(await sync()).toMatchObject({ outcome: 'success' })
      await expectWhole()
      writeFileSync(join(repository, 'HEAD'), 'ref: refs/heads/main\n')
      expect(await sync()).toMatchObject({ outcome: 'success' })
      await expectWhole()
    })

    it('gets it when nothing else changed', async () => {
      await sync()
      await loosen()
      expect(await sync()).toMatchObject({ outcome: 'success' })
      await expectWhole()
    })
  })

  it('has a HEAD that is there when its refs are a choice without that of the upstream', async () => {
    for (const prepare of [() => Promise.resolve(), loosen]) {
      await prepare()
      expect(await sync({ refs: ['refs/heads/o*'], max_delete_percent: 100 })).toMatchObject({ outcome: 'success' })
      expect(headOf(sandbox.published)).toBe('ref: refs/heads/old\n')
      await clone()
    }
  })

  describe('that is damaged', () => {
    const packs = () => join(sandbox.published, 'objects', 'pack')
    const packFile = (end: string) =>
      join(
        packs(),
        readdirSync(packs()).find((entry) => entry.endsWith(end))!,
      )

    it('is mended by the weekly check when a pack or all are lost', async () => {
      await sync()
      const first = packFile('.pack')
      await change('four')
      await sync()
      for (const lost of [() => rmSync(first), () => rmSync(packs(), { recursive: true })]) {
        lost()
        weekLater()
        const report = await sync()
        expect(report).toMatchObject({ outcome: 'success', message: expect.stringContaining('fetched anew') })
        await expectWhole()
        expect(await sync()).toMatchObject({ outcome: 'success', message: null })
      }
    })

    it('is mended by the sync in which git fails', async () => {
      await sync()
      const pack = packFile('.pack')
      chmodSync(pack, 0o644)
      const bytes = readFileSync(pack)
      // Its end stays, so that git takes it for whole until it reads an object.
      writeFileSync(pack, bytes.fill(0xff, 13, bytes.length - 20))
      await change('four')
      const report = await sync()
      expect(report).toMatchObject({ outcome: 'success', message: expect.stringContaining('the copy was damaged') })
      await expectWhole()
    })

    it('only in what git derives from its objects is not fetched again', async () => {
      await sync()
      await git(sandbox.published, 'commit-graph', 'write', '--reachable')
      const graph = join(sandbox.published, 'objects/info/commit-graph')
      chmodSync(graph, 0o644)
      writeFileSync(graph, Buffer.alloc(statSync(graph).size))
      weekLater()
      expect(await sync()).toMatchObject({ outcome: 'success', message: null })
      await git(sandbox.published, 'commit-graph', 'verify')
    })
  })

  it('is not fetched again when the upstream has a damaged object: its words are the message', async () => {
    await sync()
    await change('bad')
    const blob = await head('main:bad')
    const file = join(repository, 'objects', blob.slice(0, 2), blob.slice(2))
    chmodSync(file, 0o644)
    writeFileSync(file, 'not an object')
    const before = await refsOf(sandbox.published)
    const report = await sync()
    expect(report).toMatchObject({ outcome: 'failed', reason: 'content_invalid' })
    expect(report.message).toContain('possible repository corruption on the remote side')
    expect(sandbox.log(report)).not.toContain('fetched anew')
    expect(await refsOf(sandbox.published)).toBe(before)
    await clone()
  })

  describe('that was taken over', () => {
    const takeOver = (...args: string[]) => runChild('git', ['clone', '-q', '--mirror', ...args, sandbox.published])

    it('keeps the branch that an alias of it points to', async () => {
      await takeOver(repository)
      await git(sandbox.published, 'symbolic-ref', 'refs/heads/alias', 'refs/heads/main')
      await git(sandbox.published, 'symbolic-ref', 'refs/heads/nowhere', 'refs/heads/none')
      expect(await sync({}, true)).toMatchObject({ outcome: 'success' })
      await expectWhole()
    })

    it('no longer needs the repository whose objects it used', async () => {
      const lent = join(sandbox.dir, 'lent.git')
      cpSync(repository, lent, { recursive: true })
      await takeOver('--shared', lent)
      expect(await sync({}, true)).toMatchObject({ outcome: 'success' })
      rmSync(lent, { recursive: true })
      await expectWhole()
    })

    it('is fetched anew when the objects it used are gone', async () => {
      const lent = join(sandbox.dir, 'lent.git')
      cpSync(repository, lent, { recursive: true })
      await takeOver('--shared', lent)
      rmSync(lent, { recursive: true })
      expect(await sync({}, true)).toMatchObject({ outcome: 'success' })
      await expectWhole()
    })

    it.each([['--depth=1'], ['--filter=blob:none']])(
      'with %s gets all of the history and every object',
      async (cut) => {
        await git(repository, 'config', 'uploadpack.allowFilter', 'true')
        await takeOver(cut, `file://${repository}`)
        expect(await sync({}, true)).toMatchObject({ outcome: 'success' })
        await expectWhole()
        expect(await git(sandbox.published, 'rev-list', '--count', 'main')).toBe(
          await git(repository, 'rev-list', '--count', 'main'),
        )
      },
    )
  })

  it('with a history that is cut off is fetched anew from a plain web server, which adds none', async () => {
    await git(repository, 'update-server-info')
    const plain = await startHttpUpstream({ dir: join(repository, '..') })
    try {
      await runChild('git', ['clone', '-q', '--mirror', '--depth=1', `file://${repository}`, sandbox.published])
      const report = await sandbox.sync({ kind: 'git', upstream: `${plain.url}/a.git`, adoptExisting: true })
      expect(report).toMatchObject({ outcome: 'success', message: expect.stringContaining('fetched anew') })
      await expectWhole()
    } finally {
      await plain.stop()
    }
  })

  it('follows a shallow upstream that moves its boundary, and says that it is one', async () => {
    const full = `${repository}.full`
    cpSync(repository, full, { recursive: true })
    const refetch = () => git(repository, 'fetch', '-q', '--depth=1', `file://${full}`, '+refs/heads/*:refs/heads/*')
    rmSync(repository, { recursive: true })
    await runChild('git', ['clone', '-q', '--bare', '--depth=1', `file://${full}`, repository])
    expect(await sync()).toMatchObject({ outcome: 'success' })
    for (const message of ['four', 'five', 'six']) await commit(full, { message, files: { [message]: `${message}\n` } })
    await refetch()
    const report = await sync()
    expect(report).toMatchObject({ outcome: 'success' })
    expect(sandbox.log(report)).toContain('the upstream is a shallow repository')
    await expectWhole()
    expect(sandbox.log(await sync())).not.toContain('shallow')
  })
})
