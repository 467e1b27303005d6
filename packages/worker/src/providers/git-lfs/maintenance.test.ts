// maintenance.test.ts — LFS files over the years: what the upstream lost, what rots on this disk, what is mended.
import { createHash, randomBytes } from 'node:crypto'
import { readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { answer, lfsForEach } from '../../testing/lfs-server.ts'

describe('a git mirror with LFS, over the years,', () => {
  const lfs = lfsForEach()

  it('tells what the upstream itself has lost, and gets it once it is there again', async () => {
    const [oid] = await lfs.author.push({ lfs: { 'lost.bin': randomBytes(2000) } })
    const kept = readFileSync(lfs.upstream.stored(oid!))
    rmSync(lfs.upstream.stored(oid!))
    expect(await lfs.sync()).toMatchObject({ outcome: 'success', message: '1 LFS object is missing upstream' })
    lfs.upstream.asked.length = 0
    expect(await lfs.sync()).toMatchObject({ outcome: 'success', message: '1 LFS object is missing upstream' })
    expect(lfs.upstream.asked).toEqual([])
    writeFileSync(lfs.upstream.stored(oid!), kept)
    await lfs.author.push({ plain: { other: 'x\n' } })
    expect(await lfs.sync()).toMatchObject({ outcome: 'success', message: null })
    expect(readFileSync(lfs.sandbox.placeOf(oid!)).equals(kept)).toBe(true)
  })

  it('counts an object as lost that the server names and then does not have', async () => {
    lfs.upstream.lie = ({ what, oids }, response) =>
      what === 'object' && statSync(lfs.upstream.stored(oids[0]!)).size < 10_000 && answer(response, 404, {})
    expect(await lfs.sync()).toMatchObject({ outcome: 'success', message: '1 LFS object is missing upstream' })
  })

  it('finds by its weekly check what rotted, was cut or vanished on this disk, and fetches just that', async () => {
    let rots = Buffer.alloc(0)
    // Read in the last of the four weeks.
    for (let tries = 0; createHash('sha256').update(rots).digest()[0]! >> 4 !== 3; tries++)
      rots = Buffer.from(`rots ${tries}`.repeat(100))
    const files = { 'a.bin': randomBytes(1000), 'b.bin': randomBytes(1001), 'c.bin': rots }
    const [vanished, cut, rotten] = (await lfs.author.push({ lfs: files })) as [string, string, string]
    await lfs.sync()
    rmSync(lfs.sandbox.placeOf(vanished))
    truncateSync(lfs.sandbox.placeOf(cut), 10)
    const bytes = readFileSync(lfs.sandbox.placeOf(rotten))
    bytes[5]! ^= 1
    writeFileSync(lfs.sandbox.placeOf(rotten), bytes)
    // A server that is away just then makes nothing forgotten.
    lfs.upstream.lie = (_question, response) => answer(response, 500, {})
    lfs.sandbox.age()
    expect(await lfs.sync()).toMatchObject({ outcome: 'failed', reason: 'upstream_refused' })
    lfs.upstream.lie = () => false
    lfs.upstream.asked.length = 0
    // Each week reads a quarter of the objects; one has passed.
    for (let week = 1; week < 4; week++) {
      lfs.sandbox.age()
      expect(await lfs.sync()).toMatchObject({ outcome: 'success', message: null })
    }
    expect(lfs.sandbox.fetched().sort()).toEqual([vanished, cut, rotten].sort())
    await lfs.cloneIsWhole(files)
  })

  it('published by swap makes no new tree for lost files, and mends a damaged one later', async () => {
    const swap = { publish: 'swap' }
    const trees = () =>
      readdirSync(join(lfs.sandbox.dataDir, '.generations', 'copy')).filter((entry) => /^\d+$/.test(entry))
    let rots = Buffer.alloc(0)
    // Read in the second of the four weeks.
    for (let tries = 0; createHash('sha256').update(rots).digest()[0]! >> 4 !== 1; tries++)
      rots = Buffer.from(`rots ${tries}`.repeat(100))
    const [lost, rotten] = (await lfs.author.push({ lfs: { 'lost.bin': randomBytes(2000), 'rots.bin': rots } })) as [
      string,
      string,
    ]
    rmSync(lfs.upstream.stored(lost))
    expect(await lfs.sync(swap)).toMatchObject({ outcome: 'success', message: '1 LFS object is missing upstream' })
    lfs.sandbox.age()
    expect(await lfs.sync(swap)).toMatchObject({ outcome: 'success', message: '1 LFS object is missing upstream' })
    expect(trees()).toEqual(['1'])
    writeFileSync(lfs.sandbox.placeOf(rotten), Buffer.alloc(rots.length))
    lfs.upstream.lie = (_question, response) => answer(response, 500, {})
    lfs.sandbox.age()
    expect(await lfs.sync(swap)).toMatchObject({ outcome: 'failed', reason: 'upstream_refused' })
    lfs.upstream.lie = () => false
    expect(await lfs.sync(swap)).toMatchObject({ outcome: 'success' })
    expect(readFileSync(lfs.sandbox.placeOf(rotten)).equals(rots)).toBe(true)
    expect(trees()).toEqual(['1', '2'])
  })

  it.each([['in-place'], ['swap']])(
    'has every LFS file read when somebody asks for a proof, published %s',
    async (publish) => {
      const files = { 'a.bin': randomBytes(1000), 'b.bin': randomBytes(1001), 'c.bin': randomBytes(1002) }
      const [vanished, rotten] = (await lfs.author.push({ lfs: files })) as [string, string]
      await lfs.sync({ publish })
      lfs.upstream.asked.length = 0
      const verify = () => lfs.sync({ publish }, { task: { type: 'sync', approved: null, thorough: true } })
      const whole = await verify()
      expect(whole.message).toMatch(/^proved: .*; every LFS object has the bytes that its name says$/)
      expect(lfs.upstream.asked).toEqual([])
      rmSync(lfs.sandbox.placeOf(vanished))
      writeFileSync(lfs.sandbox.placeOf(rotten), randomBytes(1001))
      const report = await verify()
      expect(report, report.message ?? '').toMatchObject({ outcome: 'success', bytes: 2001 })
      expect(report.message).toContain('2,001 bytes of LFS objects were fetched again')
      expect(lfs.sandbox.fetched().sort()).toEqual([vanished, rotten].sort())
      await lfs.cloneIsWhole(files)
    },
  )

  it('keeps LFS files when its git objects are mended', async () => {
    await lfs.sync()
    lfs.upstream.asked.length = 0
    const pack = readdirSync(join(lfs.sandbox.published, 'objects', 'pack')).find((entry) => entry.endsWith('.pack'))!
    const file = join(lfs.sandbox.published, 'objects', 'pack', pack)
    rmSync(file)
    writeFileSync(file, 'rubbish')
    writeFileSync(join(lfs.sandbox.dataDir, '.kagami', 'staging', 'replica-1', 'checked'), '2020-01-01T00:00:00Z')
    const report = await lfs.sync()
    expect(report, report.message ?? '').toMatchObject({
      outcome: 'success',
      message: expect.stringContaining('fetched anew'),
    })
    expect(lfs.upstream.asked).toEqual([])
    await lfs.cloneIsWhole(lfs.first)
  })
})
