// trace.test.ts — An upstream that shows by one small file whether it changed (option probe): real rsync and http.
import { mkdirSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startHttpUpstream, startRsyncUpstream, writeFiles } from '@kagami/demo'
import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import { sandboxForEach } from '../testing/kills.ts'
import { readTree, type Sandbox, type SyncCall } from '../testing/sandbox.ts'

const TRACE = 'project/trace/main site+1'
const DAY_MS = 24 * 3600 * 1000
const SILENT = 'nothing else was looked at'

let sandbox: Sandbox
const stops = sandboxForEach((fresh) => (sandbox = fresh))

describe.each(['rsync', 'http'] as const)('a tree over %s whose upstream has a trace', (kind) => {
  let up: string
  let call: SyncCall
  let known: Pick<SyncCall, 'files' | 'sizeBytes'>
  let version = 0

  beforeEach(async () => {
    up = join(sandbox.dir, 'up', 'files')
    known = {}
    writeFiles(up, { [TRACE]: 'first\n', 'a/one.txt': 'one\n', 'a/two.txt': 'two\n', three: 'three\n' })
    const served =
      kind === 'rsync'
        ? await startRsyncUpstream({ dir: join(sandbox.dir, 'up') })
        : await startHttpUpstream({ dir: up, listings: true })
    stops.push(served.stop)
    call = { kind, upstream: served.url.replace(/\/?$/, '/'), options: { probe: TRACE } }
  })

  /** Syncs, with what the sync before counted. */
  async function sync(more: Partial<SyncCall> = {}) {
    const report = await sandbox.sync({ ...call, ...known, ...more })
    if (report.outcome === 'success') known = { files: report.files, sizeBytes: report.size_bytes ?? 0 }
    return { ...report, listed: !sandbox.log(report).includes(SILENT) }
  }
  /** Another content and time of a file, as after two minutes: listings tell no seconds. */
  function change(path: string): void {
    version++
    writeFiles(up, { [path]: `version ${version}\n` })
    const at = 1_700_000_000 + version * 120
    utimesSync(join(up, path), at, at)
  }
  const expectSame = () => expect(readTree(sandbox.published)).toEqual(readTree(up))
  async function syncTwice(more: Partial<SyncCall> = {}) {
    for (let n = 0; n < 2; n++) expect(await sync(more)).toMatchObject({ outcome: 'success', listed: true })
    expectSame()
  }

  it.each(['in-place', 'swap'])('is not listed, published %s, while the trace stays the same', async (publish) => {
    const options = { probe: TRACE, publish }
    await syncTwice({ options })
    const before = readTree(sandbox.published)
    change('a/one.txt')
    const report = await sync({ options })
    expect(report).toMatchObject({ outcome: 'success', message: null, listed: false, files: known.files })
    expect(report.bytes).toBe('first\n'.length)
    expect(readTree(sandbox.published)).toEqual(before)
    change(TRACE)
    expect(await sync({ options })).toMatchObject({ outcome: 'success', listed: true })
    expectSame()
    expect(await sync({ options })).toMatchObject({ outcome: 'success', listed: false })
  })

  it.each<[string, () => Partial<SyncCall>]>([
    ['once a day', () => ({ laterMs: DAY_MS })],
    ['when the clock was set back', () => ({ laterMs: -1000 * 3600 })],
    ['when somebody wants it proved', () => ({ task: { type: 'sync', approved: null, thorough: true } })],
    ['when something was approved', () => ({ task: { type: 'sync', approved: 0 } })],
    ['when its options changed', () => ({ options: { probe: TRACE, exclude: ['*.iso'] } })],
    ['when it is not known what the copy has', () => ({ files: null })],
  ])('is listed %s, although the trace is the same', async (_when, more) => {
    await syncTwice()
    change('three')
    expect(await sync(more())).toMatchObject({ outcome: 'success', listed: true })
    expectSame()
  })

  it('is listed again when the trace changed while it was read', async () => {
    await syncTwice()
    let changed = false
    change(TRACE)
    change('a/one.txt')
    await sync({
      onProgress({ phase }) {
        if (changed || phase === 'preparing' || phase === 'connecting') return
        changed = true
        change('three')
        change(TRACE)
      },
    })
    expect(changed).toBe(true)
    expect(await sync()).toMatchObject({ outcome: 'success', listed: true })
    expectSame()
  })

  it('is listed after a sync that was held, although the trace is the one before', async () => {
    for (let n = 0; n < 30; n++) change(`many/${n}`)
    await syncTwice()
    renameSync(up, `${up}-old`)
    mkdirSync(up)
    writeFiles(up, { [TRACE]: 'nothing left\n' })
    expect(await sync()).toMatchObject({ outcome: 'held', listed: true })
    rmSync(up, { recursive: true })
    renameSync(`${up}-old`, up)
    expect(await sync()).toMatchObject({ outcome: 'success', listed: true })
    expectSame()
  })

  it('is listed again after it was put back to an earlier generation', async () => {
    const options = { probe: TRACE, publish: 'swap' }
    await syncTwice({ options })
    change('three')
    change(TRACE)
    await sync({ options })
    expect(await sync({ options, task: { type: 'rollback', to: null } })).toMatchObject({ outcome: 'success' })
    expect(await sync({ options })).toMatchObject({ outcome: 'success', listed: true })
    expectSame()
  })

  it('tells of a trace that the upstream does not have, and is listed', async () => {
    rmSync(join(up, TRACE))
    await sync()
    for (let n = 0; n < 2; n++)
      expect(await sync()).toMatchObject({
        outcome: 'success',
        listed: true,
        message: 'the upstream has no file as the option probe names it: everything was looked at',
      })
    expectSame()
  })

  it.each([
    ['a folder', () => mkdirSync(join(up, TRACE))],
    ['larger than a trace can be', () => writeFileSync(join(up, TRACE), Buffer.alloc(1024 * 1024 + 1, 'x'))],
    ['a page of http', () => writeFileSync(join(up, TRACE), '<!DOCTYPE html><html><body>no such file</body></html>')],
  ])('never takes for a trace what is %s', async (what, make) => {
    rmSync(join(up, TRACE))
    make()
    await sync()
    await sync()
    change('three')
    const report = await sync()
    expect(report.listed || (kind === 'rsync' && what === 'a page of http')).toBe(true)
    expect(report.outcome).toBe('success')
  })

  it('is as the upstream was when the trace was last read, whatever happens in whatever order', async () => {
    const free = { options: { probe: TRACE, max_delete_percent: 100, max_shrink_percent: 100 } }
    const step = fc.constantFrom('sync', 'change', 'remove', 'trace')
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 8 }), async (steps) => {
        const tree = ['a/one.txt', 'a/two.txt', 'three', 'new']
        let turn = 0
        for (const one of steps) {
          const path = tree[turn++ % tree.length]!
          if (one === 'sync') expect(await sync(free)).toMatchObject({ outcome: 'success' })
          else if (one === 'remove' && turn % 4 !== 0) rmSync(join(up, path), { force: true })
          else change(one === 'trace' ? TRACE : path)
        }
        // An upstream writes its trace when all else is there.
        change('a/one.txt')
        change(TRACE)
        expect(await sync(free)).toMatchObject({ outcome: 'success', listed: true })
        expectSame()
      }),
      { numRuns: 6 },
    )
  })
})

