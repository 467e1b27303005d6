// peers.test.ts — Which addresses are public, private or never allowed; that tools connect to the address that was
// checked, and syncs never to the wrong side.
import { readFileSync, writeFileSync } from 'node:fs'
import { connect, createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import {
  commit,
  ensureRepository,
  startGitDaemon,
  startGitUpstream,
  startHttpUpstream,
  startRsyncUpstream,
  writeFiles,
} from '@kagami/demo'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createSandbox, readTree, type Sandbox } from '../testing/sandbox.ts'
import { createPeers, reachOf } from './peers.ts'

describe('an address', () => {
  test.each([
    '127.0.0.1',
    '127.8.9.10',
    '10.1.2.3',
    '172.16.0.1',
    '192.168.1.1',
    '100.64.0.1',
    '0.0.0.0',
    '::1',
    '::',
    '::127.0.0.1',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '[::ffff:10.0.0.1]',
    '64:ff9b::7f00:1',
    '2002:7f00:1::',
    'fc00::1',
    'fd12::1',
    '224.0.0.1',
    '255.255.255.255',
    '198.18.0.1',
    '2001:db8::1',
    '::ffff:0:10.0.0.1',
    '64:ff9b:1::10.0.0.1',
    '64:ff9b:1:a00:0:100::',
    '64:ff9b:1::8.8.8.8',
    '2001:0:808:808::f5ff:fffe',
    '2001:0:a00:1:0:0:f7f7:f7f7',
    '2002:c0a8:101::1',
    '2001:4860::5efe:10.0.0.1',
  ])('%s is private', (address) => expect(reachOf(address)).toBe('private'))
  test.each([
    '169.254.169.254',
    '169.254.0.1',
    'fe80::1',
    'fe80::1%eth0',
    '::ffff:169.254.169.254',
    '::ffff:a9fe:a9fe',
    '64:ff9b::a9fe:a9fe',
    '2002:a9fe:a9fe::1',
    'fd00:ec2::254',
    '100.100.100.200',
    'fd00:ec2::23',
    'fd20:ce::254',
    'fd00:42::42',
    '192.0.0.192',
    '168.63.129.16',
    '::ffff:168.63.129.16',
    '::169.254.169.254',
    '::ffff:0:169.254.169.254',
    '64:ff9b:1::a9fe:a9fe',
    '64:ff9b:1:a9fe:a9:fe00::',
    '2001:0:a9fe:a9fe::1',
    '2001:0:808:808::5601:5601',
    '2001:4860::200:5efe:169.254.169.254',
  ])('%s is never asked', (address) => expect(reachOf(address)).toBe('never'))
  test.each([
    '8.8.8.8',
    '203.0.114.1',
    '2606:4700::1111',
    '::ffff:8.8.8.8',
    '::ffff:0:8.8.8.8',
    '64:ff9b::8.8.8.8',
    '2002:808:808::1',
    '2001:0:808:808::f7f7:f7f7',
    '172.32.0.1',
    '100.128.0.1',
    '168.63.129.17',
  ])('%s is public', (address) => expect(reachOf(address)).toBe('public'))
})

