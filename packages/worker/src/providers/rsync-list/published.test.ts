// published.test.ts — An upstream that publishes a list of all it has (option list): the difference of two lists is all
// that a sync looks at, and what it then has is what rsync gives. Real rsync, real `ls -lR`.
import { execFileSync } from 'node:child_process'
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { startRsyncUpstream, writeFiles } from '@kagami/demo'
import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import { bytesOf, pathBytes, readEntries, removePath } from '../../names.ts'
import { createCommandRunner } from '../../programs/command.ts'
import { sandboxForEach } from '../../testing/kills.ts'
import { createRandomTree, describeTree } from '../../testing/random-trees.ts'
import { readTree, type Sandbox, type SyncCall } from '../../testing/sandbox.ts'
import { contentFlags, type RsyncOptions } from '../rsync/options.ts'

const FULL = process.env['KAGAMI_FAULTS'] === 'full'
const TREES = FULL ? 200 : 10
const STEPS = 6
const DAY_MS = 24 * 3600 * 1000
/** A folder in whose place the upstream had a link that is left out, and then nothing. */
const LEFT_OUT = { seed: 172883740, publish: 'swap', list: 'ls-lR', two_stage: 'off', delay_updates: false }
const FREE = { max_delete_percent: 100, max_shrink_percent: 100 }
const SILENT = 'nothing else was looked at'
const BY_LIST = 'the list of the upstream differs from the one before by'

let sandbox: Sandbox
let up: string
let url: string
const stops = sandboxForEach((fresh) => (sandbox = fresh))

beforeEach(async () => {
  up = join(sandbox.dir, 'up', 'files')
  mkdirSync(up, { recursive: true })
  const served = await startRsyncUpstream({ dir: join(sandbox.dir, 'up') })
  stops.push(served.stop)
  url = served.url.replace(/\/?$/, '/')
})

let published = 0

/** Puts a list in its place at once, as upstreams do, and not twice in a second: rsync compares whole ones. */
function publish(name: string, content: Uint8Array): void {
  writeFileSync(join(sandbox.dir, 'list'), content)
  const at = 1_700_000_000 + 60 * ++published
  utimesSync(join(sandbox.dir, 'list'), at, at)
  // At random, something else may have that name.
  if (lstatSync(join(up, name), { throwIfNoEntry: false })?.isDirectory()) removePath(join(up, name))
  renameSync(join(sandbox.dir, 'list'), join(up, name))
}

const MAKERS: Record<string, () => Buffer> = {
  'ls-lR': () => execFileSync('ls', ['-lRA', '--time-style=full-iso'], { cwd: up, maxBuffer: 1 << 28 }),
  'ls-lR.gz': () => gzipSync(MAKERS['ls-lR']!()),
  fullfiletimelist: () =>
    Buffer.concat([
      Buffer.from('[Version]\n2\n\n[Files]\n'),
      ...timeLines(''),
      Buffer.from('\n[Checksums SHA1]\n\n[End]\n'),
    ]),
}

function timeLines(below: string): Buffer[] {
  return readEntries(join(up, below)).flatMap((entry) => {
    const path = below === '' ? entry.name : `${below}/${entry.name}`
    const type = entry.isDirectory() ? 'd' : entry.isFile() ? 'f' : entry.isSymbolicLink() ? 'l' : null
    if (type === null) return []
    const { mtimeNs, ctimeNs, size } = lstatSync(pathBytes(join(up, path)), { bigint: true })
    const later = mtimeNs > ctimeNs ? mtimeNs : ctimeNs
    const line = Buffer.concat([Buffer.from(`${later}\t${type}\t${size}\t`), bytesOf(path), Buffer.from('\n')])
    return type === 'd' ? [line, ...timeLines(path)] : [line]
  })
}

const publishList = (list: string) => publish(list, MAKERS[list]!())

