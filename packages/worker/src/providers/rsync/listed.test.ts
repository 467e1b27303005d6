// listed.test.ts — A run by the names that its look listed: all that changed and nothing else is asked for, what goes
// is deleted after it, folders keep their times, and an upstream that takes no lists is walked as ever.
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { startRsyncUpstream, writeFiles } from '@kagami/demo'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { nameOfBytes, pathBytes } from '../../names.ts'
import { createCommandRunner } from '../../programs/command.ts'
import { findMarked } from '../../programs/orphans.ts'
import { startBareServer } from '../../testing/hostile.ts'
import { sandboxForEach } from '../../testing/kills.ts'
import { describeTree } from '../../testing/random-trees.ts'
import type { Sandbox } from '../../testing/sandbox.ts'

const LIMITS = { max_delete_percent: 100, max_shrink_percent: 100 }

let sandbox: Sandbox
let dir: string
let files: string
const stops = sandboxForEach((fresh) => {
  sandbox = fresh
  dir = join(sandbox.dir, 'upstream')
  files = join(dir, 'files')
})
beforeEach(() => writeFiles(files, { ...numbered('stays', 30), 'goes/one': '1\n', 'goes/two': '2\n', changes: '1\n' }))

const numbered = (folder: string, count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`${folder}/${index}`, `${index}\n`]))

async function serve(options: object = {}, settings: string[] = []) {
  const upstream = await startRsyncUpstream({ dir, settings })
  stops.push(upstream.stop)
  return { kind: 'rsync', upstream: upstream.url, options: { ...LIMITS, ...options } }
}

/** The same upstream, with something done as its nth connection comes. */
async function onConnection(url: string, nth: number, act: () => void): Promise<string> {
  const port = Number(new URL(url).port)
  let connections = 0
  const between = await startBareServer((client) => {
    if (++connections === nth) act()
    const upstream = connect({ host: '127.0.0.1', port }).on('error', () => {})
    client.pipe(upstream).pipe(client)
  })
  stops.push(between.stop)
  return url.replace(`:${port}`, `:${between.port}`)
}

/** What rsync would still change, folders' times too. */
async function differences(upstream: string): Promise<string[]> {
  const lines: string[] = []
  const run = createCommandRunner({ signal: new AbortController().signal, log: (line) => void lines.push(line) })
  const flags = ['-rltin', '--delete', '--safe-links']
  expect(await run('rsync', [...flags, upstream, `${sandbox.published}/`])).toMatchObject({ code: 0 })
  return lines
}

const WAYS = ['in-place', 'swap'].flatMap((publish) =>
  ['off', 'debian'].map((two_stage) => ({ publish, two_stage, delay_updates: two_stage === 'off' })),
)

describe.each(WAYS)('a run by a list: %o', (options) => {
  it('brings what changed, deletes what went, and leaves each folder the time that the upstream says', async () => {
    const call = await serve(options)
    await sandbox.sync(call)
    rmSync(join(files, 'goes/one'))
    rmSync(join(files, 'stays/7'))
    writeFiles(files, { changes: 'longer\n', 'new/deep/file': 'x\n', 'dists/InRelease': 'i\n', 'goes/three': '3\n' })
    mkdirSync(join(files, 'empty'))
    symlinkSync('changes', join(files, 'link'))
    for (const [path, at] of [
      ['goes', 1_700_000_000.25],
      ['stays', 1_700_000_000.999999],
      ['new', 1_600_000_000],
      ['.', 1_500_000_000],
    ] as const)
      utimesSync(join(files, path), at, at)
    const report = await sandbox.sync(call)
    expect(report, report.tail ?? '').toMatchObject({ outcome: 'success', message: null, files: 34 })
    expect(describeTree(`${sandbox.published}/`)).toEqual(describeTree(files))
    expect(await differences(call.upstream)).toEqual([])
  })

  it('whose upstream only lost files asks it for none', async () => {
    const call = await serve(options)
    await sandbox.sync(call)
    rmSync(join(files, 'goes'), { recursive: true })
    utimesSync(files, 1_500_000_000, 1_500_000_000)
    expect(await sandbox.sync(call)).toMatchObject({ outcome: 'success', files: 31 })
    expect(describeTree(`${sandbox.published}/`)).toEqual(describeTree(files))
    expect(await differences(call.upstream)).toEqual([])
  })

  it('is of what its look saw: what changes or vanishes after it is left to the next one', async () => {
    const call = await serve(options)
    await sandbox.sync(call)
    writeFiles(files, { changes: 'longer\n', brief: 'b\n', 'short/lived': 'c\n' })
    const upstream = await onConnection(call.upstream, 2, () => {
      rmSync(join(files, 'goes'), { recursive: true })
      for (const name of ['brief', 'short']) rmSync(join(files, name), { recursive: true })
      writeFiles(files, { 'stays/late': 'late\n' })
    })
    const report = await sandbox.sync({ ...call, upstream })
    expect(report).toMatchObject({
      outcome: 'success',
      message: 'some files vanished from the upstream while they were read; the next sync catches up',
      files: 33,
    })
    expect(readFileSync(join(sandbox.published, 'changes'), 'utf8')).toBe('longer\n')
    expect(Object.keys(describeTree(`${sandbox.published}/`))).toContain('goes/one')
    expect(await sandbox.sync({ ...call, upstream })).toMatchObject({ outcome: 'success', files: 32 })
    expect(describeTree(`${sandbox.published}/`)).toEqual(describeTree(files))
  })
})

