// hostile.test.ts — Git upstreams that cut, lie, flood or delay: the published repository stays byte for byte what it
// was, the report says why, and the next good sync is right.
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import type { FailureReason, SyncReport } from '@kagami/protocol'
import { commit, ensureRepository, runChild, startGitDaemon, startGitUpstream } from '@kagami/demo'
import { afterEach, beforeEach, describe, expect, it, type TestContext } from 'vitest'
import { gitFailure } from './errors.ts'
import { findMarked } from '../../programs/orphans.ts'
import { createSandbox, readTree, type Sandbox } from '../../testing/sandbox.ts'
import {
  flood,
  startBareServer,
  startLyingServer,
  startTamperingProxy,
  type HostileRequest,
  type HostileUpstream,
  type Tampering,
} from '../../testing/hostile.ts'

const packet = (text: string | Buffer) =>
  Buffer.concat([Buffer.from((text.length + 4).toString(16).padStart(4, '0')), Buffer.from(text)])
const PAGE = `<!DOCTYPE html><html><body>${'please log in '.repeat(500)}</body></html>`
const isFetch = ({ request, asked }: HostileRequest) => request.method === 'POST' && !asked.includes('ls-refs')
const isRefs = ({ request, asked }: HostileRequest) => request.method === 'POST' && asked.includes('ls-refs')

