// messages.test.ts — What people read when git finds fault, or is sent elsewhere: the cause, and what to do.
import { join } from 'node:path'
import { ensureRepository, commit, runChild, startGitUpstream } from '@kagami/demo'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { gitFailure } from './errors.ts'
import { createSandbox, type Sandbox } from '../../testing/sandbox.ts'

describe('a sync that git cannot do', () => {
  let sandbox: Sandbox
  let repository: string
  let upstream: string
  let location: string | null
  let stop: () => Promise<void>
  beforeEach(async () => {
    sandbox = createSandbox()
    location = null
    const dir = join(sandbox.dir, 'upstream')
    repository = join(dir, 'a.git')
    await ensureRepository(repository)
    await commit(repository, { message: 'one', files: { one: '1\n' } })
    const served = await startGitUpstream({
      dir,
      intercept(_request, response) {
        if (location !== null) response.writeHead(301, { location }).end()
        return location !== null
      },
    })
    stop = served.stop
    upstream = `${served.url}/a.git`
  })
  afterEach(async () => {
    await stop()
    sandbox.remove()
  })
  const sync = (options: object = {}) => sandbox.sync({ kind: 'git', upstream, options: { ...options } })

  it('names the object, the fault and the option that lets it through, and that option does', async () => {
    const git = (stdin: string | undefined, ...args: string[]) =>
      runChild('git', [`--git-dir=${repository}`, ...args], stdin === undefined ? {} : { stdin })
    const tree = (await git(undefined, 'rev-parse', 'main^{tree}')).trim()
    const text = `tree ${tree}\nauthor Some One 1500000000 +0000\ncommitter a <a@b.c> 1500000000 +0000\n\nm\n`
    const bad = (await git(text, 'hash-object', '-t', 'commit', '-w', '--stdin', '--literally')).trim()
    await git(undefined, 'update-ref', 'refs/heads/main', bad)
    const report = await sync()
    expect(report).toMatchObject({ outcome: 'failed', reason: 'content_invalid' })
    expect(report.message).toContain(bad)
    expect(report.message).toContain('fsck_ignore = ["missingEmail"]')
    expect(await sync({ fsck_ignore: ['zeroPaddedDate'] })).toMatchObject({ outcome: 'failed' })
    expect(await sync({ fsck_ignore: ['missingEmail'] })).toMatchObject({ outcome: 'success' })
    expect(await sync({ fsck_ignore: ['missingMail'] })).toMatchObject({ outcome: 'failed', reason: 'invalid_options' })
  })

  it('says where it is sent, without secrets', async () => {
    location = 'https://me:hidden@git.example.org/b.git/info/refs?service=git-upload-pack&token=hidden'
    const report = await sync()
    expect(report).toMatchObject({ outcome: 'failed', reason: 'upstream_missing' })
    expect(report.message).toContain('https://git.example.org/b.git')
    expect(report.message).not.toContain('hidden')
  })

  it.each([
    ['/new.git/info/refs?service=git-upload-pack', '/new.git'],
    ['../../b.git/info/refs', '/b.git'],
    ['//git.example.org/c.git', '//git.example.org/c.git'],
  ])('says where a relative address sends it: %s', async (relative, target) => {
    location = relative
    const report = await sync()
    expect(report).toMatchObject({ outcome: 'failed', reason: 'upstream_missing' })
    const base = target.startsWith('//') ? 'http:' : new URL(upstream).origin
    expect(report.message).toContain(`sends us to ${base}${target}: `)
  })

  it('has words for what git says of the other side, and of its own', () => {
    const failure = (tail: string) => gitFailure({ code: 128, signal: null, tail })
    expect(
      failure('remote: aborting due to possible repository corruption on the remote side.\nfatal: early EOF'),
    ).toMatchObject({
      reason: 'content_invalid',
      message: expect.stringContaining('possible repository corruption on the remote side'),
    })
    expect(failure('fatal: early EOF')).toMatchObject({ reason: 'upstream_unreachable' })
    expect(
      failure(`error: object ${'a'.repeat(40)}: zeroPaddedDate: invalid date\nfatal: fsck error in packed object`),
    ).toMatchObject({
      reason: 'content_invalid',
      message: expect.stringMatching(/a{40}: zeroPaddedDate: invalid date.*fsck_ignore/),
    })
  })
})
