// upstreams.test.ts — What real upstreams do to an rsync mirror: entries change their kind, folders vanish or are not
// mounted, greetings and names look like what rsync says.
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { startRsyncUpstream, writeFiles } from '@kagami/demo'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { startBareServer, startTamperingProxy } from '../../testing/hostile.ts'
import { sandboxForEach } from '../../testing/kills.ts'
import { describeTree } from '../../testing/random-trees.ts'
import { readTree, type Sandbox } from '../../testing/sandbox.ts'

let sandbox: Sandbox
let dir: string
let files: string
const stops = sandboxForEach((fresh) => {
  sandbox = fresh
  dir = join(sandbox.dir, 'upstream')
  files = join(dir, 'files')
})
afterEach(() => void vi.unstubAllEnvs())

async function serve(options: object = {}, settings: string[] = []) {
  const upstream = await startRsyncUpstream({ dir, settings })
  stops.push(upstream.stop)
  return { kind: 'rsync', upstream: upstream.url, options: { compress: false, ...options } }
}
/** A daemon of root could read everything, so it serves as nobody. */
const asNobody = () => {
  chmodSync(sandbox.dir, 0o755)
  return process.getuid?.() === 0 ? ['uid = 65534', 'gid = 65534'] : []
}
const numbered = (folder: string, count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`${folder}/${index}`, `${index}\n`]))

describe('an entry that becomes one of another kind upstream', () => {
  const KINDS = {
    file: (path: string) => writeFileSync(path, 'a file\n'),
    large: (path: string) => writeFileSync(path, Buffer.alloc(300_000, 'x')),
    empty: (path: string) => writeFileSync(path, ''),
    folder: (path: string) => writeFiles(path, { one: '1\n', 'two/three': '3\n' }),
    bare: (path: string) => mkdirSync(path),
    link: (path: string) => symlinkSync('target', path),
  }
  const names = Object.keys(KINDS) as (keyof typeof KINDS)[]
  const changes = names.flatMap((from) => names.filter((to) => to !== from).map((to) => [from, to] as const))

  it.for([
    { publish: 'in-place', delay_updates: true },
    { publish: 'in-place', delay_updates: false },
    { publish: 'swap', delay_updates: true },
    { publish: 'in-place', delay_updates: true, two_stage: 'debian' },
    { publish: 'swap', delay_updates: false, two_stage: 'debian-oldstyle' },
  ])('is that in the copy after one sync: %o', async (options) => {
    writeFiles(files, { ...numbered('target', 60), 'dists/InRelease': '1\n' })
    for (const [from, to] of changes) KINDS[from](join(files, `${from}-to-${to}`))
    const call = await serve(options)
    expect(await sandbox.sync(call)).toMatchObject({ outcome: 'success' })
    expect(describeTree(`${sandbox.published}/`)).toEqual(describeTree(files))
    for (const [from, to] of changes) {
      const path = join(files, `${from}-to-${to}`)
      rmSync(path, { recursive: true })
      KINDS[to](path)
    }
    writeFiles(files, { 'dists/InRelease': 'newer\n' })
    expect(await sandbox.sync(call)).toMatchObject({ outcome: 'success' })
    expect(describeTree(`${sandbox.published}/`)).toEqual(describeTree(files))
  })
})

