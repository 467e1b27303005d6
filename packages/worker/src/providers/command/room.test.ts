// room.test.ts — Programs on a small disk: a copy that has no room is not begun, and what a program fills is given
// back. Needs root, to mount a disk.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, statfsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { sandboxForEach } from '../../testing/kills.ts'
import { readTree, type Sandbox, type SyncCall } from '../../testing/sandbox.ts'
import { scriptCommand } from '../../testing/worker-toml.ts'

describe.runIf(process.getuid?.() === 0)('a program on a disk that is nearly full', () => {
  let sandbox: Sandbox
  const stops = sandboxForEach((fresh) => {
    sandbox = fresh
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=200m', 'tmpfs', sandbox.dataDir])
    stops.push(async () => void execFileSync('umount', ['--lazy', sandbox.dataDir]))
  })
  const call = (script: string, more: object = {}): SyncCall => ({
    kind: 'command',
    upstream: 'https://127.0.0.1/',
    options: { command: 'script' },
    commands: scriptCommand(join(sandbox.dir, 'script.sh'), script, more),
  })
  const freeMib = () => {
    const { bavail, bsize } = statfsSync(sandbox.dataDir)
    return (bavail * bsize) / 1024 ** 2
  }

  it('does not begin a copy that has no room, and says what needs none', async () => {
    expect(await sandbox.sync(call('head -c 80M /dev/zero > large'))).toMatchObject({ outcome: 'success' })
    const report = await sandbox.sync(call('touch ran'))
    expect(report).toMatchObject({ outcome: 'failed', reason: 'disk_full' })
    expect(report.message).toMatch(
      /^the program works in a copy of the tree: 80 MiB, and \d+ MiB are free; nothing was/,
    )
    expect(report.hint).toContain('set tree = "linked" for a command that replaces files')
    expect(Object.keys(readTree(sandbox.published))).toEqual(['large'])
    expect(freeMib()).toBeGreaterThan(110)
    for (const tree of ['linked', 'direct'])
      expect(await sandbox.sync(call(`touch ${tree}`, { tree }))).toMatchObject({ outcome: 'success' })
    expect(Object.keys(readTree(sandbox.published)).sort()).toEqual(['direct', 'large', 'linked'])
  })

  it('gives back what it filled, in the first copy and later, in the tree and beside it', async () => {
    const fill = (where: string) => call(`echo x > file; head -c 400M /dev/zero > ${where}`)
    const first = await sandbox.sync(fill('large'))
    expect(first).toMatchObject({ outcome: 'failed', reason: 'disk_full' })
    expect(existsSync(sandbox.published)).toBe(false)
    expect(freeMib()).toBeGreaterThan(190)
    expect(await sandbox.sync(call('echo x > file'))).toMatchObject({ outcome: 'success' })
    for (const where of ['large', '$TMPDIR/large', '$HOME/large']) {
      expect(await sandbox.sync(fill(where))).toMatchObject({ outcome: 'failed', reason: 'disk_full' })
      expect(freeMib()).toBeGreaterThan(190)
      expect(readTree(sandbox.published)).toEqual({ file: 'x\n' })
    }
    expect(await sandbox.sync(call('echo y > file'))).toMatchObject({ outcome: 'success' })
  })

  it('has earlier trees that take the space of what changed alone', async () => {
    const options = { command: 'script', publish: 'swap' }
    await sandbox.sync({ ...call('head -c 50M /dev/zero > large; echo x > file; ln file other'), options })
    const before = freeMib()
    for (const n of [1, 2, 3])
      expect(await sandbox.sync({ ...call(`echo ${n} > file`), options })).toMatchObject({ outcome: 'success' })
    expect(before - freeMib()).toBeLessThan(10)
    const trees = join(sandbox.dataDir, '.generations', 'copy')
    expect(readdirSync(trees)).toEqual(['2', '3', '4'])
    const of = (tree: string) => statSync(join(trees, tree, 'large')).ino
    expect(of('4')).toBe(of('2'))
    for (const tree of ['2', '3', '4'])
      for (const name of ['file', 'other'])
        expect(readFileSync(join(trees, tree, name), 'utf8')).toBe(`${Number(tree) - 1}\n`)
    // What is shared is not what the next run writes into.
    await sandbox.sync({ ...call('echo more >> large'), options })
    expect(statSync(join(trees, '4', 'large')).size).toBe(50 * 1024 ** 2)
  })

  it('that is a mount point of its own, works where people read, and nowhere else', async () => {
    mkdirSync(sandbox.published)
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=100m,mode=755', 'tmpfs', sandbox.published])
    stops.push(async () => void execFileSync('umount', ['--lazy', sandbox.published]))
    expect(await sandbox.sync(call('echo x > file'))).toMatchObject({ outcome: 'success' })
    const report = await sandbox.sync(call('echo y > file'))
    expect(report).toMatchObject({ outcome: 'failed', reason: 'local_conflict' })
    expect(report.message).toContain('is a disk of its own, so the program cannot work in a copy of it')
    expect(report.hint).toContain('set tree = "direct" for this command')
    expect(readTree(sandbox.published)).toEqual({ file: 'x\n' })
    expect(await sandbox.sync(call('echo y > file', { tree: 'direct' }))).toMatchObject({ outcome: 'success' })
    expect(readTree(sandbox.published)).toEqual({ file: 'y\n' })
  })

  it('slower than the disk is looked at, is ended before it is full', async () => {
    const slow = 'for n in $(seq 200); do head -c 5M /dev/zero > part$n; echo $n; sleep 0.1; done'
    const report = await sandbox.sync(call(slow))
    expect(report).toMatchObject({ outcome: 'failed', reason: 'disk_full' })
    expect(report.message).toContain('the disk was about to be full; the sync was ended before it was')
    expect(freeMib()).toBeGreaterThan(190)
  }, 60_000)
})