describe('names in a list', () => {
  const names = [
    '#a',
    ';b',
    '-c',
    ' d ',
    'e\nf',
    '~',
    '*',
    '[g]',
    '?',
    'back\\slash',
    '"h"',
    '$(i)',
    '\t',
    '\x01',
    '\x7f',
  ]
  const odd = [...names, 'caf\u00e9', '.hidden', '...', 'star*[a-z]?\\*'].map((name) => Buffer.from(name))
  const all = [...odd, Buffer.from('\xe9\xff', 'latin1')].map((bytes) => nameOfBytes(bytes))

  it.each(['a daemon', 'a folder of this machine'])('are taken as they are by %s', async (way) => {
    const write = (text: string) => {
      for (const name of all) {
        writeFileSync(pathBytes(join(files, name)), text)
        mkdirSync(pathBytes(join(files, `in ${name}`)), { recursive: true })
        writeFileSync(pathBytes(join(files, `in ${name}`, name)), text)
      }
    }
    const served = await serve()
    const local = { ...served, upstream: `file://${files}`, upstreamRoots: [dir] }
    const call = way === 'a daemon' ? served : local
    await sandbox.sync(call)
    for (const text of ['one\n', 'another\n']) {
      write(text)
      expect(await sandbox.sync(call)).toMatchObject({ outcome: 'success', message: null })
      expect(describeTree(`${sandbox.published}/`)).toEqual(describeTree(files))
    }
    for (const name of all) rmSync(pathBytes(join(files, name)))
    expect(await sandbox.sync(call)).toMatchObject({ outcome: 'success', message: null })
    expect(describeTree(`${sandbox.published}/`)).toEqual(describeTree(files))
    expect(await differences(served.upstream)).toEqual([])
  })
})

describe('an upstream that takes no lists of names', () => {
  it.each(['files-from', 'relative', 'from0'])('since its daemon refuses --%s, is walked as ever', async (option) => {
    const call = await serve({}, [`refuse options = ${option}`])
    await sandbox.sync(call)
    rmSync(join(files, 'goes'), { recursive: true })
    writeFiles(files, { changes: 'longer\n' })
    const report = await sandbox.sync(call)
    expect(report, report.tail ?? '').toMatchObject({ outcome: 'success', files: 31 })
    expect(sandbox.log(report)).toContain('the upstream takes no list of names')
    expect(describeTree(`${sandbox.published}/`)).toEqual(describeTree(files))
  })
})

