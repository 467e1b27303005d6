// apply-fork.test.ts — A verified tree that is published in place: nothing is seen before it was checked, and what a
// kill leaves.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, lstatSync, mkdirSync, readFileSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startHttpUpstream, startRsyncUpstream, writeFiles } from '@kagami/demo'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { removePath } from '../names.ts'
import { createCommandRunner } from '../programs/command.ts'
import { killAfter, sandboxForEach } from '../testing/kills.ts'
import { createRandomTree, describeTree } from '../testing/random-trees.ts'
import { readTree, type Sandbox } from '../testing/sandbox.ts'
import { applyFork } from './apply-fork.ts'

const FULL = process.env['KAGAMI_FAULTS'] === 'full'
let sandbox: Sandbox
let files: string
const stops = sandboxForEach((fresh) => {
  sandbox = fresh
  files = join(sandbox.dir, 'up', 'files')
})
const run = createCommandRunner({ signal: new AbortController().signal, log: () => {} })

/** An archive whose InRelease names its Packages, right or not. */
function writeArchive(text: string, named = text): void {
  const digest = createHash('sha256').update(named).digest('hex')
  writeFiles(files, {
    'dists/s/main/Packages': text,
    // Within one second, rsync distinguishes versions only by their length.
    'dists/s/InRelease': `Label: ${text}SHA256:\n ${digest} ${named.length} main/Packages\n`,
    'pool/one': text,
  })
}

describe('a checked copy', () => {
  it('becomes the published tree, whatever differs', async ({ task }) => {
    const trees = FULL ? 200 : 25
    const seeds = fc.tuple(fc.nat(), fc.nat())
    const becomes = fc.asyncProperty(seeds, async ([first, second]) => {
      const [published, fork, aside] = ['published', 'fork', 'aside'].map((name) => join(sandbox.dir, name)) as [
        string,
        string,
        string,
      ]
      for (const folder of [published, fork]) removePath(folder)
      const before = createRandomTree(published, first)
      for (let step = 0; step < 4; step++) before.step()
      execFileSync('cp', ['-al', published, fork])
      const after = createRandomTree(fork, second)
      for (let step = 0; step < 3; step++) after.step()
      const wanted = describeTree(fork)
      await applyFork({ fork, published, aside, run })
      expect(describeTree(published)).toEqual(wanted)
      expect(existsSync(aside)).toBe(false)
    })
    await fc.assert(becomes, { numRuns: trees, endOnFailure: true })
    task.meta.figure = `${trees} pairs of random trees, 0 differences`
  }, 120_000)

  it('keeps what did not change, and gives folders the dates and rights of the copy', async () => {
    const [published, fork] = [join(sandbox.dir, 'published'), join(sandbox.dir, 'fork')]
    writeFiles(published, { 'a/same': 'x', 'a/old': 'x', 'b/c/gone': 'x' })
    execFileSync('cp', ['-al', published, fork])
    const { ino } = lstatSync(join(published, 'a/same'))
    writeFiles(fork, { 'a/old': null, 'a/new': 'y', 'b/c/gone': null })
    mkdirSync(join(fork, 'b/c'), { recursive: true })
    for (const folder of ['a', 'b/c', 'b', '']) utimesSync(join(fork, folder), 1e9, 1e9 + 1)
    await applyFork({ fork, published, aside: join(sandbox.dir, 'aside'), run })
    expect(readTree(published)).toEqual({ 'a/same': 'x', 'a/new': 'y' })
    expect(lstatSync(join(published, 'a/same')).ino).toBe(ino)
    for (const folder of ['a', 'b/c', 'b', '']) expect(lstatSync(join(published, folder)).mtimeMs).toBe(1e12 + 1000)
  })
})