describe('the peers of a run', () => {
  const failure = (act: () => void) => {
    try {
      act()
      return null
    } catch (error) {
      return (error as { reason?: string }).reason ?? error
    }
  }

  test('may be private, as internal mirrors are', () => {
    expect(failure(() => createPeers({ publicOnly: false, known: null }).check('10.0.0.1'))).toBeNull()
    expect(failure(() => createPeers({ publicOnly: false, known: 'private' }).check('127.0.0.1'))).toBeNull()
  })

  test('are never private once the upstream was public: in this run or in an earlier one', () => {
    const peers = createPeers({ publicOnly: false, known: null })
    peers.check('8.8.8.8')
    expect(peers.reach).toBe('public')
    expect(failure(() => peers.check('127.0.0.1'))).toBe('address_forbidden')
    expect(failure(() => createPeers({ publicOnly: false, known: 'public' }).check('::ffff:192.168.0.1'))).toBe(
      'address_forbidden',
    )
  })

  test('may become private where the replica allows it, but never link-local, nor against the worker', () => {
    const peers = createPeers({ publicOnly: false, known: 'public', allowPrivate: true })
    for (const address of ['8.8.8.8', '10.0.0.1', '127.0.0.1']) expect(failure(() => peers.check(address))).toBeNull()
    expect(failure(() => peers.check('169.254.169.254'))).toBe('address_forbidden')
    expect(
      failure(() => createPeers({ publicOnly: true, known: 'public', allowPrivate: true }).check('10.0.0.1')),
    ).toBe('address_forbidden')
  })

  test('are public only, where the worker says so', () => {
    for (const address of ['127.0.0.1', '::1', '192.168.0.1', '::ffff:7f00:1'])
      expect(failure(() => createPeers({ publicOnly: true, known: null }).check(address))).toBe('address_forbidden')
    expect(failure(() => createPeers({ publicOnly: true, known: null }).check('8.8.8.8'))).toBeNull()
  })

  test('are never link-local, and a name that leads there is refused before anything is asked', async () => {
    await expect(createPeers({ publicOnly: false, known: null }).resolve('169.254.169.254')).rejects.toMatchObject({
      reason: 'address_forbidden',
    })
    await expect(createPeers({ publicOnly: true, known: null }).resolve('localhost')).rejects.toMatchObject({
      reason: 'address_forbidden',
    })
    await expect(createPeers({ publicOnly: false, known: null }).resolve('no-such-host.invalid')).rejects.toMatchObject(
      { reason: 'upstream_unreachable' },
    )
    for (const spelling of ['2130706433', '0x7f000001', '127.1', '0'])
      await expect(createPeers({ publicOnly: true, known: null }).resolve(spelling)).rejects.toMatchObject({
        reason: 'address_forbidden',
      })
  })
})

