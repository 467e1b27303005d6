// first.test.ts — First copies, which nothing is listed before: what they leave out, what ends them, how far they say
// they are, and how they go on after a kill.
import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmodSync, existsSync, readdirSync, statfsSync, symlinkSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Progress } from '@kagami/protocol'
import { startRsyncUpstream, writeFiles } from '@kagami/demo'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { killAfter, sandboxForEach } from '../../testing/kills.ts'
import { describeTree } from '../../testing/random-trees.ts'
import { readTree, type Sandbox, type SyncCall } from '../../testing/sandbox.ts'

const isRoot = process.getuid?.() === 0

let sandbox: Sandbox
let dir: string
let files: string
let staging: string
const stops = sandboxForEach((fresh) => {
  sandbox = fresh
  dir = join(sandbox.dir, 'upstream')
  files = join(dir, 'files')
  staging = join(sandbox.dataDir, '.kagami/staging/replica-1')
})

afterEach(() => void vi.unstubAllEnvs())

async function serve(options: object = {}, settings: string[] = []): Promise<SyncCall> {
  const upstream = await startRsyncUpstream({ dir, settings })
  stops.push(upstream.stop)
  return { kind: 'rsync', upstream: upstream.url, options: { compress: false, ...options } }
}
const run = (...words: string[]) => expect(spawnSync(words[0]!, words.slice(1)).status).toBe(0)

describe('a first copy', () => {
  it.for(['in-place', 'swap'])(
    'has no device, no link that leads out and no reserved name, and says so: %s',
    async (publish) => {
      const names = ['a/.~tmp~/incomplete', 'deep/er/.~tmp~/x', 'b/caf\udce9']
      writeFiles(files, { 'a/one': '1\n', 'b/.~tmp~': 'a file of 18 bytes', [names[0]!]: 'x', [names[1]!]: 'x' })
      run('mkfifo', join(files, 'a/pipe'))
      symlinkSync('one', join(files, 'a/in'))
      for (const folder of ['a', 'b', 'deep/er']) utimesSync(join(files, folder), 1e9, 1e9)
      const call = await serve({ publish })
      const shallow = await sandbox.sync({ ...call, name: 'other', replicaId: 'other' })
      symlinkSync('/etc/passwd', join(files, 'a/out'))
      utimesSync(join(files, 'a'), 1e9, 1e9)
      const report = await sandbox.sync(call)
      expect(shallow).toMatchObject({ outcome: 'success', files: 1, size_bytes: 5, left_out: { count: 4 } })
      expect(report).toMatchObject({ outcome: 'success', files: 1, size_bytes: 5, left_out: { count: 5 } })
      expect(report.left_out?.examples.toSorted()).toEqual([
        'a/.~tmp~/: the name is reserved for incomplete files and for notes of Kagami',
        'a/out: a link that leads out of the tree',
        'a/pipe: neither file, folder nor link',
        'b/.~tmp~: the name is reserved for incomplete files and for notes of Kagami',
        'deep/er/.~tmp~/: the name is reserved for incomplete files and for notes of Kagami',
      ])
      expect(readTree(sandbox.published)).toEqual({ 'a/one': '1\n' })
      // Each folder has its time, so that the next sync finds nothing to do.
      const again = await sandbox.sync(call)
      expect(again).toMatchObject({ outcome: 'success', files: 1, size_bytes: 5, left_out: { count: 5 } })
      if (publish === 'swap') expect([report.generation, again.generation]).toEqual([1, 1])
      expect(sandbox.log(again)).not.toContain('Number of regular files transferred')
    },
  )

  it('is not published while part of the upstream cannot be read, and is whole once it can', async () => {
    writeFiles(files, { 'a/one': '1\n', 'shut/two': '2\n' })
    chmodSync(join(files, 'shut'), 0)
    chmodSync(sandbox.dir, 0o755)
    const call = await serve({}, isRoot ? ['uid = 65534', 'gid = 65534'] : [])
    expect(await sandbox.sync(call)).toMatchObject({ outcome: 'failed', reason: 'partial' })
    expect(existsSync(sandbox.published)).toBe(false)
    chmodSync(join(files, 'shut'), 0o755)
    expect(await sandbox.sync(call)).toMatchObject({ outcome: 'success', files: 2 })
    expect(describeTree(`${sandbox.published}/`)).toEqual(describeTree(`${files}/`))
  })

  it('says once a second how far it is, and no percent, since nobody knows the whole', async () => {
    const size = 3_000_000
    writeFiles(files, { large: randomBytes(size) })
    // What is slow is no stall.
    const call = await serve({ bwlimit_kbps: 1000, stall_secs: 2 })
    const said: Progress[] = []
    const report = await sandbox.sync({ ...call, onProgress: (progress) => said.push(progress) })
    expect(report).toMatchObject({ outcome: 'success', files: 1, size_bytes: size })
    const bytes = said.filter(({ phase }) => phase === 'transferring').flatMap((one) => one.bytes ?? [])
    expect(bytes.length).toBeGreaterThan(0)
    expect(bytes).toEqual(bytes.toSorted((a, b) => a - b))
    for (const one of bytes) expect(one).toBeLessThanOrEqual(size + 64 * 1024)
    expect(new Set(said.map(({ percent }) => percent))).toEqual(new Set([null]))
  })

  it('is not published when a flush failed while it came, though the last one did not', async () => {
    writeFiles(files, { large: randomBytes(3_000_000) })
    const call = await serve({ bwlimit_kbps: 1000 })
    // The kernel tells only once what it could not write.
    const [bin, once] = [join(sandbox.dir, 'bin'), join(sandbox.dir, 'once')]
    const said = 'echo "sync: error syncing \'$2\': Input/output error" >&2'
    const sync = `[ -e '${once}' ] && exec /usr/bin/env PATH='${process.env['PATH']}' sync "$@"\ntouch '${once}'`
    writeFiles(bin, { sync: `#!/bin/sh\n${sync}\n${said}\nexit 1\n` })
    chmodSync(join(bin, 'sync'), 0o755)
    vi.stubEnv('PATH', `${bin}:${process.env['PATH']}`)
    const report = await sandbox.sync(call)
    expect([existsSync(once), existsSync(sandbox.published)]).toEqual([true, false])
    expect(report).toMatchObject({ outcome: 'failed', reason: 'disk_error' })
    expect(await sandbox.sync(call)).toMatchObject({ outcome: 'success', files: 1 })
  })

  it('goes on, after the worker was killed in the middle, with what had come', async () => {
    const all = Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`f${index}`, randomBytes(100_000)]))
    writeFiles(files, { ...all, 'a/.~tmp~/incomplete': 'x', 'b/.~tmp~': 'x' })
    const slow = await serve({ bwlimit_kbps: 500 })
    await killAfter(3000, sandbox.dataDir, { kind: 'rsync', upstream: slow.upstream, options: slow.options })
    const had = Object.keys(readTree(staging)).length
    expect(had).toBeGreaterThan(3)
    const report = await sandbox.sync({ ...slow, options: { compress: false } })
    expect(report).toMatchObject({ outcome: 'success', files: 30, size_bytes: 3_000_000, left_out: { count: 2 } })
    expect(report.bytes).toBeLessThan(3_000_000 - (had - 3) * 100_000)
    expect(Object.keys(readTree(sandbox.published)).toSorted()).toEqual(Object.keys(all).toSorted())
    expect(readdirSync(join(sandbox.published, 'a'))).toEqual([])
  })

  it('ends when the upstream grows out of the quota after it was asked, and leaves nothing behind', async () => {
    writeFiles(dir, { 'files/small': 'x\n', large: randomBytes(20_000_000) })
    // The daemon runs this before each connection: the first one sees the small tree.
    const switches = join(dir, 'switch.sh')
    writeFiles(dir, { 'switch.sh': `#!/bin/sh\ncd ${dir}\n[ -e seen ] && mv large files/; touch seen\n` })
    chmodSync(switches, 0o755)
    const call = await serve({ quota_mib: 1, bwlimit_kbps: 2000 }, [`pre-xfer exec = ${switches}`])
    const report = await sandbox.sync(call)
    expect(report).toMatchObject({ outcome: 'failed', reason: 'quota_exceeded' })
    expect(report.message).toContain('its quota is 1 MiB; nothing of it was published')
    expect([existsSync(sandbox.published), existsSync(staging)]).toEqual([false, false])
  })
})

