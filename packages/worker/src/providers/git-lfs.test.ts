// git-lfs.test.ts — Git LFS in the kind git: the real git-lfs pushes to the upstream, and clones from the copy what it pushed.
import { createHash, randomBytes } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { runChild, startGitDaemon } from '@kagami/demo'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readTree } from './testing.ts'
import { answer, createLfsBench, startLfsUpstream, type Author, type LfsBench, type LfsUpstream } from './testing-lfs.ts'

describe('a git mirror with LFS', () => {
  let bench: LfsBench
  let upstream: LfsUpstream
  let author: Author
  let first: Record<string, Buffer>
  beforeEach(async () => {
    bench = await createLfsBench()
    upstream = bench.upstream
    author = bench.author
    first = await bench.pushFirst()
  })
  afterEach(() => bench.stop())

  const sync: LfsBench['syncLfs'] = (options, more) => bench.syncLfs(options, more)
  const fetched = () => bench.fetched()
  const placeOf = (oid: string) => bench.placeOf(oid)
  const cloneIsWhole = async (files: Record<string, Buffer>, ref?: string) => expect(await bench.strangeInClone(files, ref)).toEqual([])

  const refs = () => runChild('git', [`--git-dir=${bench.published}`, 'for-each-ref'])

  it('gives git-lfs every file, byte for byte, and leaves nothing else behind', async () => {
    const report = await sync()
    expect(report, report.message ?? '').toMatchObject({ outcome: 'success', message: null })
    expect(fetched()).toHaveLength(2)
    await cloneIsWhole(first)
    expect(report.bytes).toBeGreaterThan(703_000)
    expect(report.size_bytes).toBeGreaterThan(703_000)
    expect(readdirSync(join(bench.published, 'lfs')).sort()).toEqual(['kagami.json', 'objects'])
    expect(existsSync(join(bench.published, 'lfs-parts'))).toBe(false)
  })

  it('asks the LFS server nothing, and starts no git, while nothing changed', async () => {
    await sync()
    upstream.asked.length = 0
    const before = readTree(bench.published)
    const path = process.env.PATH
    process.env.PATH = '/nonexistent'
    try {
      expect(await sync()).toMatchObject({ outcome: 'success', message: null, bytes: 0 })
    } finally {
      process.env.PATH = path
    }
    expect(upstream.asked).toEqual([])
    expect(readTree(bench.published)).toEqual(before)
  })

  it('fetches only what is new, of every branch', async () => {
    await sync()
    upstream.asked.length = 0
    const more = { 'three.bin': randomBytes(5000) }
    const aside = { 'four.bin': randomBytes(6000) }
    const oids = [...(await author.push({ lfs: more })), ...(await author.push({ lfs: aside, branch: 'aside' }))]
    upstream.asked.length = 0
    // What was covered before is not looked at again, until the weekly check.
    const old = placeOf(createHash('sha256').update(first['two.bin']!).digest('hex'))
    rmSync(old)
    expect(await sync()).toMatchObject({ outcome: 'success' })
    expect(fetched().sort()).toEqual(oids.sort())
    writeFileSync(old, first['two.bin']!)
    await cloneIsWhole({ ...first, ...more })
    await cloneIsWhole({ ...first, ...more, ...aside }, 'aside')
  })

  it('gets everything once when LFS is turned on for a copy that was without', async () => {
    expect(await sync({ lfs: false })).toMatchObject({ outcome: 'success' })
    expect(existsSync(join(bench.published, 'lfs'))).toBe(false)
    expect(upstream.asked).toEqual([])
    expect(await sync()).toMatchObject({ outcome: 'success' })
    await cloneIsWhole(first)
  })

  it('gets it in one step where trees are swapped, and keeps meanwhile what came', async () => {
    expect(await sync({ lfs: false, publish: 'swap' })).toMatchObject({ outcome: 'success' })
    upstream.lie = ({ what, oids }, response) => what === 'object' && statSync(upstream.stored(oids[0]!)).size > 10_000 && answer(response, 200, {})
    expect(await sync({ publish: 'swap' })).toMatchObject({ outcome: 'failed', reason: 'content_invalid' })
    expect(existsSync(join(bench.published, 'lfs', 'objects'))).toBe(false)
    upstream.lie = () => false
    upstream.asked.length = 0
    expect(await sync({ publish: 'swap' })).toMatchObject({ outcome: 'success' })
    expect(fetched()).toHaveLength(1)
    await cloneIsWhole(first)
  })

  it('goes on with a first copy where it broke off: neither the clone nor what came is fetched again', async () => {
    let cut = true
    upstream.lie = ({ what, headers, oids }, response) => {
      if (what !== 'object' || statSync(upstream.stored(oids[0]!)).size < 10_000) return false
      if (!cut) return headers.range === undefined && answer(response, 500, {})
      const whole = readFileSync(upstream.stored(oids[0]!))
      response.writeHead(200, { 'content-length': whole.length, etag: '"whole"' }).write(whole.subarray(0, 400_000), () => response.destroy())
      return true
    }
    const report = await sync()
    expect(report).toMatchObject({ outcome: 'failed', message: expect.stringContaining('Git LFS') })
    expect(existsSync(bench.published)).toBe(false)
    cut = false
    upstream.asked.length = 0
    const second = await sync()
    expect(second, second.message ?? '').toMatchObject({ outcome: 'success' })
    expect(fetched()).toHaveLength(1)
    expect(bench.log(second)).toContain('goes on with the clone')
    await cloneIsWhole(first)
  })

  it('moves no ref before its LFS files are there, and follows once they are', async () => {
    await sync()
    const before = await refs()
    const more = { 'three.bin': randomBytes(5000), 'four.bin': randomBytes(900) }
    await author.push({ lfs: more })
    let broken = true
    upstream.lie = ({ what }, response) => broken && what === 'object' && answer(response, 500, {})
    const packs = readdirSync(join(bench.published, 'objects', 'pack'))
    expect(await sync()).toMatchObject({ outcome: 'failed', reason: 'upstream_refused' })
    expect(await refs()).toBe(before)
    expect(readdirSync(join(bench.published, 'objects', 'pack'))).toEqual(packs)
    broken = false
    expect(await sync()).toMatchObject({ outcome: 'success' })
    await cloneIsWhole({ ...first, ...more })
  })

  it('is published whole with publish = "swap", and goes back whole', async () => {
    const swap = { publish: 'swap' }
    expect(await sync(swap)).toMatchObject({ outcome: 'success' })
    const more = { 'three.bin': randomBytes(5000) }
    const [oid] = await author.push({ lfs: more })
    upstream.lie = ({ what }, response) => what === 'object' && answer(response, 500, {})
    const before = readTree(bench.published)
    expect(await sync(swap)).toMatchObject({ outcome: 'failed' })
    expect(readTree(bench.published)).toEqual(before)
    upstream.lie = () => false
    expect(await sync(swap)).toMatchObject({ outcome: 'success' })
    await cloneIsWhole({ ...first, ...more })
    const trees = () => readdirSync(join(bench.dataDir, '.generations', 'copy')).filter((entry) => /^\d+$/.test(entry))
    const there = trees()
    bench.age()
    expect(await sync(swap)).toMatchObject({ outcome: 'success' })
    expect(trees()).toEqual(there)
    // What is covered is said of a tree, not of a replica: an earlier one lacks what came since.
    expect(await sync(swap, { task: { type: 'rollback', to: null } })).toMatchObject({ outcome: 'success' })
    expect(existsSync(placeOf(oid!))).toBe(false)
    expect(await sync(swap)).toMatchObject({ outcome: 'success' })
    await cloneIsWhole({ ...first, ...more })
  })

  it('is not begun when it would be larger than its quota', async () => {
    await author.push({ lfs: { 'big.bin': randomBytes(1_500_000) } })
    expect(await sync({ quota_mib: 1 })).toMatchObject({ outcome: 'failed', reason: 'quota_exceeded' })
    expect(fetched()).toEqual([])
  })

  it('takes the LFS server from lfs_url, else from .lfsconfig, without the password in it', async () => {
    await author.push({ plain: { '.lfsconfig': `[lfs]\n\turl = ${upstream.url.replace('://', '://eve:hidden-pass@')}/elsewhere/info/lfs\n` } })
    let asked = ''
    upstream.lie = ({ what, headers }, response) => {
      if (what === 'batch') asked = `${response.req.url} ${headers.authorization ?? ''}`
      return false
    }
    const report = await sync()
    expect(report).toMatchObject({ outcome: 'success' })
    expect(asked.trim()).toBe('/elsewhere/info/lfs/objects/batch')
    expect(JSON.stringify(report) + bench.log(report)).not.toContain('hidden-pass')
    rmSync(bench.published, { recursive: true })
    expect(await sync({ lfs_url: `${upstream.url}/chosen/info/lfs/` }, { name: 'second', replicaId: 'replica-2' })).toMatchObject({ outcome: 'success' })
    expect(asked.trim()).toBe('/chosen/info/lfs/objects/batch')
  })

  it('gives git-lfs its files over http, where an LFS server reads them from the copy', async () => {
    await sync()
    const server = await startLfsUpstream({ dir: bench.dataDir })
    server.stored = (oid) => placeOf(oid)
    const [one] = await author.read(`${server.url}/copy`, ['one.bin'])
    expect(one!.equals(first['one.bin']!)).toBe(true)
    expect(server.asked.map(({ what }) => what).sort()).toEqual(['batch', 'object', 'object'])
    await server.stop()
  })

  it('over git:// wants to be told where the LFS server is', async () => {
    const daemon = await startGitDaemon({ dir: bench.dirUpstream })
    const report = await sync({}, { upstream: `${daemon.url}/a.git` })
    expect(report).toMatchObject({ outcome: 'failed', reason: 'invalid_options', message: expect.stringContaining('lfs_url') })
    expect(await sync({ lfs_url: `${upstream.url}/a.git/info/lfs` }, { upstream: `${daemon.url}/a.git` })).toMatchObject({ outcome: 'success' })
    await daemon.stop()
    await cloneIsWhole(first)
  })

})