describe('a tree that changes at random, behind an upstream with a list', () => {
  const run = createCommandRunner({ signal: new AbortController().signal, log: () => {} })

  it(
    'is copied as rsync -a --delete copies it, though only what differs in the lists is looked at',
    async ({ task }) => {
      let [trees, steps, byList] = [0, 0, 0]
      const ways = fc.record({
        seed: fc.nat(),
        publish: fc.constantFrom('in-place', 'swap'),
        list: fc.constantFrom(...Object.keys(MAKERS)),
        two_stage: fc.constantFrom('off', 'off', 'debian'),
        delay_updates: fc.boolean(),
      })
      const follows = fc.asyncProperty(ways, async ({ seed, ...options }) => {
        const name = `tree-${++trees}`
        const expected = join(sandbox.dir, name)
        for (const folder of [up, expected]) removePath(folder)
        mkdirSync(expected)
        const tree = createRandomTree(up, seed, { allows: (entry) => !entry.includes('\n') })
        const flags = contentFlags({
          exclude: [],
          filters: [],
          extra_options: [],
          ...options,
        } as unknown as RsyncOptions)
        let known: Partial<SyncCall> = {}
        for (let step = 1; step <= STEPS; step++) {
          tree.step()
          publishList(options.list)
          const call = { kind: 'rsync', upstream: url, name, replicaId: name, ...known }
          const report = await sandbox.sync({ ...call, options: { ...FREE, ...options } })
          expect(report, `step ${step}: ${report.message} ${report.tail}`).toMatchObject({ outcome: 'success' })
          known = { files: report.files, sizeBytes: report.size_bytes ?? 0 }
          steps++
          if (sandbox.log(report).includes(BY_LIST)) byList++
          await run('rsync', ['-a', '--delete', ...flags, url, `${expected}/`])
          expect(describeTree(join(sandbox.dataDir, name)), `step ${step}`).toEqual(describeTree(expected))
        }
        for (const folder of [expected, join(sandbox.dataDir, name)]) removePath(folder)
      })
      await fc.assert(follows, { numRuns: TREES, endOnFailure: true, examples: [[LEFT_OUT]] })
      expect(byList).toBeGreaterThan(steps / 6)
      task.meta.figure = `rsync: ${trees} random trees with lists, ${steps} steps, ${byList} by the list, 0 differences`
    },
    TREES * 12_000,
  )
})

