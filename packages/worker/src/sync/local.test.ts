// local.test.ts — Folders of the worker's own machine as upstreams: mirrored below the roots of worker.toml, and
// nowhere else, whatever a name or a link says.
import { chownSync, mkdirSync, readFileSync, realpathSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { commit, ensureRepository, runChild, writeFiles } from '@kagami/demo'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createSandbox, readTree, type Sandbox, type SyncCall } from '../testing/sandbox.ts'

describe('a folder of this machine', () => {
  let sandbox: Sandbox
  let root: string
  beforeEach(() => {
    sandbox = createSandbox()
    root = join(sandbox.dir, 'incoming')
    writeFiles(join(root, 'a b%20c'), { 'one.txt': 'one\n', 'd/two.txt': 'two\n' })
    mkdirSync(join(sandbox.dir, 'private'))
    writeFiles(join(sandbox.dir, 'private'), { 'secret.txt': 'secret\n' })
  })
  afterEach(() => sandbox.remove())

  const sync = (kind: string, upstream: string, more: Partial<SyncCall> = {}) =>
    sandbox.sync({ kind, upstream, upstreamRoots: [root], ...more })
  const urlOf = (...parts: string[]) => pathToFileURL(join(root, ...parts)).href

  it('is mirrored by rsync below an allowed root, followed, guarded, and swapped whole', async () => {
    const upstream = urlOf('a b%20c')
    expect(await sync('rsync', upstream)).toMatchObject({ outcome: 'success', files: 2 })
    expect(readTree(sandbox.published)).toEqual({ 'one.txt': 'one\n', 'd/two.txt': 'two\n' })
    expect(await sync('rsync', upstream)).toMatchObject({ outcome: 'success', bytes: expect.any(Number) })
    writeFiles(join(root, 'a b%20c'), { 'one.txt': 'one, longer\n', 'three.txt': '3\n' })
    expect(
      await sync('rsync', `${upstream}/`, {
        options: { publish: 'swap', address_family: 'ipv4', bwlimit_kbps: 100_000 },
      }),
    ).toMatchObject({ outcome: 'success', files: 3 })
    expect(readTree(realpathSync(sandbox.published))).toEqual({
      'one.txt': 'one, longer\n',
      'd/two.txt': 'two\n',
      'three.txt': '3\n',
    })
    writeFiles(join(root, 'a b%20c'), { 'one.txt': null, 'd/two.txt': null, 'three.txt': null })
    expect(await sync('rsync', upstream, { options: { publish: 'swap' } })).toMatchObject({
      outcome: 'held',
      reason: 'upstream_empty',
    })
  })

  it('is mirrored by git, also when the repository belongs to somebody else', async () => {
    const repository = join(root, 'x y.git')
    await ensureRepository(repository)
    await commit(repository, { message: 'first', files: { 'a.txt': 'a\n' } })
    if (process.getuid?.() === 0) chownSync(repository, 12_345, 12_345)
    expect(await sync('git', urlOf('x y.git'))).toMatchObject({ outcome: 'success', files: 1 })
    await commit(repository, { message: 'second', branch: 'other', files: { 'b.txt': 'b\n' } })
    expect(await sync('git', urlOf('x y.git'))).toMatchObject({ outcome: 'success', files: 2 })
    expect(
      await sync('git', urlOf('x y.git'), {
        options: { refs: ['refs/heads/other'], max_delete_percent: 60 },
        name: 'second',
        replicaId: 'r-2',
      }),
    ).toMatchObject({ outcome: 'success', files: 1 })
    expect(await runChild('git', [`--git-dir=${sandbox.published}`, 'for-each-ref', '--format=%(refname)'])).toBe(
      'refs/heads/main\nrefs/heads/other\n',
    )
    // Objects of its own: the copy must not change with the original.
    expect(readFileSync(join(sandbox.published, 'config'), 'utf8')).not.toContain('alternates')
  })

  it('is refused everywhere else', async () => {
    symlinkSync(join(sandbox.dir, 'private'), join(root, 'link'))
    symlinkSync(sandbox.dataDir, join(root, 'ours'))
    const outside = [
      urlOf('link'),
      urlOf('ours'),
      `file://${sandbox.dir}/private`,
      `file://${root}-other`,
      'file:///etc',
    ]
    const odd = [
      `file://${root}/../private`,
      `file://${root}/%2e%2e/private`,
      `file://localhost${root}`,
      `file:${root}`,
      root,
      `file://${root}//x`,
      `file://${root}/x?y`,
      'file:///',
      `file://${root}/%00`,
      `file://${root}/%zz`,
    ]
    for (const kind of ['git', 'rsync']) {
      for (const upstream of outside)
        expect(await sync(kind, upstream), `${kind} ${upstream}`).toMatchObject({
          outcome: 'failed',
          reason: 'address_forbidden',
        })
      for (const upstream of odd)
        expect(await sync(kind, upstream), `${kind} ${upstream}`).toMatchObject({
          outcome: 'failed',
          reason: 'upstream_missing',
        })
    }
    expect(await sync('http', urlOf('a b%20c'))).toMatchObject({ outcome: 'failed' })
    expect(await sync('rsync', urlOf('a b%20c'), { upstreamRoots: [] })).toMatchObject({
      outcome: 'failed',
      reason: 'address_forbidden',
      message: expect.stringContaining('upstream_roots'),
    })
    expect(await sync('rsync', urlOf('none'))).toMatchObject({ outcome: 'failed', reason: 'upstream_missing' })
    expect(await sync('rsync', urlOf('a b%20c', 'one.txt'))).toMatchObject({
      outcome: 'failed',
      reason: 'upstream_missing',
      message: expect.stringContaining('not a folder'),
    })
    expect(await sync('rsync', `file://${sandbox.dataDir}`, { upstreamRoots: [sandbox.dir] })).toMatchObject({
      reason: 'address_forbidden',
      message: expect.stringContaining('its own upstream'),
    })
    expect(await sync('rsync', `file://${sandbox.dir}`, { upstreamRoots: [sandbox.dir] })).toMatchObject({
      reason: 'address_forbidden',
    })
  })

  it('that holds links out of the root gives none of what they lead to', async () => {
    symlinkSync('/etc/passwd', join(root, 'a b%20c', 'passwd'))
    symlinkSync(join(sandbox.dir, 'private'), join(root, 'a b%20c', 'private'))
    expect(await sync('rsync', urlOf('a b%20c'))).toMatchObject({ outcome: 'success' })
    expect(Object.keys(readTree(sandbox.published))).toEqual(['d/two.txt', 'one.txt'])
    for (const option of ['--copy-links', '--copy-unsafe-links'])
      expect(await sync('rsync', urlOf('a b%20c'), { options: { extra_options: [option] } })).toMatchObject({
        outcome: 'failed',
        reason: 'invalid_options',
      })
    expect(Object.keys(readTree(sandbox.published))).toEqual(['d/two.txt', 'one.txt'])
  })
})