describe.runIf(isRoot)('a first copy on a machine', () => {
  beforeEach(() => writeFiles(files, { 'a/one': '1\n', 'b/.~tmp~': 'x', large: randomBytes(40_000_000) }))

  it('whose disk fills up in the middle ends before that, and gives the room back', async () => {
    run('mount', '-t', 'tmpfs', '-o', 'size=90m', 'tmpfs', sandbox.dataDir)
    stops.push(async () => void spawnSync('umount', ['-l', sandbox.dataDir]))
    const free = () => statfsSync(sandbox.dataDir).bavail * statfsSync(sandbox.dataDir).bsize
    const before = free()
    // Its last copy was small, so it is not asked for its size.
    const report = await sandbox.sync({ ...(await serve({ bwlimit_kbps: 10_000 })), sizeBytes: 1000 })
    expect(report).toMatchObject({ outcome: 'failed', reason: 'disk_full' })
    expect(before - free()).toBeLessThan(1_000_000)
    expect(existsSync(sandbox.published)).toBe(false)
  })

  it('without /proc succeeds all the same', async () => {
    const { kind, upstream, options } = await serve()
    const named = { name: 'copy', replica_id: 'replica-1', interval_secs: null, labels: {}, auth: null, origin: 'api' }
    const task = JSON.stringify({ dataDir: sandbox.dataDir, spec: { kind, upstream, options, ...named } })
    const program = fileURLToPath(new URL('../../testing/sync-program.ts', import.meta.url))
    const withoutProc = ['--mount', 'sh', '-c', 'mount -t tmpfs none /proc && exec "$@"', 'sh']
    const words = [...withoutProc, process.execPath, program, task]
    const { stdout, stderr } = spawnSync('unshare', words, { encoding: 'utf8' })
    const report = JSON.parse(stdout.trim().split('\n').at(-1) ?? 'null') as object
    expect(report, stderr).toMatchObject({ outcome: 'success', files: 2, left_out: { count: 1 } })
    expect(Object.keys(readTree(sandbox.published)).toSorted()).toEqual(['a/one', 'large'])
  })
})
