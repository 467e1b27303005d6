// secrets.test.ts — Which credentials an LFS server sees, and where it may send the worker.
import { randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { ensureRepository, runChild } from '@kagami/demo'
import { describe, expect, it } from 'vitest'
import { createPaces } from '../../http/pace.ts'
import { createPeers } from '../../sync/peers.ts'
import { answer, createAuthor, startLfsUpstream } from '../../testing/lfs-server.ts'
import { shownSecrets, USER } from '../../testing/lfs-secrets.ts'
import { createSandbox } from '../../testing/sandbox.ts'
import { requestBatch, offerOf, type LfsServer } from './batch.ts'

describe('an LFS server with a password', () => {
  it('is asked with the upstream’s credentials, which are shown nowhere and go to no other host', async () => {
    const sandbox = createSandbox()
    const dir = join(sandbox.dir, 'upstream')
    await ensureRepository(join(dir, 'a.git'))
    const open = await startLfsUpstream({ dir })
    await runChild('git', [`--git-dir=${join(dir, 'a.git')}`, 'config', 'http.receivepack', 'true'])
    const author = await createAuthor(join(sandbox.dir, 'author'), open.url)
    await author.push({ lfs: { 'one.bin': randomBytes(4000) } })
    await open.stop()
    const upstream = await startLfsUpstream({ dir, auth: { ...USER, username: 'oauth2' } })
    const call = { kind: 'git', upstream: `${upstream.url}/a.git`, options: { lfs: true } }
    expect(await sandbox.sync({ ...call, auth: { type: 'token', token: 'no' } })).toMatchObject({
      outcome: 'failed',
      reason: 'auth_rejected',
    })
    const report = await sandbox.sync({ ...call, auth: { type: 'token', token: USER.password } })
    expect(report, report.message ?? '').toMatchObject({ outcome: 'success' })
    expect(
      upstream.asked.map(({ what, headers }) => [
        what,
        headers.authorization !== undefined,
        headers['x-ticket'] !== undefined,
      ]),
    ).toEqual([
      ['batch', true, false],
      ['object', false, true],
    ])
    expect(shownSecrets(sandbox, report)).toEqual([])
    await upstream.stop()
    sandbox.remove()
  })
})

describe('where an LFS server may lead', () => {
  it('is never to a private address once the upstream is public, and never from https to http', async () => {
    const upstream = createServer((_request, response) =>
      answer(response, 200, {
        objects: [{ oid: 'a'.repeat(64), actions: { download: { href: 'http://127.0.0.1/x' } } }],
      }),
    )
    await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve))
    const base = new URL(`http://127.0.0.1:${(upstream.address() as AddressInfo).port}/lfs`)
    const server = (known: 'public' | 'private'): LfsServer => ({
      base,
      home: base.origin,
      options: { timeout_secs: 5, allow_downgrade: false, min_rate_bps: 1 },
      context: {
        paces: createPaces(),
        auth: null,
        peers: createPeers({ publicOnly: false, known }),
        signal: new AbortController().signal,
        log: () => {},
        pause: async () => {},
      },
    })
    const object = { oid: 'a'.repeat(64), size: 1 }
    await expect(requestBatch(server('public'), [object])).rejects.toMatchObject({ reason: 'address_forbidden' })
    expect((await requestBatch(server('private'), [object])).offers).toHaveLength(1)
    upstream.close()
    const offer = (base: string, href: string) =>
      offerOf({ ...server('private'), base: new URL(base) }, object, {
        oid: object.oid,
        actions: { download: { href } },
      })
    expect(() => offer('https://example.org/lfs', 'http://example.org/x')).toThrow(
      /from https to http:\/\/example.org,/,
    )
    expect(offer('http://example.org/lfs', 'https://example.org/x')?.url.href).toBe('https://example.org/x')
  })
})
