// mount.test.ts — A replica whose folder is the mount point of an empty disk: real mounts, so it needs root.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import {
  commit,
  ensureRepository,
  startGitUpstream,
  startHttpUpstream,
  startRsyncUpstream,
  writeFiles,
} from '@kagami/demo'
import { beforeEach, describe, expect, it } from 'vitest'
import { killAfter, sandboxForEach } from '../testing/kills.ts'
import { readTree, type Sandbox, type SyncCall } from '../testing/sandbox.ts'

let sandbox: Sandbox
let up: string
const stops = sandboxForEach((fresh) => {
  sandbox = fresh
  up = join(fresh.dir, 'up')
})

/** Mounts an empty disk, or a folder of the same one, where the copy will be. */
function mountPlace(how: 'disk' | 'bind'): void {
  mkdirSync(sandbox.published)
  const other = join(sandbox.dir, 'other')
  mkdirSync(other)
  execFileSync(
    'mount',
    how === 'bind'
      ? ['--bind', other, sandbox.published]
      : ['-t', 'tmpfs', '-o', 'size=100m,mode=755', 'kagami-test', sandbox.published],
  )
  stops.push(async () => void execFileSync('umount', ['-l', sandbox.published]))
  if (how === 'disk') mkdirSync(join(sandbox.published, 'lost+found'))
}

async function serve(kind: string): Promise<SyncCall> {
  writeFiles(join(up, 'files'), { 'dists/list': 'one\n', 'pool/one': 'one\n', single: 'one\n' })
  if (kind === 'rsync') {
    const upstream = await startRsyncUpstream({ dir: up })
    stops.push(upstream.stop)
    return { kind, upstream: upstream.url }
  }
  const upstream = await startHttpUpstream({ dir: join(up, 'files'), listings: true })
  stops.push(upstream.stop)
  return kind === 'http tree'
    ? { kind: 'http', upstream: upstream.url, options: { tree: 'always' } }
    : { kind: 'http', upstream: `${upstream.url}/single` }
}

/** The copy, without what the disk itself has. */
const copy = () => readTree(sandbox.published)
const wanted = (kind: string) => {
  const all = readTree(join(up, 'files'))
  return kind === 'http file' ? { single: all['single'] } : all
}
const ownNames = () => readdirSync(sandbox.published).filter((name) => name.includes('kagami'))

describe.runIf(process.getuid?.() === 0)('an empty disk that is mounted where the copy will be', () => {
  describe.each(['disk', 'bind'] as const)('(%s)', (how) => {
    beforeEach(() => mountPlace(how))

    it.each(['rsync', 'http tree', 'http file'])('is filled by %s, and updated', async (kind) => {
      const call = await serve(kind)
      const first = await sandbox.sync(call)
      expect(first).toMatchObject({ outcome: 'success' })
      expect([copy(), ownNames()]).toEqual([wanted(kind), []])
      writeFiles(join(up, 'files'), { 'dists/list': 'second\n', 'pool/two': 'two\n', single: 'second\n' })
      const second = await sandbox.sync({ ...call, files: first.files })
      expect([second.outcome, second.message, copy(), ownNames()]).toEqual(['success', null, wanted(kind), []])
    })

    it('is filled by git, and updated', async () => {
      const dir = join(sandbox.dir, 'git')
      const repository = join(dir, 'a.git')
      await ensureRepository(repository)
      await commit(repository, { message: 'first', files: { a: 'one\n' } })
      const upstream = await startGitUpstream({ dir })
      stops.push(upstream.stop)
      const call = { kind: 'git', upstream: `${upstream.url}/a.git` }
      const refs = (of: string) => execFileSync('git', [`--git-dir=${of}`, 'for-each-ref'], { encoding: 'utf8' })
      for (const text of ['first', 'second']) {
        await commit(repository, { message: text, files: { a: text } })
        expect(await sandbox.sync(call)).toMatchObject({ outcome: 'success', reason: null })
        expect([refs(sandbox.published), ownNames()]).toEqual([refs(repository), []])
        execFileSync('git', [`--git-dir=${sandbox.published}`, 'fsck', '--full'], { stdio: 'pipe' })
      }
    })
  })

  it.each([{ publish: 'swap' }, { verify: 'debian' }])(
    'is refused before anything is fetched where that needs another tree: %j',
    async (options) => {
      mountPlace('disk')
      const call = await serve('rsync')
      const report = await sandbox.sync({ ...call, options })
      expect(report).toMatchObject({ outcome: 'failed', reason: 'local_conflict' })
      expect(report.hint).toMatch(/^Mount the disk as data_dir, or use publish = "in-place"/)
      expect(copy()).toEqual({})
      expect(await sandbox.sync({ ...call, options: {} })).toMatchObject({ outcome: 'success' })
    },
  )

  it('has a whole copy after a kill at any moment of the first sync', async () => {
    mountPlace('disk')
    const call = await serve('rsync')
    writeFiles(join(up, 'files'), Object.fromEntries(Array.from({ length: 300 }, (_, at) => [`d${at}/x`, `${at}\n`])))
    for (const ms of [50, 100, 150, 200, 300]) {
      await killAfter(ms, sandbox.dataDir, call)
      const seen = Object.keys(copy()).filter((path) => !path.startsWith('.kagami-'))
      expect([0, 303]).toContain(seen.length)
      if (seen.length > 0) break
    }
    expect(await sandbox.sync(call)).toMatchObject({ outcome: 'success' })
    expect([copy(), ownNames()]).toEqual([wanted('rsync'), []])
  })

  it('gets the rest of a copy that was being published when the worker was killed', async () => {
    mountPlace('disk')
    const call = await serve('rsync')
    expect(await sandbox.sync(call)).toMatchObject({ outcome: 'success' })
    const half = join(sandbox.published, '.kagami-publishing', 'tree')
    mkdirSync(half, { recursive: true })
    execFileSync('mv', [join(sandbox.published, 'dists'), half])
    rmSync(join(up, 'files', 'dists'), { recursive: true })
    expect((await sandbox.sync({ ...call, files: 3 })).outcome).toBe('success')
    expect([existsSync(half), ownNames(), copy()]).toEqual([false, [], wanted('rsync')])
  })
})