describe('the copy of a repository is kept, and the report says why, when the upstream', () => {
  let sandbox: Sandbox
  let dir: string
  let repository: string
  let http: { url: string; port: number }
  const stops: (() => Promise<void>)[] = []
  const git = (gitDir: string, ...args: string[]) => runChild('git', [`--git-dir=${gitDir}`, ...args])
  const refsOf = (gitDir: string) => git(gitDir, 'for-each-ref', '--format=%(objectname) %(refname)')
  const change = (message: string) =>
    commit(repository, { message, files: { [message]: randomBytes(100_000).toString('hex') } })

  beforeEach(async () => {
    sandbox = createSandbox()
    dir = join(sandbox.dir, 'upstream')
    repository = join(dir, 'a.git')
    await ensureRepository(repository)
    for (const branch of ['main', 'one', 'two', 'three'])
      await commit(repository, { branch, message: branch, files: { [branch]: `${branch}\n` } })
    const upstream = await startGitUpstream({ dir })
    stops.push(upstream.stop)
    http = upstream
    expect(await good()).toMatchObject({ outcome: 'success', files: 4 })
    await change('first')
  })
  afterEach(async () => {
    for (const stop of stops.splice(0).reverse()) await stop()
    sandbox.remove()
  })

  const sync = (upstream: string, options: object = {}) =>
    sandbox.sync({ kind: 'git', upstream, options: { ...options } })
  const good = () => sync(`${http.url}/a.git`)
  const opened = async (starting: Promise<HostileUpstream>) => {
    const upstream = await starting
    stops.push(upstream.stop)
    return upstream.port
  }
  // The address stands in the repository's config, and each misbehaviour has its own here.
  const contents = () => ({ ...readTree(sandbox.published), config: '' })
  /** Syncs from the hostile address; asserts that it failed for one of these reasons and did nothing to the copy. */
  const against = async (
    upstream: string,
    reasons: readonly FailureReason[],
    options: object = {},
  ): Promise<SyncReport> => {
    const before = contents()
    const report = await sync(upstream, options)
    expect(
      [report.outcome, report.reason, report.message, report.tail],
      `${upstream} ${report.message} ${report.tail}`,
    ).toEqual([
      report.outcome === 'held' ? 'held' : 'failed',
      expect.toBeOneOf([...reasons]),
      expect.stringMatching(/./),
      report.tail,
    ])
    expect(contents()).toEqual(before)
    expect(findMarked(`${sandbox.dataDir}:`)).toEqual([])
    return report
  }
  const recovers = async () => {
    expect(await good()).toMatchObject({ outcome: 'success' })
    expect(await refsOf(sandbox.published)).toBe(await refsOf(repository))
    await git(sandbox.published, 'fsck', '--full', '--strict')
  }
  const lying = async (lie: (exchange: HostileRequest) => Promise<boolean> | boolean) =>
    `http://127.0.0.1:${await opened(startLyingServer(http.url, lie))}/a.git`
  const tampered = async (port: number, scheme: string, tampering: Tampering) =>
    `${scheme}://127.0.0.1:${await opened(startTamperingProxy(port, tampering))}/a.git`
  const daemon = async () => {
    const upstream = await startGitDaemon({ dir })
    stops.push(upstream.stop)
    return upstream.port
  }

  it('loses most of its refs', async () => {
    for (const branch of ['one', 'two', 'three']) await git(repository, 'branch', '-D', branch)
    expect(await against(`${http.url}/a.git`, ['too_many_deletions'])).toMatchObject({
      outcome: 'held',
      hold: { removed: 3, total: 4 },
    })
  })

  it('breaks the connection, however much had come', async ({ task }) => {
    const ports = { http: http.port, git: await daemon() }
    const cuts = [0, 10, 300, 1000, 5000, 60_000, 100_000]
    for (const [scheme, port] of Object.entries(ports)) {
      for (const after of cuts)
        await against(await tampered(port, scheme, { after, how: 'cut' }), ['upstream_unreachable', 'content_invalid'])
    }
    await recovers()
    task.meta.figure = `git: ${cuts.length * 2} cuts, 0 changes`
  })

  it('sends another length than it says', async () => {
    for (const says of [-1000, 1000]) {
      for (const which of [isFetch, (exchange: HostileRequest) => exchange.request.method === 'GET']) {
        await against(
          await lying(async (exchange) => {
            if (!which(exchange)) return false
            const { type, body } = await exchange.answer()
            const [said, sent] =
              says < 0
                ? [Math.max(1, body.length + says), body]
                : [body.length, body.subarray(0, Math.max(1, body.length - says))]
            exchange.response
              .writeHead(200, { 'content-type': type, 'content-length': said })
              .write(sent, () => exchange.response.socket?.destroySoon())
            return true
          }),
          ['upstream_unreachable', 'content_invalid'],
        )
      }
    }
    await recovers()
  })

  it('sends an error page with status 200', async () => {
    for (const which of [(exchange: HostileRequest) => exchange.request.method === 'GET', isRefs, isFetch]) {
      for (const type of ['text/html', null]) {
        await against(
          await lying(async (exchange) => {
            if (!which(exchange)) return false
            exchange.response.writeHead(200, { 'content-type': type ?? (await exchange.answer()).type }).end(PAGE)
            return true
          }),
          ['content_invalid'],
        )
      }
    }
    await recovers()
  })

  it('sends a pack with a byte turned over', async ({ task }) => {
    const places = [0.02, 0.3, 0.6, 0.95]
    for (const place of places) {
      await against(
        await lying(async (exchange) => {
          if (!isFetch(exchange)) return false
          const { type, body } = await exchange.answer()
          body[Math.max(body.indexOf('PACK') + 12, Math.floor(body.length * place))]! ^= 0x01
          exchange.response.writeHead(200, { 'content-type': type }).end(body)
          return true
        }),
        ['content_invalid'],
      )
    }
    await recovers()
    task.meta.figure = `git: ${places.length} flipped bytes, 0 accepted`
  })

  it('names objects that never come', async () => {
    const real = (await git(repository, 'rev-parse', 'main')).trim()
    const made = 'deadbeef'.repeat(5)
    const swap = (bytes: Buffer, from: string, to: string) =>
      Buffer.from(bytes.toString('latin1').replaceAll(from, to), 'latin1')
    const refs = async (exchange: HostileRequest) => {
      const { type, body } = await exchange.answer()
      exchange.response.writeHead(200, { 'content-type': type }).end(swap(body, real, made))
      return true
    }
    // First the server refuses what it listed; then it sends something else.
    await against(await lying((exchange) => isRefs(exchange) && refs(exchange)), ['upstream_refused'])
    await against(
      await lying(async (exchange) => {
        if (isRefs(exchange)) return refs(exchange)
        if (!isFetch(exchange)) return false
        const { type, body } = await exchange.answer(swap(exchange.asked, made, real))
        exchange.response.writeHead(200, { 'content-type': type }).end(body)
        return true
      }),
      ['content_invalid'],
    )
    await recovers()
  })

  it('sends a greeting, a list of refs or progress without end', async () => {
    const progress = packet(`\u0002remote: still counting ${'.'.repeat(40)}\n`)
    const lies: [string, (exchange: HostileRequest) => boolean][] = [
      [
        'greeting',
        ({ request, response }) =>
          request.method === 'GET' &&
          (flood(
            response.writeHead(200, { 'content-type': 'application/x-git-upload-pack-advertisement' }),
            packet('# service=git-upload-pack\n'),
          ),
          true),
      ],
      [
        'refs',
        (exchange) =>
          isRefs(exchange) &&
          (flood(
            exchange.response.writeHead(200, { 'content-type': 'application/x-git-upload-pack-result' }),
            packet(`${'a'.repeat(40)} refs/heads/x\n`),
          ),
          true),
      ],
      [
        'progress',
        (exchange) => {
          if (!isFetch(exchange)) return false
          exchange.response
            .writeHead(200, { 'content-type': 'application/x-git-upload-pack-result' })
            .write(
              Buffer.concat([
                packet('acknowledgments\n'),
                packet('ready\n'),
                Buffer.from('0001'),
                packet('packfile\n'),
              ]),
            )
          const timer = setInterval(() => exchange.response.write(progress), 20)
          exchange.response.once('close', () => clearInterval(timer))
          return true
        },
      ],
    ]
    for (const [what, lie] of lies) {
      const report = await against(await lying(lie), ['timed_out', 'stalled', 'content_invalid'], {
        time_limit_secs: 20,
        stall_secs: 1,
      })
      expect([what, report.reason], report.message ?? '').toEqual([
        what,
        what === 'progress' ? 'stalled' : report.reason,
      ])
    }
    await recovers()
  })

  it('falls silent or drips', async ({ task }: TestContext) => {
    const ports = { http: http.port, git: await daemon() }
    for (const [scheme, port] of Object.entries(ports)) {
      await against(await tampered(port, scheme, { after: 60_000, how: 'silence' }), ['stalled'], { stall_secs: 1 })
      await against(await tampered(port, scheme, { after: 20, how: 'silence' }), ['stalled'], { stall_secs: 1 })
      await against(await tampered(port, scheme, { after: 60_000, how: 'drip' }), ['timed_out', 'stalled'], {
        stall_secs: 2,
        time_limit_secs: 3,
      })
    }
    await against(`git://127.0.0.1:${await opened(startBareServer(() => {}))}/a.git`, ['stalled'], { stall_secs: 1 })
    await recovers()
    task.meta.figure = 'git: 7 stalls and drips over http and git://, each ended at its limit'
  })
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