describe.each(Object.keys(MAKERS))('a tree behind an upstream with a %s', (list) => {
  let known: Partial<SyncCall>
  const many = Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`many/${index}`, `${index}\n`] as const))

  beforeEach(async () => {
    known = {}
    writeFiles(up, { 'a/one': 'one\n', 'a/two': 'two\n', 'b/three': 'three\n', ...many })
    publishList(list)
    // A first copy, and a look at everything.
    for (let n = 0; n < 2; n++) expect(await sync()).toMatchObject({ outcome: 'success', looked: 'everywhere' })
  })

  async function sync(more: Partial<SyncCall> = {}) {
    const report = await sandbox.sync({ kind: 'rsync', upstream: url, options: { list }, ...known, ...more })
    if (report.outcome === 'success') known = { files: report.files, sizeBytes: report.size_bytes ?? 0 }
    const log = sandbox.log(report)
    const byList = log.includes(BY_LIST) && !log.includes('Everything is looked at')
    return {
      ...report,
      looked: log.includes(SILENT) ? 'nowhere' : byList ? 'by the list' : 'everywhere',
    }
  }
  const expectSame = () => expect(readTree(sandbox.published)).toEqual(readTree(up))
  const change = (path: string) => writeFiles(up, { [path]: `${path} and more\n` })

  it('is not looked at while the list stays the same, and then only where it differs', async () => {
    expect(await sync()).toMatchObject({ outcome: 'success', looked: 'nowhere', files: known.files })
    change('a/one')
    change('new/folder/file')
    rmSync(join(up, 'b'), { recursive: true })
    publishList(list)
    // What happened to the copy meanwhile is seen by nobody.
    rmSync(join(sandbox.published, 'a/two'))
    expect(await sync()).toMatchObject({ outcome: 'success', looked: 'by the list' })
    expect(existsSync(join(sandbox.published, 'a/two'))).toBe(false)
    expect(await sync({ laterMs: DAY_MS })).toMatchObject({ outcome: 'success', looked: 'everywhere' })
    expectSame()
  })

  it('is looked at everywhere once a day, although the list differs each time', async () => {
    for (const hours of [6, 12, 18]) {
      change('a/one')
      writeFiles(up, { [`at/${hours}`]: 'new\n' })
      publishList(list)
      expect(await sync({ laterMs: hours * 3_600_000 })).toMatchObject({ looked: 'by the list' })
    }
    writeFiles(up, { last: 'new\n' })
    publishList(list)
    expect(await sync({ laterMs: DAY_MS })).toMatchObject({ looked: 'everywhere' })
    expectSame()
  })

  it('is held, and stays as it is, when most of it is gone from the list', async () => {
    const before = readTree(sandbox.published)
    rmSync(join(up, 'many'), { recursive: true })
    publishList(list)
    expect(await sync()).toMatchObject({ outcome: 'held', reason: 'too_many_deletions', hold: { removed: 30 } })
    expect(readTree(sandbox.published)).toEqual(before)
    expect(await sync({ task: { type: 'sync', approved: 30 } })).toMatchObject({ outcome: 'success' })
    expectSame()
  })

  it('is asked again for what was listed and not there yet', async () => {
    writeFiles(up, { 'a/late': 'late\n' })
    publishList(list)
    renameSync(join(up, 'a/late'), join(sandbox.dir, 'late'))
    expect(await sync()).toMatchObject({ outcome: 'success', message: expect.stringContaining('vanished') })
    renameSync(join(sandbox.dir, 'late'), join(up, 'a/late'))
    expect(await sync()).toMatchObject({ outcome: 'success', looked: 'by the list' })
    expectSame()
    expect(await sync()).toMatchObject({ outcome: 'success', looked: 'nowhere' })
  })

  it('is asked again for what was listed and not there yet when everything was looked at', async () => {
    writeFiles(up, { 'a/late': 'late\n' })
    publishList(list)
    renameSync(join(up, 'a/late'), join(sandbox.dir, 'late'))
    expect(await sync({ laterMs: DAY_MS })).toMatchObject({ outcome: 'success', looked: 'everywhere' })
    renameSync(join(sandbox.dir, 'late'), join(up, 'a/late'))
    expect(await sync({ laterMs: DAY_MS })).toMatchObject({ outcome: 'success', looked: 'by the list' })
    expectSame()
    expect(await sync({ laterMs: DAY_MS })).toMatchObject({ outcome: 'success', looked: 'nowhere' })
  })

  it.each(['by the list', 'everywhere'])(
    'is asked again for what was listed and still old when looked at %s',
    async (looked) => {
      const laterMs = looked === 'everywhere' ? DAY_MS : 0
      writeFiles(up, { 'a/one': 'one, longer\n' })
      publishList(list)
      writeFiles(up, { 'a/one': 'one\n' })
      expect(await sync({ laterMs })).toMatchObject({ outcome: 'success', looked })
      writeFiles(up, { 'a/one': 'one, longer\n' })
      expect(await sync({ laterMs })).toMatchObject({ outcome: 'success', looked: 'by the list' })
      expectSame()
      expect(await sync({ laterMs })).toMatchObject({ outcome: 'success', looked: 'nowhere' })
    },
  )

  it('is looked at everywhere when the list is cut off, and nothing is deleted for that', async () => {
    change('a/one')
    const whole = MAKERS[list]!()
    for (const share of [0.2, 0.5, 0.9, 0.999]) {
      publish(list, whole.subarray(0, Math.floor(whole.length * share)))
      const report = await sync()
      expect(report, `${share}`).toMatchObject({ outcome: 'success', looked: 'everywhere' })
      expect(report.message).toContain(`the list ${list} is not used`)
      expectSame()
    }
  })

  it('is looked at everywhere, and not held, when most of it is missing in the list alone', async () => {
    change('a/one')
    renameSync(join(up, 'many'), join(sandbox.dir, 'many'))
    publishList(list)
    renameSync(join(sandbox.dir, 'many'), join(up, 'many'))
    expect(await sync()).toMatchObject({ outcome: 'success', looked: 'everywhere' })
    expectSame()
  })

  it.each([
    ['of another tree', () => MAKERS[list]!().toString('latin1').replaceAll('many', 'else')],
    ['that is none', () => '<html>not found</html>\n'],
    ['that is empty', () => ''],
  ])('is looked at everywhere when the list is one %s', async (_what, make) => {
    if (list.endsWith('.gz')) return
    change('a/one')
    publish(list, Buffer.from(make(), 'latin1'))
    expect(await sync()).toMatchObject({ outcome: 'success', looked: 'everywhere' })
    expectSame()
    change('a/two')
    expect(await sync()).toMatchObject({ looked: 'everywhere', message: expect.stringContaining('is not used') })
    expectSame()
  })

  it.each([
    ['a kept list that is damaged', () => truncateSync(keptList(), 100)],
    ['a kept list that is gone', () => rmSync(keptList())],
  ])('is looked at everywhere after %s', async (_what, harm) => {
    change('a/one')
    publishList(list)
    harm()
    expect(await sync()).toMatchObject({ outcome: 'success', looked: 'everywhere' })
    expectSame()
  })

  it('is looked at everywhere without the list, and the report says which option named it', async () => {
    change('a/one')
    rmSync(join(up, list))
    expect(await sync()).toMatchObject({
      looked: 'everywhere',
      message: 'the upstream has no file as the option list names it: everything was looked at',
    })
    expectSame()
  })

  it.each<[string, object]>([
    ['probe', { probe: 'a/one' }],
    ['exclude', { exclude: ['*.iso'] }],
    ['keep_deleted', { keep_deleted: '6h' }],
    ['--hard-links', { extra_options: ['--hard-links'] }],
  ])('is refused together with %s, which needs a look at everything', async (name, options) => {
    expect(await sync({ options: { list, ...options } })).toMatchObject({
      outcome: 'failed',
      reason: 'invalid_options',
      message: expect.stringMatching(new RegExp(`option "list".*${name}`)),
    })
  })

  function keptList(): string {
    const folder = join(sandbox.dataDir, '.kagami', 'staging', 'replica-1', 'list')
    const [kept] = readdirSync(folder).filter((name) => name.startsWith('kept-'))
    return join(folder, kept!)
  }
})