it.each(['../x', '/x', 'a//b', 'a/../b', 'a/', '*.txt', 'a?b', 'a#b', 'a%2e', '.', './x', 'a\nb'])(
  'the path of a trace cannot be %j',
  async (probe) => {
    const report = await sandbox.sync({ kind: 'rsync', upstream: 'rsync://127.0.0.1:9/x/', options: { probe } })
    expect(report).toMatchObject({ outcome: 'failed', reason: 'invalid_options' })
  },
)

it.each(['x; touch /tmp/x', 'a $(id)', '`id`', "a'b", 'a b', 'a|b', 'a&b', 'a>b', '~/x!'])(
  'over ssh the path of a trace says nothing to a shell: %j',
  async (probe) => {
    const report = await sandbox.sync({ kind: 'rsync', upstream: 'ssh://bob@127.0.0.1:9/srv/pub/', options: { probe } })
    expect(report).toMatchObject({ outcome: 'failed', reason: 'invalid_options' })
    expect(report.message).toContain('option "probe": over ssh')
  },
)

it.each([
  ['http://127.0.0.1:9/file.iso', {}],
  ['http://127.0.0.1:9/tree/', { tree: 'never' }],
])('a single file has no trace: %s %j', async (upstream, more) => {
  const report = await sandbox.sync({ kind: 'http', upstream, options: { probe: 'x', ...more } })
  expect(report).toMatchObject({ outcome: 'failed', reason: 'invalid_options' })
  expect(report.message).toContain('option "probe" is for trees')
})
