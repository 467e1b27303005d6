// hostile.test.ts — LFS servers that lie, redirect or fail: nothing wrong is stored, nothing that is there is harmed,
// no secret is shown.
import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import type { FailureReason } from '@kagami/protocol'
import { commit, ensureRepository, runChild } from '@kagami/demo'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { objectPath } from './store.ts'
import { createSandbox, readTree, type Sandbox } from '../../testing/sandbox.ts'
import { flood } from '../../testing/hostile.ts'
import {
  answer,
  createAuthor,
  send,
  startLfsUpstream,
  type Asked,
  type Author,
  type LfsUpstream,
} from '../../testing/lfs-server.ts'
import { shownSecrets, startOtherServer, USER } from '../../testing/lfs-secrets.ts'

describe('LFS files of a mirror are kept, and the report says why, when the server', () => {
  let sandbox: Sandbox
  let dir: string
  let upstream: LfsUpstream
  let author: Author
  let oid: string
  let good: string
  const stops: (() => void)[] = []
  beforeEach(async () => {
    sandbox = createSandbox()
    dir = join(sandbox.dir, 'upstream')
    await ensureRepository(join(dir, 'a.git'))
    await runChild('git', [`--git-dir=${join(dir, 'a.git')}`, 'config', 'http.receivepack', 'true'])
    upstream = await startLfsUpstream({ dir })
    author = await createAuthor(join(sandbox.dir, 'author'), upstream.url)
    await author.push({ lfs: { 'one.bin': randomBytes(4000) } })
    expect(await sync()).toMatchObject({ outcome: 'success' })
    ;[good, oid] = (await author.push({ lfs: { 'good.bin': randomBytes(5000), 'two.bin': randomBytes(60_000) } })) as [
      string,
      string,
    ]
    upstream.asked.length = 0
  })
  afterEach(async () => {
    for (const stop of stops.splice(0)) stop()
    await upstream.stop()
    sandbox.remove()
  })

  const sync = (options: object = {}, more: object = {}) =>
    sandbox.sync({ kind: 'git', upstream: `${upstream.url}/a.git`, options: { lfs: true, ...options }, ...more })
  const placeOf = (one: string) => join(sandbox.published, objectPath({ oid: one }))
  /** All that a reader sees but the LFS objects that came whole, which no ref names yet. */
  const seen = () =>
    Object.fromEntries(
      Object.entries(readTree(sandbox.published)).filter(
        ([path]) => path !== objectPath({ oid: good }) && !path.endsWith('kagami.json'),
      ),
    )
  const hitting =
    (what: Asked['what'], lie: (response: ServerResponse, question: Asked) => unknown) =>
    (question: Asked, response: ServerResponse) => {
      if (question.what !== what || (what === 'object' && question.oids[0] !== oid)) return false
      lie(response, question)
      return true
    }
  /**
   * Syncs from the lying server; asserts the reason, that the copy is as it was, and that the next honest run is right.
   */
  const against = async (
    lie: LfsUpstream['lie'],
    reasons: readonly FailureReason[],
    says: RegExp,
    options: object = {},
  ) => {
    const before = seen()
    upstream.lie = lie
    const report = await sync(options)
    expect([report.outcome, report.reason, report.message], report.message ?? '').toEqual([
      'failed',
      expect.toBeOneOf([...reasons]),
      expect.stringMatching(says),
    ])
    expect(seen()).toEqual(before)
    expect(shownSecrets(sandbox, report)).toEqual([])
    upstream.lie = () => false
    return report
  }
  const recovers = async () => {
    expect(await sync()).toMatchObject({ outcome: 'success', message: null })
    for (const one of [good, oid])
      expect(readFileSync(placeOf(one)).equals(readFileSync(upstream.stored(one)))).toBe(true)
  }
  const bytes = () => readFileSync(upstream.stored(oid))
  const offering = (download: object) =>
    hitting('batch', (response, { oids }) =>
      answer(response, 200, { objects: oids.map((one) => ({ oid: one, actions: { download } })) }),
    )
  const elsewhere = async (serve: (response: ServerResponse) => void) => {
    const other = await startOtherServer(serve)
    stops.push(other.stop)
    return other
  }

  it('sends other bytes than the pointer names; what is right is kept and not fetched again', async () => {
    const wrong = () => Buffer.from(bytes().map((byte, index) => (index === 100 ? byte ^ 1 : byte)))
    await against(
      hitting('object', (response) => response.writeHead(200, { 'content-length': 60_000, etag: '"x"' }).end(wrong())),
      ['content_invalid'],
      /sha256/,
    )
    expect([existsSync(placeOf(good)), existsSync(placeOf(oid))]).toEqual([true, false])
    upstream.asked.length = 0
    await recovers()
    expect(upstream.asked.filter(({ what }) => what === 'object').map(({ oids }) => oids[0])).toEqual([oid])
  })

  it('sends more or fewer bytes, an endless body, packed bytes or a page', async () => {
    await against(
      hitting('object', (response) =>
        response.writeHead(200, { 'content-length': 60_001 }).end(Buffer.concat([bytes(), Buffer.alloc(1)])),
      ),
      ['content_invalid'],
      /60001 bytes.*60000/,
    )
    await against(
      hitting('object', (response) => response.writeHead(200, { 'content-length': 100 }).end(bytes().subarray(0, 100))),
      ['content_invalid'],
      /100 bytes/,
    )
    await against(
      hitting('object', (response) => flood(response.writeHead(200), 'x'.repeat(10_000))),
      ['content_invalid'],
      /bytes or more/,
    )
    await against(
      hitting('object', (response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('xxxxx'))),
      ['content_invalid'],
      /gzip/,
    )
    await against(
      hitting('object', (response) =>
        response.writeHead(200, { 'content-type': 'text/html' }).end('<html>log in</html>'),
      ),
      ['content_invalid'],
      /./,
    )
    await against(
      hitting('object', (response) =>
        response
          .writeHead(200, { 'content-length': 60_000, etag: '"whole"' })
          .write(bytes().subarray(0, 30_000), () => response.destroy()),
      ),
      ['content_invalid'],
      /cut off/,
    )
    await recovers()
  })

  it('answers a batch with a page, with JSON of another kind, without end, or with nothing', async () => {
    const batch = (lie: (response: ServerResponse, question: Asked) => unknown) => hitting('batch', lie)
    await against(
      batch((response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>log in</html>')),
      ['content_invalid'],
      /not JSON/,
    )
    await against(
      batch((response) => answer(response, 200, { objects: { oid } })),
      ['content_invalid'],
      /objects must be array/,
    )
    await against(
      batch((response) => answer(response, 200, { objects: [] })),
      ['content_invalid'],
      /says nothing of it/,
    )
    await against(
      batch((response) => answer(response, 200, { transfer: 'tus', objects: [] })),
      ['content_invalid'],
      /another transfer/,
    )
    await against(
      batch((response, { oids }) =>
        answer(response, 200, {
          objects: oids.map((one) => ({ oid: one, size: 5, actions: { download: { href: upstream.downloads } } })),
        }),
      ),
      ['content_invalid'],
      /5 bytes/,
    )
    await against(
      batch((response) =>
        flood(response.writeHead(200).write('{"objects":[') ? response : response, '{"oid":"x"},'.repeat(1000)),
      ),
      ['content_invalid'],
      /KiB/,
    )
    await against(
      batch((response) => answer(response, 200, { objects: Array.from({ length: 101 }, () => ({ oid })) })),
      ['content_invalid'],
      /objects/,
    )
    await recovers()
  })

  it('refuses or fails', async () => {
    const status = (code: number, body: object = {}) => hitting('batch', (response) => answer(response, code, body))
    await against(status(500), ['upstream_refused'], /500/)
    await against(status(429), ['upstream_refused'], /too many/)
    await against(status(401), ['auth_rejected'], /credentials/)
    await against(
      status(403, { message: 'This repository is over its data quota. https://evil.example/?in-the-address' }),
      ['auth_rejected'],
      /over its data quota/,
    )
    for (const code of [404, 501]) await against(status(code), ['upstream_missing'], /no LFS server.*lfs_url/)
    await against(
      hitting('batch', (response) => response.writeHead(302, { location: '/other' }).end()),
      ['upstream_missing'],
      /final one as lfs_url/,
    )
    await against(
      hitting('batch', (response, { oids }) =>
        answer(response, 200, { objects: oids.map((one) => ({ oid: one, error: { code: 500, message: 'x' } })) }),
      ),
      ['upstream_refused'],
      /500/,
    )
    await recovers()
  })

  it('comes back in time when it asks for patience', async () => {
    let refused = 0
    upstream.lie = hitting('batch', (response) => response.writeHead(503, { 'retry-after': '0' }).end())
    const lie = upstream.lie
    upstream.lie = (question, response) => refused++ < 1 && lie(question, response)
    await recovers()
    expect(refused).toBeGreaterThan(1)
  })

  it('leads to addresses where no mirror goes', async () => {
    for (const href of [
      'http://169.254.169.254/latest/meta-data?in-the-address',
      'http://[::ffff:169.254.169.254]/',
      'http://2852039166/',
      'http://100.100.100.200/x',
    ]) {
      await against(offering({ href }), ['address_forbidden'], /link-local/)
    }
    await against(offering({ href: 'file:///etc/passwd' }), ['upstream_refused'], /not an address we follow/)
    await against(offering({ href: '/relative' }), ['content_invalid'], /is none/)
    await against(
      offering({ href: 'http://eve:correct-horse-battery@127.0.0.1/' }),
      ['upstream_refused'],
      /password in it/,
    )
    await against(
      hitting('object', (response) =>
        response.writeHead(302, { location: 'http://169.254.169.254/?in-the-redirect' }).end(),
      ),
      ['address_forbidden'],
      /link-local/,
    )
    await against(
      hitting('batch', (response) => response.writeHead(307, { location: 'http://169.254.169.254/' }).end()),
      ['address_forbidden'],
      /link-local/,
    )
    await commit(join(dir, 'a.git'), {
      message: 'config',
      files: { '.lfsconfig': '[lfs]\n\turl = http://169.254.169.254/lfs\n' },
    })
    await against(() => false, ['address_forbidden'], /link-local/)
    await commit(join(dir, 'a.git'), {
      message: 'config',
      files: { '.lfsconfig': '[lfs]\n\turl = ssh://git@example.org/lfs\n' },
    })
    await against(() => false, ['upstream_refused'], /lfs_url/)
  })

  it('wants headers sent that would end the request', async () => {
    for (const header of [{ 'X-A': 'a\r\nX-B: b' }, { 'X A': 'a' }, { 'X-A': { b: 1 } }, { '': 'a' }])
      await against(offering({ href: upstream.downloads, header }), ['content_invalid'], /./)
    await recovers()
  })

  it('redirects to another host: it sees no credentials, and its address is shown without secrets', async () => {
    const other = await elsewhere((response) => send(upstream.stored(oid), { headers: {} }, response))
    await against(
      hitting('batch', (response) =>
        response.writeHead(307, { location: `${other.origin}/batch?in-the-redirect` }).end(),
      ),
      ['content_invalid'],
      /not JSON/,
    )
    other.got.length = 0
    upstream.lie = hitting('object', (response) =>
      response.writeHead(302, { location: `${other.origin}/x?in-the-redirect` }).end(),
    )
    const report = await sync()
    expect(report).toMatchObject({ outcome: 'success' })
    expect(other.got.map((headers) => [headers.authorization, headers['x-ticket']])).toEqual([[undefined, undefined]])
    expect(sandbox.log(report)).toContain(`redirected to ${other.origin}\n`)
    expect(shownSecrets(sandbox, report)).toEqual([])
    await recovers()
  })

  it('is the upstream itself: objects with credentials of their own do not get ours, others do', async () => {
    const seen: (string | undefined)[] = []
    for (const header of [{ Authorization: 'Own x' }, {}]) {
      upstream.lie = ({ what, oids, headers }, response) => {
        if (what === 'batch')
          return answer(response, 200, {
            objects: oids.map((one) => ({
              oid: one,
              actions: { download: { href: `${upstream.url}/a.git/info/lfs/objects/${one}`, header } },
            })),
          })
        seen.push(headers.authorization)
        return answer(response, 403, {})
      }
      expect(await sync({}, { auth: { type: 'basic', ...USER } })).toMatchObject({
        outcome: 'failed',
        reason: 'auth_rejected',
      })
    }
    expect(new Set(seen)).toEqual(
      new Set(['Own x', `Basic ${Buffer.from('bob:correct-horse-battery').toString('base64')}`]),
    )
    expect(seen[0]).toBe('Own x')
  })

  it('is on another host than the upstream: it gets no credentials', async () => {
    const other = await elsewhere((response) => answer(response, 401, {}))
    expect(await sync({ lfs_url: `${other.origin}/lfs` }, { auth: { type: 'basic', ...USER } })).toMatchObject({
      outcome: 'failed',
      reason: 'auth_rejected',
    })
    expect(other.got.map(({ authorization }) => authorization)).toEqual([undefined])
  })
})
