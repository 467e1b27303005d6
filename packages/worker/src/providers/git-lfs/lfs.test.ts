// lfs.test.ts — Git LFS in the kind git: the real git-lfs pushes to the upstream, and clones from the copy what it
// pushed.
import { createHash, randomBytes } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { runChild, startGitDaemon } from '@kagami/demo'
import { describe, expect, it } from 'vitest'
import { readTree } from '../../testing/sandbox.ts'
import { answer, lfsForEach, startLfsUpstream } from '../../testing/lfs-server.ts'

describe('a git mirror with LFS', () => {
  const lfs = lfsForEach()

  const refs = () => runChild('git', [`--git-dir=${lfs.sandbox.published}`, 'for-each-ref'])

  it('gives git-lfs every file, byte for byte, and leaves nothing else behind', async () => {
    const report = await lfs.sync()
    expect(report, report.message ?? '').toMatchObject({ outcome: 'success', message: null })
    expect(lfs.sandbox.fetched()).toHaveLength(2)
    await lfs.cloneIsWhole(lfs.first)
    expect(report.bytes).toBeGreaterThan(703_000)
    expect(report.size_bytes).toBeGreaterThan(703_000)
    expect(readdirSync(join(lfs.sandbox.published, 'lfs')).sort()).toEqual(['kagami.json', 'objects'])
    expect(existsSync(join(lfs.sandbox.published, 'lfs-parts'))).toBe(false)
  })

  it('asks the LFS server nothing, and starts no git, while nothing changed', async () => {
    await lfs.sync()
    lfs.upstream.asked.length = 0
    const before = readTree(lfs.sandbox.published)
    const path = process.env.PATH
    process.env.PATH = '/nonexistent'
    try {
      expect(await lfs.sync()).toMatchObject({ outcome: 'success', message: null, bytes: 0 })
    } finally {
      process.env.PATH = path
    }
    expect(lfs.upstream.asked).toEqual([])
    expect(readTree(lfs.sandbox.published)).toEqual(before)
  })

  it('fetches only what is new, of every branch', async () => {
    await lfs.sync()
    lfs.upstream.asked.length = 0
    const more = { 'three.bin': randomBytes(5000) }
    const aside = { 'four.bin': randomBytes(6000) }
    const oids = [
      ...(await lfs.author.push({ lfs: more })),
      ...(await lfs.author.push({ lfs: aside, branch: 'aside' })),
    ]
    lfs.upstream.asked.length = 0
    // What was covered before is not looked at again, until the weekly check.
    const old = lfs.sandbox.placeOf(createHash('sha256').update(lfs.first['two.bin']!).digest('hex'))
    rmSync(old)
    expect(await lfs.sync()).toMatchObject({ outcome: 'success' })
    expect(lfs.sandbox.fetched().sort()).toEqual(oids.sort())
    writeFileSync(old, lfs.first['two.bin']!)
    await lfs.cloneIsWhole({ ...lfs.first, ...more })
    await lfs.cloneIsWhole({ ...lfs.first, ...more, ...aside }, 'aside')
  })

  it('gets everything once when LFS is turned on for a copy that was without', async () => {
    expect(await lfs.sync({ lfs: false })).toMatchObject({ outcome: 'success' })
    expect(existsSync(join(lfs.sandbox.published, 'lfs'))).toBe(false)
    expect(lfs.upstream.asked).toEqual([])
    expect(await lfs.sync()).toMatchObject({ outcome: 'success' })
    await lfs.cloneIsWhole(lfs.first)
  })

  it('gets it in one step where trees are swapped, and keeps meanwhile what came', async () => {
    expect(await lfs.sync({ lfs: false, publish: 'swap' })).toMatchObject({ outcome: 'success' })
    lfs.upstream.lie = ({ what, oids }, response) =>
      what === 'object' && statSync(lfs.upstream.stored(oids[0]!)).size > 10_000 && answer(response, 200, {})
    expect(await lfs.sync({ publish: 'swap' })).toMatchObject({ outcome: 'failed', reason: 'content_invalid' })
    expect(existsSync(join(lfs.sandbox.published, 'lfs', 'objects'))).toBe(false)
    lfs.upstream.lie = () => false
    lfs.upstream.asked.length = 0
    expect(await lfs.sync({ publish: 'swap' })).toMatchObject({ outcome: 'success' })
    expect(lfs.sandbox.fetched()).toHaveLength(1)
    await lfs.cloneIsWhole(lfs.first)
  })

  it('goes on with a first copy where it broke off: neither the clone nor what came is fetched again', async () => {
    let cut = true
    lfs.upstream.lie = ({ what, headers, oids }, response) => {
      if (what !== 'object' || statSync(lfs.upstream.stored(oids[0]!)).size < 10_000) return false
      if (!cut) return headers.range === undefined && answer(response, 500, {})
      const whole = readFileSync(lfs.upstream.stored(oids[0]!))
      response
        .writeHead(200, { 'content-length': whole.length, etag: '"whole"' })
        .write(whole.subarray(0, 400_000), () => response.destroy())
      return true
    }
    const report = await lfs.sync()
    expect(report).toMatchObject({ outcome: 'failed', message: expect.stringContaining('Git LFS') })
    expect(existsSync(lfs.sandbox.published)).toBe(false)
    cut = false
    lfs.upstream.asked.length = 0
    const second = await lfs.sync()
    expect(second, second.message ?? '').toMatchObject({ outcome: 'success' })
    expect(lfs.sandbox.fetched()).toHaveLength(1)
    expect(lfs.sandbox.log(second)).toContain('goes on with the clone')
    await lfs.cloneIsWhole(lfs.first)
  })

  it('moves no ref before its LFS files are there, and follows once they are', async () => {
    await lfs.sync()
    const before = await refs()
    const more = { 'three.bin': randomBytes(5000), 'four.bin': randomBytes(900) }
    await lfs.author.push({ lfs: more })
    let broken = true
    lfs.upstream.lie = ({ what }, response) => broken && what === 'object' && answer(response, 500, {})
    const packs = readdirSync(join(lfs.sandbox.published, 'objects', 'pack'))
    expect(await lfs.sync()).toMatchObject({ outcome: 'failed', reason: 'upstream_refused' })
    expect(await refs()).toBe(before)
    expect(readdirSync(join(lfs.sandbox.published, 'objects', 'pack'))).toEqual(packs)
    broken = false
    expect(await lfs.sync()).toMatchObject({ outcome: 'success' })
    await lfs.cloneIsWhole({ ...lfs.first, ...more })
  })

  it('is published whole with publish = "swap", and goes back whole', async () => {
    const swap = { publish: 'swap' }
    expect(await lfs.sync(swap)).toMatchObject({ outcome: 'success' })
    const more = { 'three.bin': randomBytes(5000) }
    const [oid] = await lfs.author.push({ lfs: more })
    lfs.upstream.lie = ({ what }, response) => what === 'object' && answer(response, 500, {})
    const before = readTree(lfs.sandbox.published)
    expect(await lfs.sync(swap)).toMatchObject({ outcome: 'failed' })
    expect(readTree(lfs.sandbox.published)).toEqual(before)
    lfs.upstream.lie = () => false
    expect(await lfs.sync(swap)).toMatchObject({ outcome: 'success' })
    await lfs.cloneIsWhole({ ...lfs.first, ...more })
    const trees = () =>
      readdirSync(join(lfs.sandbox.dataDir, '.generations', 'copy')).filter((entry) => /^\d+$/.test(entry))
    const there = trees()
    lfs.sandbox.age()
    expect(await lfs.sync(swap)).toMatchObject({ outcome: 'success' })
    expect(trees()).toEqual(there)
    // What is covered is said of a tree, not of a replica: an earlier one lacks what came since.
    expect(await lfs.sync(swap, { task: { type: 'rollback', to: null } })).toMatchObject({ outcome: 'success' })
    expect(existsSync(lfs.sandbox.placeOf(oid!))).toBe(false)
    expect(await lfs.sync(swap)).toMatchObject({ outcome: 'success' })
    await lfs.cloneIsWhole({ ...lfs.first, ...more })
  })

  it('is not begun when it would be larger than its quota', async () => {
    await lfs.author.push({ lfs: { 'big.bin': randomBytes(1_500_000) } })
    expect(await lfs.sync({ quota_mib: 1 })).toMatchObject({ outcome: 'failed', reason: 'quota_exceeded' })
    expect(lfs.sandbox.fetched()).toEqual([])
  })

  it('takes the LFS server from lfs_url, else from .lfsconfig, without the password in it', async () => {
    await lfs.author.push({
      plain: {
        '.lfsconfig': `[lfs]\n\turl = ${lfs.upstream.url.replace('://', '://eve:hidden-pass@')}/elsewhere/info/lfs\n`,
      },
    })
    let asked = ''
    lfs.upstream.lie = ({ what, headers }, response) => {
      if (what === 'batch') asked = `${response.req.url} ${headers.authorization ?? ''}`
      return false
    }
    const report = await lfs.sync()
    expect(report).toMatchObject({ outcome: 'success' })
    expect(asked.trim()).toBe('/elsewhere/info/lfs/objects/batch')
    expect(JSON.stringify(report) + lfs.sandbox.log(report)).not.toContain('hidden-pass')
    rmSync(lfs.sandbox.published, { recursive: true })
    expect(
      await lfs.sync({ lfs_url: `${lfs.upstream.url}/chosen/info/lfs/` }, { name: 'second', replicaId: 'replica-2' }),
    ).toMatchObject({ outcome: 'success' })
    expect(asked.trim()).toBe('/chosen/info/lfs/objects/batch')
  })

  it('gives git-lfs its files over http, where an LFS server reads them from the copy', async () => {
    await lfs.sync()
    const server = await startLfsUpstream({ dir: lfs.sandbox.dataDir })
    server.stored = (oid) => lfs.sandbox.placeOf(oid)
    const [one] = await lfs.author.read(`${server.url}/copy`, ['one.bin'])
    expect(one!.equals(lfs.first['one.bin']!)).toBe(true)
    expect(server.asked.map(({ what }) => what).sort()).toEqual(['batch', 'object', 'object'])
    await server.stop()
  })

  it('over git:// needs the address of the LFS server', async () => {
    const daemon = await startGitDaemon({ dir: lfs.sandbox.dirUpstream })
    const report = await lfs.sync({}, { upstream: `${daemon.url}/a.git` })
    expect(report).toMatchObject({
      outcome: 'failed',
      reason: 'invalid_options',
      message: expect.stringContaining('lfs_url'),
    })
    expect(
      await lfs.sync({ lfs_url: `${lfs.upstream.url}/a.git/info/lfs` }, { upstream: `${daemon.url}/a.git` }),
    ).toMatchObject({ outcome: 'success' })
    await daemon.stop()
    await lfs.cloneIsWhole(lfs.first)
  })
})