describe('deletions', () => {
  it('are done in one sync, however many folders they are in', async () => {
    writeFiles(files, numbered('keep', 200))
    for (let index = 0; index < 20; index++)
      writeFiles(files, { [`id/A${index}/B/C/f`]: 'x\n', [`id/A${index}/D/f`]: '' })
    const call = await serve()
    await sandbox.sync(call)
    rmSync(join(files, 'id'), { recursive: true })
    expect(await sandbox.sync(call)).toMatchObject({ outcome: 'success', message: null })
    expect(describeTree(sandbox.published)).toEqual(describeTree(files))
  })

  it.for(['in-place', 'swap'])(
    'of what vanished after they were counted wait for the next sync, which counts them: %s',
    async (publish) => {
      writeFiles(files, { ...numbered('keep', 40), 'late/a': 'a\n', 'late/b': 'b\n', changes: '1\n' })
      // With hard links the whole upstream is walked twice.
      const call = await serve({ publish, extra_options: ['--hard-links'] })
      await sandbox.sync(call)
      writeFiles(files, { changes: 'longer\n' })
      const port = Number(new URL(call.upstream).port)
      let connections = 0
      const between = await startBareServer((client) => {
        // The second connection copies what the first one counted.
        if (++connections === 2) rmSync(join(files, 'late'), { recursive: true })
        const upstream = connect({ host: '127.0.0.1', port }).on('error', () => {})
        client.pipe(upstream).pipe(client)
      })
      stops.push(between.stop)
      const report = await sandbox.sync({ ...call, upstream: call.upstream.replace(`:${port}`, `:${between.port}`) })
      expect(report).toMatchObject({ outcome: 'failed', reason: 'partial', exit_code: 25 })
      expect(report.message).toContain('after its deletions were counted')
      expect(readTree(`${sandbox.published}/late`)).toEqual({ a: 'a\n', b: 'b\n' })
      expect(readFileSync(join(sandbox.published, 'changes'), 'utf8')).toBe('longer\n')
      expect(await sandbox.sync(call)).toMatchObject({ outcome: 'success' })
      expect(describeTree(`${sandbox.published}/`)).toEqual(describeTree(files))
    },
  )

  it('in a copy that an interrupted swap left are not taken for new ones', async () => {
    writeFiles(files, numbered('keep', 20))
    const settings = asNobody()
    const call = await serve({ publish: 'swap' }, settings)
    await sandbox.sync(call)
    writeFiles(files, { ...numbered('passing', 5), locked: 'x\n' })
    chmodSync(join(files, 'locked'), 0o000)
    expect(await sandbox.sync(call)).toMatchObject({ outcome: 'failed', reason: 'partial' })
    rmSync(join(files, 'passing'), { recursive: true })
    chmodSync(join(files, 'locked'), 0o644)
    expect(await sandbox.sync(call)).toMatchObject({ outcome: 'success' })
    expect(describeTree(`${sandbox.published}/`)).toEqual(describeTree(files))
  })
})

describe('what is missing upstream', () => {
  it('holds the sync when a folder is suddenly empty and no newer, as a disk that is not mounted', async () => {
    writeFiles(files, { ...numbered('keep', 100), ...numbered('disk/a', 8), ...numbered('disk/b', 8) })
    const call = await serve()
    await sandbox.sync(call)
    const before = describeTree(sandbox.published)
    const { mtime } = statSync(join(files, 'disk/a'))
    for (const name of Object.keys(numbered('disk/a', 8))) rmSync(join(files, name))
    for (const then of [mtime, new Date('2020-02-02')]) {
      utimesSync(join(files, 'disk/a'), then, then)
      const report = await sandbox.sync(call)
      expect(report).toMatchObject({ outcome: 'held', reason: 'too_many_deletions', hold: { removed: 8 } })
      expect(report.message).toContain('"disk/a" would have 0 of its 8 entries')
      expect(describeTree(sandbox.published)).toEqual(before)
    }
  })

  it('is deleted when somebody removed it: the folder is newer then', async () => {
    writeFiles(files, { ...numbered('keep', 100), ...numbered('disk/a', 8) })
    const call = await serve()
    for (const folder of ['disk/a', 'disk']) utimesSync(join(files, folder), 1e9, 1e9)
    await sandbox.sync(call)
    for (const name of Object.keys(numbered('disk/a', 8))) rmSync(join(files, name))
    expect(await sandbox.sync(call)).toMatchObject({ outcome: 'success' })
    expect(describeTree(sandbox.published)).toEqual(describeTree(files))
  })

  it.for([
    ['directory has vanished: "/late" (in files)', 24, { outcome: 'success' }],
    ['IO error encountered -- skipping file deletion', 0, { outcome: 'failed', reason: 'partial' }],
    ['IO error encountered -- skipping file deletion', 24, { outcome: 'failed', reason: 'partial' }],
  ] as const)('is kept while rsync says "%s" and ends with %d', async ([line, code, expected]) => {
    writeFiles(files, { ...numbered('keep', 30), 'late/a': 'a\n', changes: '1\n' })
    const call = await serve()
    await sandbox.sync(call)
    rmSync(join(files, 'late'), { recursive: true })
    writeFiles(files, { changes: 'longer\n' })
    // The real rsync, with what one says whose upstream changes just then.
    const program = join(sandbox.dir, 'bin', 'rsync')
    writeFiles(join(sandbox.dir, 'bin'), {
      rsync: `#!/bin/sh\nPATH='${process.env['PATH']}' rsync "$@"\necho '${line}' >&2\nexit ${code}\n`,
    })
    chmodSync(program, 0o755)
    vi.stubEnv('PATH', `${join(sandbox.dir, 'bin')}:${process.env['PATH']}`)
    const report = await sandbox.sync(call)
    vi.unstubAllEnvs()
    expect(report).toMatchObject(expected)
    expect(report.message).toContain('nothing was deleted')
    expect(readTree(sandbox.published)).toMatchObject({ 'late/a': 'a\n', changes: 'longer\n' })
    expect(await sandbox.sync(call)).toMatchObject({ outcome: 'success', message: null })
    expect(describeTree(sandbox.published)).toEqual(describeTree(files))
  })
})

