// copy.test.ts — Disks that refuse hard links: whole trees and verified ones are copied instead. A `cp` that cannot
// make links stands for such a disk; everything else is real.
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { createHash } from 'node:crypto'
import { delimiter, join } from 'node:path'
import { startHttpUpstream, startRsyncUpstream, writeFiles } from '@kagami/demo'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createCommandRunner } from '../programs/command.ts'
import { sandboxForEach } from '../testing/kills.ts'
import { readTree, type Sandbox } from '../testing/sandbox.ts'
import { applyFork } from './apply-fork.ts'
import { copyTree } from './copy.ts'

const NOTE = /hard links are refused here \(Operation not permitted\): the tree is copied for each update/
let sandbox: Sandbox
const stops = sandboxForEach((fresh) => void (sandbox = fresh))
const run = createCommandRunner({ signal: new AbortController().signal, log: () => {} })

beforeEach(() => refuseLinks())
afterEach(() => void vi.unstubAllEnvs())

/** From now on `cp` says of each hard link what such a disk says. */
function refuseLinks(): void {
  const bin = join(sandbox.dir, 'bin')
  mkdirSync(bin, { recursive: true })
  const script = [
    '#!/bin/sh',
    'case "$1" in -al) echo "cp: cannot create hard link \'b\' to \'a\': Operation not permitted" >&2; exit 1;; esac',
    `PATH=${process.env['PATH']} exec cp "$@"`,
  ]
  writeFileSync(join(bin, 'cp'), `${script.join('\n')}\n`)
  chmodSync(join(bin, 'cp'), 0o755)
  vi.stubEnv('PATH', `${bin}${delimiter}${process.env['PATH']}`)
}

/** An upstream of a kind whose files are in the sandbox's folder `up/files`, with a list that names the others. */
async function serve(kind: 'rsync' | 'http'): Promise<string> {
  const dir = join(sandbox.dir, 'up')
  mkdirSync(join(dir, 'files'), { recursive: true })
  const upstream =
    kind === 'rsync'
      ? await startRsyncUpstream({ dir })
      : await startHttpUpstream({ dir: join(dir, 'files'), listings: true })
  stops.push(upstream.stop)
  return upstream.url
}

function writeUpstream(text: string): void {
  const stays = join(sandbox.dir, 'up', 'files', 'pool/stays')
  if (!existsSync(stays)) writeFiles(join(sandbox.dir, 'up', 'files'), { 'pool/stays': 'stays\n' })
  const digest = createHash('sha256').update(text).digest('hex')
  writeFiles(join(sandbox.dir, 'up', 'files'), {
    'dists/s/main/Packages': text,
    'dists/s/InRelease': `Label: ${text}SHA256:\n ${digest} ${text.length} main/Packages\n`,
    'pool/changes': text,
  })
}

describe('on a disk that refuses hard links', () => {
  it.each([
    ['rsync', { publish: 'swap' }],
    ['rsync', { verify: 'debian' }],
    ['http', { publish: 'swap', tree: 'always' }],
    ['http', { verify: 'debian', tree: 'always' }],
  ] as const)('a mirror by %s with %j is updated, and the report says what that costs', async (kind, options) => {
    writeUpstream('one\n')
    const call = { kind, upstream: await serve(kind), options }
    const first = await sandbox.sync(call)
    expect(first).toMatchObject({ outcome: 'success', message: expect.stringMatching(NOTE) })
    const before = lstatSync(join(sandbox.published, 'pool/stays')).ino
    writeUpstream('second\n')
    const second = await sandbox.sync(call)
    expect(second).toMatchObject({ outcome: 'success', message: expect.stringMatching(NOTE) })
    expect(sandbox.log(second)).toMatch(NOTE)
    expect(readTree(sandbox.published)).toEqual(readTree(join(sandbox.dir, 'up', 'files')))
    // In place, what did not change is the same file as before.
    if ('verify' in options) expect(lstatSync(join(sandbox.published, 'pool/stays')).ino).toBe(before)
  })

  it('an update is refused before anything is fetched when the copy would not fit', async () => {
    writeUpstream('one\n')
    const call = { kind: 'rsync', upstream: await serve('rsync'), options: { publish: 'swap' } }
    expect((await sandbox.sync(call)).outcome).toBe('success')
    // Larger than the disk, the same on both sides, and without a byte on it.
    const then = new Date('2020-01-01T00:00:00Z')
    for (const folder of [realpathSync(sandbox.published), join(sandbox.dir, 'up', 'files')]) {
      writeFileSync(join(folder, 'large'), '')
      truncateSync(join(folder, 'large'), 8 * 1024 ** 4)
      utimesSync(join(folder, 'large'), then, then)
    }
    writeFiles(join(sandbox.dir, 'up', 'files'), { 'pool/new': 'new\n' })
    const refused = await sandbox.sync({ ...call, sizeBytes: 8 * 1024 ** 4 })
    expect(refused).toMatchObject({ outcome: 'failed', reason: 'disk_full' })
    expect(existsSync(join(sandbox.published, 'pool/new'))).toBe(false)
  })
})

describe('a checked copy in full', () => {
  it('replaces what was changed in it, also with size and time of before, and nothing else', async () => {
    const [published, fork, aside] = ['published', 'fork', 'aside'].map((name) => join(sandbox.dir, name)) as [
      string,
      string,
      string,
    ]
    writeFiles(published, { same: 'same\n', mended: 'brokn\n', longer: 'a\n', gone: 'x\n' })
    const then = new Date('2020-01-01T00:00:00Z')
    for (const name of ['same', 'mended', 'longer', 'gone']) utimesSync(join(published, name), then, then)
    const inode = (name: string) => lstatSync(join(published, name)).ino
    const before = ['same', 'mended', 'longer'].map(inode)
    expect(await copyTree(published, fork, run)).toBe('Operation not permitted')
    const copiedAtMs = lstatSync(fork).ctimeMs
    writeFiles(fork, { mended: 'whole\n', longer: 'abc\n' })
    for (const name of ['mended', 'longer']) utimesSync(join(fork, name), then, then)
    rmSync(join(fork, 'gone'))
    await applyFork({ fork, published, aside, run, copiedAtMs })
    expect(readTree(published)).toEqual({ same: 'same\n', mended: 'whole\n', longer: 'abc\n' })
    expect(['same', 'mended', 'longer'].map((name, at) => inode(name) === before[at])).toEqual([true, false, false])
    expect(readFileSync(join(published, 'mended'), 'utf8')).toBe('whole\n')
  })
})
