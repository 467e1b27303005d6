// git-lfs-care.test.ts — LFS files over the years: what the upstream lost, what rots on this disk, what is mended.
import { createHash, randomBytes } from 'node:crypto'
import { readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { answer, createLfsBench, type Author, type LfsBench, type LfsUpstream } from './testing-lfs.ts'

describe('a git mirror with LFS, over the years,', () => {
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
    let rots = Buffer.alloc(0)
    // Read in the last of the four weeks.
    for (let tries = 0; createHash('sha256').update(rots).digest()[0]! >> 4 !== 3; tries++) rots = Buffer.from(`rots ${tries}`.repeat(100))
    const files = { 'a.bin': randomBytes(1000), 'b.bin': randomBytes(1001), 'c.bin': rots }
    const [vanished, cut, rotten] = (await author.push({ lfs: files })) as [string, string, string]
    await sync()
    rmSync(placeOf(vanished))
    truncateSync(placeOf(cut), 10)
    const bytes = readFileSync(placeOf(rotten))
    bytes[5]! ^= 1
    writeFileSync(placeOf(rotten), bytes)
    // A server that is away just then makes nothing forgotten.
    upstream.lie = (_question, response) => answer(response, 500, {})
    bench.age()
    expect(await sync()).toMatchObject({ outcome: 'failed', reason: 'upstream_refused' })
    upstream.lie = () => false
    upstream.asked.length = 0
    // Each week reads a quarter of the objects; one has passed.
    for (let week = 1; week < 4; week++) {
      bench.age()
      expect(await sync()).toMatchObject({ outcome: 'success', message: null })
    }
    expect(fetched().sort()).toEqual([vanished, cut, rotten].sort())
    await cloneIsWhole(files)
  })

  it('whose trees are swapped makes no new tree for files that are lost for good, and mends one that rotted although the server was away at first', async () => {
    const swap = { publish: 'swap' }
    const trees = () => readdirSync(join(bench.dataDir, '.generations', 'copy')).filter((entry) => /^\d+$/.test(entry))
    let rots = Buffer.alloc(0)
    // Read in the second of the four weeks.
    for (let tries = 0; createHash('sha256').update(rots).digest()[0]! >> 4 !== 1; tries++) rots = Buffer.from(`rots ${tries}`.repeat(100))
    const [lost, rotten] = (await author.push({ lfs: { 'lost.bin': randomBytes(2000), 'rots.bin': rots } })) as [string, string]
    rmSync(upstream.stored(lost))
    expect(await sync(swap)).toMatchObject({ outcome: 'success', message: '1 LFS object is missing upstream' })
    bench.age()
    expect(await sync(swap)).toMatchObject({ outcome: 'success', message: '1 LFS object is missing upstream' })
    expect(trees()).toEqual(['1'])
    writeFileSync(placeOf(rotten), Buffer.alloc(rots.length))
    upstream.lie = (_question, response) => answer(response, 500, {})
    bench.age()
    expect(await sync(swap)).toMatchObject({ outcome: 'failed', reason: 'upstream_refused' })
    upstream.lie = () => false
    expect(await sync(swap)).toMatchObject({ outcome: 'success' })
    expect(readFileSync(placeOf(rotten)).equals(rots)).toBe(true)
    expect(trees()).toEqual(['1', '2'])
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
})