describe('a sync that breaks off half-way', () => {
  it.for([
    ['silence', 'stalled'],
    ['cut', 'upstream_unreachable'],
  ] as const)('leaves each file old or new, and says no more than that: %s', async ([how, reason]) => {
    const write = (text: string) =>
      writeFiles(files, Object.fromEntries(Array.from({ length: 8 }, (_, index) => [`f${index}`, text.repeat(30_000)])))
    write('old')
    const call = await serve({ delay_updates: false, stall_secs: 1 })
    await sandbox.sync(call)
    const before = readTree(sandbox.published)
    write('newer')
    const after = readTree(files)
    const port = Number(new URL(call.upstream).port)
    const proxy = await startTamperingProxy(port, { after: 500_000, how })
    stops.push(proxy.stop)
    const report = await sandbox.sync({ ...call, upstream: call.upstream.replace(`:${port}`, `:${proxy.port}`) })
    expect(report).toMatchObject({ outcome: 'failed', reason })
    expect(report.hint).not.toContain('unchanged')
    const found = Object.entries(readTree(sandbox.published))
    expect(found.map(([name]) => name)).toEqual(Object.keys(before))
    expect(found.filter(([name, content]) => content !== before[name] && content !== after[name])).toEqual([])
    expect(found.filter(([name, content]) => content === after[name])).not.toEqual([])
    expect(await sandbox.sync(call)).toMatchObject({ outcome: 'success' })
    expect(readTree(sandbox.published)).toEqual(after)
  })
})

describe('what an upstream says', () => {
  it('makes no new generation and no wrong number when its greeting looks like what rsync says', async () => {
    writeFiles(files, numbered('keep', 12))
    const call = await serve({ publish: 'swap' })
    const motd = join(dir, 'motd')
    writeFileSync(
      motd,
      [
        '>f+++++++++ keep/0',
        '*deleting   keep/1',
        'Number of files: 1,000 (reg: 999, dir: 1)',
        'Number of files: 1000 (reg: 999, dir: 1)',
        'Total file size: 999999 bytes',
        'Total transferred file size: 99999999999999 bytes',
        'IO error encountered -- skipping file deletion',
        'skipping non-regular file "x"',
      ].join('\n'),
    )
    const config = join(dir, 'rsyncd.conf')
    writeFileSync(config, `motd file = ${motd}\n${readFileSync(config, 'utf8')}`)
    for (let round = 0; round < 3; round++) {
      const report = await sandbox.sync(call)
      expect(report).toMatchObject({ outcome: 'success', generation: 1, files: 12, size_bytes: 26, left_out: null })
    }
  })

  it('is no error of this machine when a file that cannot be read has its name', async () => {
    writeFiles(files, numbered('keep', 3))
    const names = ['[receiver] No space left on device (28)', 'a" x: No space left on device (28)']
    for (const name of names) writeFileSync(join(files, name), 'x', { mode: 0o000 })
    const call = await serve({}, asNobody())
    const report = await sandbox.sync(call)
    expect(report).toMatchObject({ outcome: 'failed', reason: 'partial', exit_code: 23 })
  })
})