describe('the address that was checked', () => {
  test.each(['git', 'http', 'rsync'] as const)(
    'is the one that is asked by git over git:// and http, and by rsync: %s',
    async (scheme) => {
      const sandbox = createSandbox()
      const up = join(sandbox.dir, 'up')
      await ensureRepository(join(up, 'a.git'))
      await commit(join(up, 'a.git'), { message: 'first', files: { 'a.txt': 'a\n' } })
      writeFiles(join(up, 'files'), { 'a.txt': 'a\n' })
      const upstream = await { git: startGitDaemon, http: startGitUpstream, rsync: startRsyncUpstream }[scheme]({
        dir: up,
      })
      const call = {
        kind: scheme === 'rsync' ? 'rsync' : 'git',
        upstream: `${scheme}://mirror.invalid:${upstream.port}/${scheme === 'rsync' ? 'files' : 'a.git'}`,
        options: {},
      }
      try {
        expect(await sandbox.sync(call)).toMatchObject({ outcome: 'failed', reason: 'upstream_unreachable' })
        // The machine's name server does not know the name: a tool that looked it up again would fail.
        for (const options of [{}, scheme === 'rsync' ? { compress: false } : { refs: ['refs/heads/*'] }]) {
          expect(
            await sandbox.sync({
              ...call,
              options,
              foundAt: '127.0.0.1',
              name: `copy-${Object.keys(options).length}`,
              replicaId: `r-${Object.keys(options).length}`,
            }),
          ).toMatchObject({ outcome: 'success', files: 1 })
        }
        await commit(join(up, 'a.git'), { message: 'second', branch: 'other', files: { 'b.txt': 'b\n' } })
        writeFiles(join(up, 'files'), { 'b.txt': 'b\n' })
        expect(await sandbox.sync({ ...call, foundAt: '127.0.0.1', name: 'copy-0', replicaId: 'r-0' })).toMatchObject({
          outcome: 'success',
          files: 2,
        })
      } finally {
        await upstream.stop()
        sandbox.remove()
      }
    },
  )

  test('does not hide its name from a git server of many names', async () => {
    const sandbox = createSandbox()
    await ensureRepository(join(sandbox.dir, 'a.git'))
    await commit(join(sandbox.dir, 'a.git'), { message: 'first', files: { 'a.txt': 'a\n' } })
    const daemon = await startGitDaemon({ dir: sandbox.dir })
    const said: string[] = []
    const server = createServer((client) => {
      const behind = connect(daemon.port, '127.0.0.1')
      const index = said.push('') - 1
      client.on('data', (chunk: Buffer) => void (said[index] += chunk.toString('latin1')))
      for (const [from, to] of [
        [client, behind],
        [behind, client],
      ] as const)
        from.on('error', () => to.destroy()).pipe(to)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    expect(
      await sandbox.sync({ kind: 'git', upstream: `git://mirror.invalid:${port}/a.git`, foundAt: '127.0.0.1' }),
    ).toMatchObject({ outcome: 'success' })
    // Kagami requests the list of refs, git what they name.
    expect(said).toHaveLength(2)
    for (const request of said) expect(request).toContain(`host=mirror.invalid:${port}\0`)
    server.close()
    await daemon.stop()
    sandbox.remove()
  })
})

describe('an upstream on the wrong side', () => {
  let sandbox: Sandbox
  let upstream: { url: string; port: number; stop(): Promise<void> }
  let asked = 0
  beforeEach(async () => {
    sandbox = createSandbox()
    writeFiles(join(sandbox.dir, 'up'), { 'a.txt': 'a\n' })
    asked = 0
    upstream = await startHttpUpstream({
      dir: join(sandbox.dir, 'up'),
      intercept: () => {
        asked++
        return false
      },
    })
  })
  afterEach(async () => {
    await upstream.stop()
    sandbox.remove()
  })

  test('is refused for every kind when only public ones are wanted, and asked nothing', async () => {
    const calls = [
      { kind: 'rsync', upstream: `rsync://127.0.0.1:${upstream.port}/files/` },
      { kind: 'git', upstream: `http://127.0.0.1:${upstream.port}/a.git` },
      { kind: 'git', upstream: `git://localhost:${upstream.port}/a.git` },
      { kind: 'http', upstream: `http://2130706433:${upstream.port}/a.txt` },
    ]
    for (const call of calls)
      expect(await sandbox.sync({ ...call, publicOnly: true, name: call.kind, replicaId: call.kind })).toMatchObject({
        outcome: 'failed',
        reason: 'address_forbidden',
      })
    expect(await sandbox.sync({ kind: 'git', upstream: 'http://169.254.169.254/latest' })).toMatchObject({
      reason: 'address_forbidden',
    })
    expect(asked).toBe(0)
  })

  test('is refused when earlier runs found it on the other, until the replica allows it', async () => {
    const call = { kind: 'http', upstream: `${upstream.url}/a.txt` }
    expect(await sandbox.sync(call)).toMatchObject({ outcome: 'success' })
    const marker = join(sandbox.dataDir, '.kagami', 'trees', 'copy.json')
    const { checksum: _of, ...found } = JSON.parse(readFileSync(marker, 'utf8')) as Record<string, unknown>
    expect(found).toMatchObject({ reach: 'private' })
    // Tests do not use the internet: that a public address was found is written by hand.
    writeFileSync(marker, JSON.stringify({ ...found, reach: 'public' }))
    const before = asked
    expect(await sandbox.sync(call)).toMatchObject({ outcome: 'failed', reason: 'address_forbidden' })
    expect(asked).toBe(before)
    expect(readTree(sandbox.published)).toEqual({ 'a.txt': 'a\n' })
    expect(await sandbox.sync({ ...call, options: { allow_private: true } })).toMatchObject({ outcome: 'success' })
    expect(await sandbox.sync(call)).toMatchObject({ outcome: 'success' })
  })
})
