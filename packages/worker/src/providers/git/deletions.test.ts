// deletions.test.ts — Which refs go without asking: those whose commits stay. A loss of history is held, and so is an
// upstream that was made anew in another format; the published copy stays as it was meanwhile.
import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { commit, ensureRepository, runChild, startGitUpstream } from '@kagami/demo'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createSandbox, readTree, type Sandbox } from '../../testing/sandbox.ts'

const git = (gitDir: string, ...args: string[]) => runChild('git', [`--git-dir=${gitDir}`, ...args])
const refsOf = (gitDir: string) => git(gitDir, 'for-each-ref', '--format=%(objectname) %(refname)')

describe.each([['in place'], ['swap']])('a repository that is published %s', (publish) => {
  let sandbox: Sandbox
  let repository: string
  let upstream: string
  let stop: () => Promise<void>
  beforeEach(async () => {
    sandbox = createSandbox()
    const dir = join(sandbox.dir, 'upstream')
    repository = join(dir, 'a.git')
    await ensureRepository(repository)
    await change('one')
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
  const branch = (name: string, at = 'main') => git(repository, 'branch', name, at)
  const sync = (more: object = {}) =>
    sandbox.sync({ kind: 'git', upstream, options: publish === 'swap' ? { publish } : {}, ...more })
  const follows = async () => {
    expect(await sync()).toMatchObject({ outcome: 'success' })
    expect(await refsOf(sandbox.published)).toBe(await refsOf(repository))
    expect(readFileSync(join(sandbox.published, 'HEAD'))).toEqual(readFileSync(join(repository, 'HEAD')))
    await git(sandbox.published, 'fsck', '--connectivity-only')
  }

  it('follows its only branch to another name', async () => {
    await follows()
    await git(repository, 'branch', '-m', 'main', 'trunk')
    await git(repository, 'symbolic-ref', 'HEAD', 'refs/heads/trunk')
    await follows()
  })

  it('loses refs that are left out later once that is approved, and its size is that of the disk', async () => {
    for (let each = 0; each < 30; each++) await change(`w${each}`, 'work')
    await follows()
    const objects = join(sandbox.published, 'objects')
    const du = () =>
      readdirSync(objects, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile() && !entry.parentPath.endsWith('objects/info'))
        .reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0)
    const options = { ...(publish === 'swap' ? { publish } : {}), refs: ['refs/heads/main'] }
    const held = await sync({ options })
    expect(held).toMatchObject({ outcome: 'held', hold: { removed: 1, total: 2, examples: ['refs/heads/work'] } })
    const report = await sync({ options, task: { type: 'sync', approved: 1 } })
    expect(report).toMatchObject({ outcome: 'success', files: 1, size_bytes: du() })
    expect(await refsOf(sandbox.published)).not.toContain('work')
    // Its objects are still there.
    const again = await sync()
    expect(again).toMatchObject({ outcome: 'success', files: 2, size_bytes: du() })
    expect(again.size_bytes).toBe(report.size_bytes)
    await follows()
  })

  it('deletes branches whose commits all stay, among them those that were merged just now', async () => {
    for (const name of ['b1', 'b2', 'b3']) await change(name, name)
    await follows()
    // What main becomes contains the branches, and the copy does not have it yet.
    const tips = ['b1', 'b2', 'b3'].flatMap((name) => ['-p', name])
    const identity = ['-c', 'user.name=a', '-c', 'user.email=a@example.org']
    const merged = await git(
      repository,
      ...identity,
      'commit-tree',
      '-m',
      'merge',
      '-p',
      'main',
      ...tips,
      'main^{tree}',
    )
    await git(repository, 'update-ref', 'refs/heads/main', merged.trim())
    for (const name of ['b1', 'b2', 'b3']) await git(repository, 'branch', '-D', name)
    await follows()
  })

  it('deletes tags whose commits stay', async () => {
    for (const name of ['v1', 'v2', 'v3']) await git(repository, 'tag', name, 'main')
    await follows()
    for (const name of ['v1', 'v2', 'v3']) await git(repository, 'tag', '-d', name)
    await change('two')
    await follows()
  })

  it('is held when commits would be lost, says how many and where, and stays as it was', async () => {
    for (const name of ['b1', 'b2', 'b3']) await change(name, name)
    await branch('merged')
    await follows()
    for (const name of ['b1', 'b2', 'b3', 'merged']) await git(repository, 'branch', '-D', name)
    await change('two')
    const before = readTree(sandbox.published)
    const report = await sync()
    expect(report).toMatchObject({ outcome: 'held', reason: 'too_many_deletions' })
    const lost = (await git(sandbox.published, 'rev-list', '--count', 'b1', 'b2', 'b3', '^main')).trim()
    expect(report.message).toContain(`4 of 5 refs would be deleted, and with them ${lost} of `)
    expect(sandbox.log(report)).toMatch(/would delete refs\/heads\/b1\n[^]*b3\n[^]*merged\n/)
    expect(readTree(sandbox.published)).toEqual(before)
    expect(await sync({ task: { type: 'sync', approved: 4 } })).toMatchObject({ outcome: 'success' })
    await follows()
  })

  it('is held when one branch of many is most of the history', async () => {
    for (let number = 0; number < 10; number++) await branch(`same-${number}`)
    for (let number = 0; number < 25; number++) await change(`work-${number}`, 'work')
    await follows()
    await git(repository, 'branch', '-D', 'work')
    expect(await sync()).toMatchObject({ outcome: 'held', reason: 'too_many_deletions' })
  })

  it('is held when the upstream was made anew with other ids, and fetched anew once that is approved', async () => {
    await branch('x')
    await follows()
    for (const format of ['sha256', 'sha1']) {
      rmSync(repository, { recursive: true })
      await runChild('git', ['init', '-q', '--bare', `--object-format=${format}`, '-b', 'main', repository])
      const identity = ['-c', 'user.name=a', '-c', 'user.email=a@example.org']
      const tree = (await git(repository, 'hash-object', '-t', 'tree', '-w', '/dev/null')).trim()
      const made = (await git(repository, ...identity, 'commit-tree', '-m', format, tree)).trim()
      for (const name of ['main', 'x']) await git(repository, 'update-ref', `refs/heads/${name}`, made)
      const before = readTree(sandbox.published)
      const held = await sync()
      expect(held).toMatchObject({ outcome: 'held', reason: 'too_many_deletions' })
      expect(sandbox.log(held)).toContain(`made anew with ${format} ids`)
      expect(readTree(sandbox.published)).toEqual(before)
      expect(await sync({ task: { type: 'sync', approved: 2 } })).toMatchObject({ outcome: 'success' })
      await follows()
    }
  })

  it('keeps its config, with the old address, until objects of the new one have come', async () => {
    await follows()
    const config = () => readFileSync(join(sandbox.published, 'config'), 'utf8')
    const before = config()
    expect(await sync({ upstream: upstream.replace('a.git', 'none.git') })).toMatchObject({ outcome: 'failed' })
    expect(config()).toBe(before)
    await change('two')
    const other = upstream.replace('127.0.0.1', 'localhost')
    expect(await sync({ upstream: other })).toMatchObject({ outcome: 'success' })
    expect(config()).toContain(other)
  })
})