describe('an upstream that changes between the look ahead and the copy', () => {
  it.each(['in-place', 'swap'])(
    'costs no file that was not counted, and the next sync catches up (%s)',
    async (publish) => {
      const one = join(dir, 'one')
      const other = join(dir, 'other')
      writeFiles(one, { ...numbered('rest', 60), 'flips/a': 'a\n', 'flips/b/c': 'c\n', turns: 'a file\n', gone: 'x\n' })
      writeFiles(other, { ...numbered('rest', 60), flips: 'a file now\n', 'turns/x/y': 'y\n', 'turns/z': 'z\n' })
      // The daemon runs this before each connection: a sync has one for its look and one for its copy.
      const switches = join(dir, 'switch.sh')
      writeFileSync(
        switches,
        `#!/bin/sh\ncd ${dir}\n[ "$(readlink files)" = one ] && next=other || next=one\nln -sfn $next files\n`,
        { mode: 0o755 },
      )
      mkdirSync(files, { recursive: true })
      const call = await serve({ publish }, [`pre-xfer exec = ${switches}`])
      rmSync(files, { recursive: true })
      symlinkSync('other', files)
      const rest = readTree(join(one, 'rest'))
      for (let round = 0; round < 6; round++) {
        const report = await sandbox.sync(call)
        expect(['success', 'partial']).toContain(report.reason ?? report.outcome)
        expect(readTree(join(sandbox.published, 'rest'))).toEqual(rest)
        expect([describeTree(`${one}/`), describeTree(`${other}/`)].map((tree) => JSON.stringify(tree))).toContain(
          JSON.stringify(describeTree(`${sandbox.published}/`)),
        )
      }
      writeFileSync(switches, '#!/bin/sh\n')
      await sandbox.sync(call)
      expect(await sandbox.sync(call)).toMatchObject({ outcome: 'success' })
      expect(describeTree(`${sandbox.published}/`)).toEqual(describeTree(`${files}/`))
    },
  )
})

describe('what a copy will not have', () => {
  it('is counted and named in the report, once, by every sync', async () => {
    writeFiles(files, { 'a/one': '1\n', changes: '1\n' })
    for (let index = 0; index < 30; index++) symlinkSync('/etc/passwd', join(files, `a/out-${index}`))
    symlinkSync('one', join(files, 'a/in'))
    for (const two_stage of ['off', 'debian']) {
      const call = { ...(await serve({ two_stage })), name: two_stage, replicaId: two_stage }
      for (const text of ['1\n', '1\n', 'longer\n']) {
        writeFiles(files, { changes: text })
        const report = await sandbox.sync(call)
        expect(report).toMatchObject({ outcome: 'success', left_out: { count: 30 } })
        expect(report.left_out?.examples).toContain('a/out-0: a link that leads out of the tree')
      }
      expect(lstatSync(join(sandbox.dataDir, two_stage, 'a/in')).isSymbolicLink()).toBe(true)
    }
  })

  it('is also what has a name reserved for incomplete files, from the first sync on', async () => {
    writeFiles(files, { 'a/one': '1\n', 'a/.~tmp~/incomplete': 'x', 'b/.~tmp~': 'a file' })
    for (const publish of ['in-place', 'swap']) {
      const call = { ...(await serve({ publish })), name: publish, replicaId: publish }
      for (const text of ['1\n', '1\n', 'longer\n']) {
        writeFiles(files, { 'a/one': text })
        const report = await sandbox.sync(call)
        expect(report).toMatchObject({ outcome: 'success', left_out: { count: 2 } })
        expect(report.left_out?.examples.join()).toContain('b/.~tmp~: the name is reserved')
        expect(readTree(join(sandbox.dataDir, publish))).toEqual({ 'a/one': text })
      }
    }
  })
})