describe('a connection that is made while changes are still being listed', () => {
  const change = (text: string) =>
    writeFiles(files, Object.fromEntries(LONG.map((name) => [`stays/${name}`, `${text}\n`])))
  /** So much text that some of it is sent before all is known. */
  const LONG = Array.from({ length: 30 }, (_, index) => `${index}-${'x'.repeat(100)}`)

  it('is no harm to an upstream that takes one at a time, and is not made there again', async () => {
    const call = await serve()
    const port = Number(new URL(call.upstream).port)
    let connections = 0
    // The third one is that beside the look of the second sync.
    const between = await startBareServer((client) => {
      if (++connections === 3)
        return void client.end('@RSYNCD: 31.0 sha512 md5\n@ERROR: max connections (1) reached -- try again later\n')
      const upstream = connect({ host: '127.0.0.1', port }).on('error', () => {})
      client.pipe(upstream).pipe(client)
    })
    stops.push(between.stop)
    const upstream = call.upstream.replace(`:${port}`, `:${between.port}`)
    await sandbox.sync({ ...call, upstream })
    const logs: string[] = []
    for (const text of ['one', 'other']) {
      change(text)
      rmSync(join(files, `stays/${text === 'one' ? 1 : 2}`))
      const report = await sandbox.sync({ ...call, upstream })
      expect(report, report.tail ?? '').toMatchObject({ outcome: 'success', message: null })
      expect(describeTree(`${sandbox.published}/`)).toEqual(describeTree(files))
      logs.push(sandbox.log(report))
    }
    expect(connections).toBe(6)
    expect(logs[0]).toContain('kept no second connection open beside the first')
    expect(logs[1]).not.toContain('connection')
  })

  it('ends with a run that is held, and has changed nothing', async () => {
    const call = await serve({ max_delete_percent: 10 })
    await sandbox.sync(call)
    change('one')
    rmSync(join(files, 'goes'), { recursive: true })
    for (let index = 0; index < 20; index++) rmSync(join(files, `stays/${index}`))
    const before = describeTree(`${sandbox.published}/`)
    expect(await sandbox.sync(call)).toMatchObject({ outcome: 'held', hold: { removed: 22 } })
    expect(describeTree(`${sandbox.published}/`)).toEqual(before)
    expect(findMarked(`${sandbox.dataDir}:`)).toEqual([])
    const task = { type: 'sync', approved: 22 } as const
    expect(await sandbox.sync({ ...call, task })).toMatchObject({ outcome: 'success' })
    expect(describeTree(`${sandbox.published}/`)).toEqual(describeTree(files))
  })

  it.each(['held', 'success'])('changes nothing before it may, whatever is sent by then: %s', async (outcome) => {
    const call = await serve({ max_delete_percent: outcome === 'held' ? 10 : 100 })
    await sandbox.sync(call)
    change('one')
    for (let index = 0; index < 20; index++) rmSync(join(files, `stays/${index}`))
    const before = describeTree(`${sandbox.published}/`)
    const staging = join(sandbox.dataDir, '.kagami/staging/replica-1')
    mkdirSync(staging, { recursive: true })
    // The real rsync, whose first list ends too early; the look ends once what was sent has come.
    const [bin, once] = [join(sandbox.dir, 'bin'), join(sandbox.dir, 'once')]
    const real = `PATH='${process.env['PATH']}' rsync "$@"`
    const script = [
      '#!/bin/sh',
      'case "$*" in',
      `*--files-from=-*) [ -e '${once}' ] || { touch '${once}'; head -z -n 3 | ${real}; exit 0; } ;;`,
      `*--dry-run*) ${real}; code=$?; until [ -e '${staging}/way' ]; do sleep 0.02; done; exit $code ;;`,
      'esac',
      real,
    ]
    writeFiles(bin, { rsync: `${script.join('\n')}\n` })
    chmodSync(join(bin, 'rsync'), 0o755)
    vi.stubEnv('PATH', `${bin}:${process.env['PATH']}`)
    const report = await sandbox.sync(call)
    vi.unstubAllEnvs()
    expect(report, report.tail ?? '').toMatchObject({ outcome })
    if (outcome === 'success') expect(sandbox.log(report)).toContain('sent files before it was told which')
    const expected = outcome === 'held' ? before : describeTree(files)
    expect(describeTree(`${sandbox.published}/`)).toEqual(expected)
    expect(existsSync(join(staging, 'way'))).toBe(false)
  })
})