describe('a mirror that is verified and published in place', () => {
  const limits = { max_delete_percent: 100, max_shrink_percent: 100 }
  const serveRsync = async () => {
    const upstream = await startRsyncUpstream({ dir: join(sandbox.dir, 'up') })
    stops.push(upstream.stop)
    return { kind: 'rsync', upstream: upstream.url, options: { verify: 'debian', ...limits } }
  }
  const serveHttp = async () => {
    const upstream = await startHttpUpstream({ dir: files, listings: true })
    stops.push(upstream.stop)
    return { kind: 'http', upstream: upstream.url, options: { verify: 'debian', ...limits } }
  }

  it.for([
    ['rsync', serveRsync],
    ['http', serveHttp],
  ] as const)('shows nothing of a change whose indices are broken: %s', async ([, serve]) => {
    writeArchive('one\n')
    const call = await serve()
    expect(await sandbox.sync(call)).toMatchObject({ outcome: 'success' })
    const before = describeTree(sandbox.published)
    writeArchive('a longer two\n', 'something else\n')
    writeFiles(files, { 'pool/new': 'x\n', 'pool/one': null })
    for (let round = 0; round < 2; round++) {
      expect(await sandbox.sync(call)).toMatchObject({ outcome: 'failed', reason: 'content_invalid' })
      expect(describeTree(sandbox.published)).toEqual(before)
    }
    writeArchive('three, which is right again\n')
    expect(await sandbox.sync(call)).toMatchObject({ outcome: 'success', generation: null })
    expect(readTree(sandbox.published)).toEqual(readTree(files))
    expect(lstatSync(sandbox.published).isDirectory()).toBe(true)
    expect(existsSync(join(sandbox.dataDir, '.generations/copy/next'))).toBe(false)
  })

  it('is not brought back to what a refused copy had, once it was synced without a check', async () => {
    writeArchive('one\n')
    const call = await serveRsync()
    await sandbox.sync(call)
    writeArchive('a longer two\n', 'something else\n')
    expect(await sandbox.sync(call)).toMatchObject({ reason: 'content_invalid' })
    writeArchive('three three three\n', 'wrong too\n')
    expect(await sandbox.sync({ ...call, options: limits })).toMatchObject({ outcome: 'success' })
    const unchecked = describeTree(sandbox.published)
    expect(await sandbox.sync({ ...call, upstream: call.upstream })).toMatchObject({ outcome: 'success' })
    expect(describeTree(sandbox.published)).toEqual(unchecked)
    writeArchive('four\n')
    symlinkSync('one', join(files, 'pool/link'))
    expect(await sandbox.sync(call)).toMatchObject({ outcome: 'success' })
    expect(describeTree(sandbox.published)).toEqual(describeTree(files))
  })

  it('has only old and new files after a worker was killed, and the next sync is right', async ({ task }) => {
    const rounds = FULL ? 100 : 8
    const write = (text: string) => {
      writeArchive(`${text}\n`)
      for (let index = 0; index < 400; index++) {
        const name = join(files, 'pool', `d${index % 20}`, `f${index}`)
        mkdirSync(join(files, 'pool', `d${index % 20}`), { recursive: true })
        writeFileSync(name, `${text}\n`)
      }
    }
    write('version-0')
    const call = await serveRsync()
    await sandbox.sync(call)
    const versions = new Set(['version-0\n'])
    for (let round = 1; round <= rounds; round++) {
      const text = `version-${round}-${'x'.repeat(round)}`
      versions.add(`${text}\n`)
      write(text)
      await killAfter(150 + ((round * 61) % 500), sandbox.dataDir, call)
      const contents = Object.entries(readTree(sandbox.published)).filter(([path]) => path.startsWith('pool/'))
      expect(contents.length).toBe(401)
      expect(contents.filter(([, content]) => !versions.has(content.replace(/^\d+ bytes.*/, '')))).toEqual([])
    }
    write('the last')
    expect(await sandbox.sync(call)).toMatchObject({ outcome: 'success' })
    expect(describeTree(sandbox.published)).toEqual(describeTree(files))
    expect(readFileSync(join(sandbox.published, 'pool/one'), 'utf8')).toBe('the last\n')
    task.meta.figure = `${rounds} kills, 0 damaged files`
  }, 600_000)
})
