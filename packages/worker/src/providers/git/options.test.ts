// options.test.ts — Every option about git objects and refs has its effect over every way to an upstream, for a first
// sync and a later one.
import { join } from 'node:path'
import { commit, ensureRepository, runChild, startGitDaemon, startGitUpstream, startHttpUpstream } from '@kagami/demo'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createSandbox, type Sandbox } from '../../testing/sandbox.ts'

describe.each([['git://'], ['http'], ['a plain web server'], ['a folder']])('over %s', (way) => {
  let sandbox: Sandbox
  let dir: string
  let repository: string
  let upstream: string
  const stops: (() => Promise<void>)[] = []
  beforeEach(async () => {
    sandbox = createSandbox()
    dir = join(sandbox.dir, 'upstream')
    repository = join(dir, 'a.git')
    await ensureRepository(repository)
    await commit(repository, { message: 'one', files: { one: '1\n' } })
    await git(undefined, 'branch', 'other')
    await git(undefined, 'update-server-info')
    if (way === 'a folder') return void (upstream = `file://${repository}`)
    const start = { 'git://': startGitDaemon, http: startGitUpstream, 'a plain web server': startHttpUpstream }[way]!
    const served = await start({ dir })
    stops.push(served.stop)
    upstream = `${served.url}/a.git`
  })
  afterEach(async () => {
    for (const stop of stops.splice(0)) await stop()
    sandbox.remove()
  })
  const git = (stdin: string | undefined, ...args: string[]) =>
    runChild('git', [`--git-dir=${repository}`, ...args], stdin === undefined ? {} : { stdin })
  const refsOf = (gitDir: string) => runChild('git', [`--git-dir=${gitDir}`, 'for-each-ref'])
  const sync = (options: object = {}) =>
    sandbox.sync({ kind: 'git', upstream, options: { ...options }, upstreamRoots: [dir] })
  const addFault = async () => {
    const tree = (await git(undefined, 'rev-parse', 'main^{tree}')).trim()
    const text = `tree ${tree}\nauthor Some One 1500000000 +0000\ncommitter a <a@b.c> 1500000000 +0000\n\nm\n`
    const bad = (await git(text, 'hash-object', '-t', 'commit', '-w', '--stdin', '--literally')).trim()
    await git(undefined, 'update-ref', 'refs/heads/bad', bad)
    await git(undefined, 'update-server-info')
    return bad
  }

  it.each([['first'], ['later']])('fsck and fsck_ignore decide about a faulty object in a %s sync', async (when) => {
    if (when === 'later') expect(await sync()).toMatchObject({ outcome: 'success' })
    const before = when === 'later' ? await refsOf(sandbox.published) : null
    const bad = await addFault()
    const report = await sync()
    expect(report, sandbox.log(report)).toMatchObject({ outcome: 'failed', reason: 'content_invalid' })
    expect(report.message).toContain(bad)
    expect(report.message).toContain('fsck_ignore = ["missingEmail"]')
    if (before !== null) expect(await refsOf(sandbox.published)).toBe(before)
    expect(await sync({ fsck_ignore: ['zeroPaddedDate'] })).toMatchObject({ outcome: 'failed' })
    expect(await sync({ fsck_ignore: ['missingEmail'] })).toMatchObject({ outcome: 'success' })
    expect(await refsOf(sandbox.published)).toBe(await refsOf(repository))
  })

  it('fsck = false takes what is there', async () => {
    await addFault()
    expect(await sync({ fsck: false })).toMatchObject({ outcome: 'success' })
    expect(await refsOf(sandbox.published)).toBe(await refsOf(repository))
  })

  it('refs chooses, first and later', async () => {
    for (const refs of [['refs/heads/o*'], ['refs/*', '^refs/heads/o*']]) {
      expect(await sync({ refs })).toMatchObject({ outcome: 'success', files: 1 })
      const name = refs.length === 1 ? 'other' : 'main'
      expect(await refsOf(sandbox.published)).toContain(`refs/heads/${name}\n`)
      await runChild('git', ['clone', '-q', sandbox.published, join(sandbox.dir, `clone-${name}`)])
    }
  })
})
