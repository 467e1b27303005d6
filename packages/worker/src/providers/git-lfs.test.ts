// git-lfs.test.ts — Git LFS in the kind git: the real git-lfs pushes to the upstream, and clones from the copy what it pushed.
import { randomBytes } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ensureRepository, runChild, startGitDaemon } from '@kagami/demo'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { objectPath } from './git-lfs-store.ts'
import { createBench, readTree, type Bench } from './testing.ts'
import { answer, createAuthor, startLfsUpstream, type Author, type LfsUpstream } from './testing-lfs.ts'

describe('a git mirror with LFS', () => {
  let bench: Bench
  let dir: string
  let upstream: LfsUpstream
  let author: Author
  let first: Record<string, Buffer>
  beforeEach(async () => {
    bench = createBench()
    dir = join(bench.dir, 'upstream')
    await ensureRepository(join(dir, 'a.git'))
    await runChild('git', [`--git-dir=${join(dir, 'a.git')}`, 'config', 'http.receivepack', 'true'])
    upstream = await startLfsUpstream({ dir })
    author = await createAuthor(join(bench.dir, 'author'), upstream.url)
    first = { 'one.bin': randomBytes(700_000), 'two.bin': randomBytes(3000), 'empty.bin': Buffer.alloc(0) }
    await author.push({ lfs: first, plain: { 'README': 'plain\n' } })
    upstream.asked.length = 0
  })
  afterEach(async () => {
    await upstream.stop()
    bench.remove()
  })

  const sync = (options: object = {}, more: object = {}) => bench.sync({ kind: 'git', upstream: `${upstream.url}/a.git`, options: { lfs: true, ...options }, ...more })
  const fetched = () => upstream.asked.filter(({ what }) => what === 'object').flatMap(({ oids }) => oids)
  const refs = () => runChild('git', [`--git-dir=${bench.published}`, 'for-each-ref'])
  const placeOf = (oid: string) => join(bench.published, objectPath({ oid }))
  /** Makes the copy believe that its last look at everything was long ago. */
  const age = () => {
    const file = join(bench.published, 'lfs', 'kagami.json')
    writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), checkedAt: '2020-01-01T00:00:00Z' }))
  }
  const cloneIsWhole = async (files: Record<string, Buffer>, ref?: string) => {
    // A clone that could ask the upstream would prove nothing.
    const there = upstream.asked.length
    const read = await author.read(`file://${bench.published}`, Object.keys(files), ref)
    for (const [index, [path, content]] of Object.entries(files).entries()) expect(read[index]!.equals(content), path).toBe(true)
    expect(upstream.asked.length).toBe(there)
  }

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
    expect(await sync()).toMatchObject({ outcome: 'success' })
    expect(fetched().sort()).toEqual(oids.sort())
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
    // What is covered is said of a tree, not of a replica: an earlier one lacks what came since.
    expect(await sync(swap, { task: { type: 'rollback', to: null } })).toMatchObject({ outcome: 'success' })
    expect(existsSync(placeOf(oid!))).toBe(false)
    expect(await sync(swap)).toMatchObject({ outcome: 'success' })
    await cloneIsWhole({ ...first, ...more })
  })

  it('tells what the upstream itself has lost, and gets it once it is there again', async () => {
    const [oid] = await author.push({ lfs: { 'lost.bin': randomBytes(2000) } })
    const kept = readFileSync(upstream.stored(oid!))
    rmSync(upstream.stored(oid!))
    expect(await sync()).toMatchObject({ outcome: 'success', message: '1 LFS object is missing upstream' })
    upstream.asked.length = 0
    expect(await sync()).toMatchObject({ outcome: 'success', message: '1 LFS object is missing upstream' })
    expect(upstream.asked).toEqual([])
    writeFileSync(upstream.stored(oid!), kept)
    await author.push({ plain: { other: 'x\n' } })
    expect(await sync()).toMatchObject({ outcome: 'success', message: null })
    expect(readFileSync(placeOf(oid!)).equals(kept)).toBe(true)
  })

  it('counts an object as lost that the server names and then does not have', async () => {
    upstream.lie = ({ what, oids }, response) => what === 'object' && statSync(upstream.stored(oids[0]!)).size < 10_000 && answer(response, 404, {})
    expect(await sync()).toMatchObject({ outcome: 'success', message: '1 LFS object is missing upstream' })
  })

  it('finds by its weekly check what rotted, was cut or vanished on this disk, and fetches just that', async () => {
    const many = Object.fromEntries(Array.from({ length: 12 }, (_, index) => [`${index}.bin`, randomBytes(1000 + index)]))
    const oids = await author.push({ lfs: many })
    await sync()
    const [vanished, cut] = oids
    const rotten = oids.slice(2).find((oid) => Number.parseInt(oid[0]!, 16) % 4 === 0) ?? oids[2]!
    rmSync(placeOf(vanished!))
    truncateSync(placeOf(cut!), 10)
    const bytes = readFileSync(placeOf(rotten))
    bytes[5]! ^= 1
    writeFileSync(placeOf(rotten), bytes)
    upstream.asked.length = 0
    // Each week reads a quarter of the objects.
    for (let week = 0; week < 4; week++) {
      age()
      expect(await sync()).toMatchObject({ outcome: 'success', message: null })
    }
    expect(fetched().sort()).toEqual([vanished!, cut!, rotten].sort())
    await cloneIsWhole(many)
  })

  it('keeps LFS files when its git objects are mended', async () => {
    await sync()
    upstream.asked.length = 0
    const pack = readdirSync(join(bench.published, 'objects', 'pack')).find((entry) => entry.endsWith('.pack'))!
    const file = join(bench.published, 'objects', 'pack', pack)
    rmSync(file)
    writeFileSync(file, 'rubbish')
    writeFileSync(join(bench.dataDir, '.kagami', 'staging', 'replica-1', 'checked'), '2020-01-01T00:00:00Z')
    const report = await sync()
    expect(report, report.message ?? '').toMatchObject({ outcome: 'success', message: expect.stringContaining('fetched anew') })
    expect(upstream.asked).toEqual([])
    await cloneIsWhole(first)
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
    const daemon = await startGitDaemon({ dir })
    const report = await sync({}, { upstream: `${daemon.url}/a.git` })
    expect(report).toMatchObject({ outcome: 'failed', reason: 'invalid_options', message: expect.stringContaining('lfs_url') })
    expect(await sync({ lfs_url: `${upstream.url}/a.git/info/lfs` }, { upstream: `${daemon.url}/a.git` })).toMatchObject({ outcome: 'success' })
    await daemon.stop()
    await cloneIsWhole(first)
  })

})
