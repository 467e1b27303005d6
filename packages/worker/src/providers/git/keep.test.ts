// keep.test.ts — What the upstream lost stays for some days where no reader sees it, can be given back, and is in the
// copy before anything of it goes.
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { runChild, startGitDaemon, startGitUpstream, startHttpUpstream } from '@kagami/demo'
import type { SyncReport } from '@kagami/protocol'
import { describe, expect, it } from 'vitest'
import { killOnceKept } from '../../testing/git-fetches.ts'
import { IDENTITY, refsOf, repositoryForEach, WAYS } from '../../testing/git-repository.ts'
import { readTree } from '../../testing/sandbox.ts'

const KEEP = { keep_history: 30, max_delete_percent: 100, max_shrink_percent: 100 }
const keptRefs = (report: SyncReport) => (report.kept?.refs ?? []).map(({ ref, commit }) => `${commit} ${ref}`).sort()
const gitIn = async (gitDir: string, ...args: string[]) =>
  (await runChild('git', [`--git-dir=${gitDir}`, ...args])).trim()

describe.each(WAYS)('a copy with keep_history over %s', (way) => {
  const served = repositoryForEach(way)
  const { git, change, orphan } = served

  it('keeps what is lost by a forced push or a deletion, nothing else, and no reader sees it', async () => {
    const tip = (name: string) => git('rev-parse', name)
    await change('side', 'side')
    for (const name of ['merged', 'named', 'grows']) await git('branch', name, 'main')
    await git(...IDENTITY, 'tag', '-a', '-m', 'v1', 'v1', 'main')
    await git('tag', 'nightly', 'main')
    await git('update-ref', 'refs/notes/blob', await tip('main:one'))
    await git('update-ref', 'refs/heads/d', await tip('side'))
    const first = await served.sync(KEEP)
    expect(first).toMatchObject({ outcome: 'success', kept: null })
    const lost = await Promise.all(
      ['refs/heads/side', 'refs/heads/d', 'refs/tags/v1', 'refs/tags/nightly', 'refs/notes/blob'].map(
        async (name) => `${await tip(name)} ${name}`,
      ),
    )
    // A branch in the way of another, a rename, a tag that moved, one that went.
    await git('branch', '-D', 'side', 'd', 'merged')
    await git('tag', '-d', 'v1')
    await git('branch', '-m', 'named', 'renamed')
    await change('deep', 'd/e')
    await change('grows', 'grows')
    await git('tag', '-f', 'nightly', 'grows')
    await git('update-ref', 'refs/notes/blob', await tip('grows:grows'))
    const second = await served.sync(KEEP)
    expect(second, second.tail ?? '').toMatchObject({ outcome: 'success', kept: { count: 5 } })
    expect(keptRefs(second)).toEqual(lost.sort())
    expect(await refsOf(served.sandbox.published)).toBe(await refsOf(served.repository))
    // The same ref once more.
    const made = await orphan('orphan')
    const main = await tip('main')
    for (const name of ['main', 'renamed', 'grows', 'd/e']) await git('update-ref', `refs/heads/${name}`, made)
    for (const name of ['refs/tags/nightly', 'refs/notes/blob']) await git('update-ref', '-d', name)
    const third = await served.sync(KEEP)
    expect(third.kept!.count).toBe(11)
    expect(keptRefs(third)).toContain(`${main} refs/heads/main`)
    expect(third.kept!.refs.filter(({ ref }) => ref === 'refs/tags/nightly')).toHaveLength(2)
    expect(await served.sync(KEEP)).toMatchObject({ outcome: 'success', bytes: 0, kept: third.kept })
    // Somebody else's maintenance keeps what is kept, and lists it; the next sync hides it again.
    await gitIn(served.sandbox.published, 'gc', '-q', '--prune=now')
    for (const { commit } of third.kept!.refs) await gitIn(served.sandbox.published, 'cat-file', '-e', commit)
    await served.sync(KEEP)
    await expectHidden(served.sandbox.published, served.sandbox.dataDir)
  })

  it('leaves out what an upstream, itself a copy, has kept', async () => {
    await git('update-ref', 'refs/kagami/kept/20200101T000000Z/heads/x', 'main')
    expect(await served.sync(KEEP)).toMatchObject({ outcome: 'success', files: 1, kept: null })
    await change('two')
    await git('update-ref', 'refs/kagami/kept/20200101T000000Z/heads/y', 'main')
    expect(await served.sync(KEEP)).toMatchObject({ outcome: 'success', files: 1, kept: null })
    expect(await gitIn(served.sandbox.published, 'for-each-ref')).not.toContain('kagami')
    expect(await refsOf(served.sandbox.published)).toBe(await refsOf(served.repository))
  })

  async function expectHidden(published: string, dir: string): Promise<void> {
    const servers = [await startGitDaemon({ dir }), await startGitUpstream({ dir }), await startHttpUpstream({ dir })]
    served.stops.push(...servers.map(({ stop }) => stop))
    const listed = (await gitIn(published, 'for-each-ref', '--format=%(objectname)\t%(refname)')).split('\n')
    expect(listed.some((line) => line.includes('refs/kagami'))).toBe(true)
    const wanted = listed.filter((line) => !line.includes('refs/kagami')).sort()
    const addresses = [published, `file://${published}`, ...servers.map(({ url }) => `${url}/copy`)]
    for (const [index, address] of addresses.entries()) {
      const seen = (await runChild('git', ['ls-remote', '--refs', address])).trim().split('\n').sort()
      expect(seen, address).toEqual(wanted)
      const into = join(served.sandbox.dir, `reader-${index}`)
      await runChild('git', ['clone', '-q', '--mirror', address, into])
      expect(await gitIn(into, 'for-each-ref'), address).not.toContain('kagami')
    }
  }
})

describe.each([['in-place'], ['swap']])('a copy with keep_history that is published %s', (publish) => {
  const served = repositoryForEach()
  const { git, change, orphan } = served
  const options = { ...KEEP, publish }
  const copy = (...args: string[]) => gitIn(served.sandbox.published, ...args)
  const tip = (name: string) => git('rev-parse', name)
  const sync = (more: object = {}, call: object = {}) => served.sync({ ...options, ...more }, call)
  const restore = (id: string) => sync({}, { task: { type: 'restore', id } })
  const forcePush = async (message: string, branch = 'main') => {
    const lost = await tip(branch)
    await git('update-ref', `refs/heads/${branch}`, await orphan(message))
    return lost
  }
  /** Moves the moment of every loss back. */
  const age = async (days: number) => {
    for (const line of (await copy('for-each-ref', '--format=%(objectname) %(refname)', 'refs/kagami')).split('\n')) {
      const [id, name = ''] = line.split(' ')
      const then = new Date(Date.now() - days * 24 * 3600_000)
        .toISOString()
        .replace(/\.\d+/, '')
        .replaceAll(/[-:]/g, '')
      await copy('update-ref', name.replace(/\/\d{8}T\d{6}Z\//, `/${then}/`), id!)
      await copy('update-ref', '-d', name)
    }
  }

  it('gives back what was lost, keeps what that replaces, and keeps it again when a sync follows', async () => {
    await sync()
    const one = await forcePush('two')
    const [entry] = (await sync()).kept!.refs
    expect(entry).toMatchObject({ ref: 'refs/heads/main', commit: one })
    expect(Date.parse(entry!.until) - Date.parse(entry!.lost_at)).toBe(30 * 24 * 3600_000)
    const two = await tip('main')
    const restored = await restore(entry!.id)
    expect(restored, restored.tail ?? '').toMatchObject({ outcome: 'success', action: 'restore', kept: { count: 2 } })
    expect(restored.message).toContain(`refs/heads/main is at ${one.slice(0, 10)} again`)
    expect(keptRefs(restored)).toEqual([`${one} refs/heads/main`, `${two} refs/heads/main`].sort())
    expect(await copy('rev-parse', 'main')).toBe(one)
    expect(readFileSync(join(served.sandbox.published, 'info/refs'), 'utf8')).toBe(`${one}\trefs/heads/main\n`)
    await runChild('git', ['clone', '-q', served.sandbox.published, join(served.sandbox.dir, 'clone')])
    const again = await sync()
    expect(keptRefs(again)).toEqual(keptRefs(restored))
    expect(again.kept!.refs.find(({ commit }) => commit === one)!.id).not.toBe(entry!.id)
    expect(await refsOf(served.sandbox.published)).toBe(await refsOf(served.repository))
    await copy('fsck', '--full', '--strict')
  })

  it('gives back branches, tags and a HEAD that no branch reached', async () => {
    await change('side', 'side')
    await git(...IDENTITY, 'tag', '-a', '-m', 'v1', 'v1', 'main')
    const loose = await git(...IDENTITY, 'commit-tree', '-p', 'main', '-m', 'loose', 'main^{tree}')
    writeFileSync(join(served.repository, 'HEAD'), `${loose}\n`)
    await sync()
    const before = await refsOf(served.sandbox.published)
    writeFileSync(join(served.repository, 'HEAD'), 'ref: refs/heads/main\n')
    const head = await sync()
    expect(keptRefs(head)).toEqual([`${loose} HEAD`])
    await git('branch', '-D', 'side')
    await git('tag', '-d', 'v1')
    const report = await sync()
    expect(report.kept!.count).toBe(3)
    const peeled = await tip('main')
    for (const { id } of report.kept!.refs)
      expect(await restore(id)).toMatchObject({ outcome: 'success', kept: { count: 3 } })
    expect(await refsOf(served.sandbox.published)).toBe(before)
    expect(await copy('rev-parse', 'HEAD')).toBe(loose)
    expect(readFileSync(join(served.sandbox.published, 'info/refs'), 'utf8')).toContain(`${peeled}\trefs/tags/v1^{}\n`)
  })

  it('refuses what is not kept, and what cannot be beside a ref that is there, and changes nothing', async () => {
    await change('a', 'a')
    await sync()
    const a = await tip('a')
    await git('branch', '-D', 'a')
    await change('deep', 'a/b')
    const [entry] = (await sync()).kept!.refs
    const before = readTree(served.sandbox.published)
    const beside = await restore(entry!.id)
    expect(beside).toMatchObject({ outcome: 'failed', reason: 'local_conflict' })
    expect(beside.message).toContain('refs/heads/a cannot be given back beside refs/heads/a/b')
    const unknown = await restore('20200101T000000Z/heads/a')
    expect(unknown).toMatchObject({ outcome: 'failed', reason: 'local_conflict' })
    expect(unknown.message).toContain('kagami replicas kept')
    expect(readTree(served.sandbox.published)).toEqual(before)
    // What the message says can be done.
    const other = join(served.sandbox.dir, 'other.git')
    await runChild('git', ['init', '-q', '--bare', other])
    await gitIn(other, 'fetch', '-q', served.sandbox.published, `${a}:refs/heads/a-again`)
  })

  it('removes what was lost too long ago, and all of it when the option goes', async () => {
    await sync()
    await forcePush('two')
    await sync()
    await age(31)
    const two = await forcePush('three')
    const report = await sync()
    expect(keptRefs(report)).toEqual([`${two} refs/heads/main`])
    expect(served.sandbox.log(report)).toContain('1 kept refs were lost more than 30 days ago')
    await age(29)
    expect(keptRefs(await sync())).toEqual([`${two} refs/heads/main`])
    const off = await sync({ keep_history: 0 })
    expect(off).toMatchObject({ outcome: 'success', kept: null })
    expect(served.sandbox.log(off)).toContain('keep_history and keep_deleted are 0: 1 kept refs were removed')
    expect(await copy('for-each-ref')).not.toContain('kagami')
  })

  it('takes what it keeps with it when a damaged copy is made anew, and says what is not whole', async () => {
    await sync()
    const one = await forcePush('two')
    await sync()
    const two = await forcePush('three')
    const packs = join(served.sandbox.published, 'objects/pack')
    // The second pack, with nothing but the second commit: the first loss is whole, the second is not.
    const names = readdirSync(packs).filter((name) => name.endsWith('.idx'))
    for (const name of names) {
      const listed = await runChild('git', ['verify-pack', '-v', join(packs, name)])
      if (listed.includes(two)) rmSync(join(packs, name.replace(/idx$/, 'pack')))
    }
    const report = await sync()
    expect(report, served.sandbox.log(report)).toMatchObject({
      outcome: 'success',
      message: expect.stringContaining('fetched anew'),
    })
    expect(keptRefs(report)).toEqual([`${one} refs/heads/main`])
    expect(served.sandbox.log(report)).toContain(`${two} of refs/heads/main, which the upstream lost, cannot be kept`)
    await copy('fsck', '--full', '--strict')
    expect(await refsOf(served.sandbox.published)).toBe(await refsOf(served.repository))
  })
})

describe('a copy with keep_history whose upstream loses history', () => {
  let onFetch: (() => void) | null = null
  const served = repositoryForEach('http', async ({ dir, stops }) => {
    onFetch = null
    const watched = await startGitUpstream({
      dir,
      intercept(request) {
        // The second question of a fetch: before it nothing of the copy has moved.
        if (request.method === 'POST' && String(request.headers['user-agent']).startsWith('git/')) onFetch?.()
        return false
      },
    })
    stops.push(watched.stop)
    upstream = `${watched.url}/a.git`
  })
  let upstream = ''
  const { git, change, orphan } = served
  const sync = (options: object = {}, call: object = {}) => served.sync({ ...KEEP, ...options }, { upstream, ...call })
  const refs = () =>
    spawnSync('git', [`--git-dir=${served.sandbox.published}`, 'for-each-ref'], { encoding: 'utf8' }).stdout
  const prepare = async () => {
    for (const name of ['side', 'grows']) await change(name, name)
    await sync()
    await change('grows more', 'grows')
    const lost = await git('rev-parse', 'side')
    await git('branch', '-D', 'side')
    return lost
  }

  /** Kills a sync in the first fetch after something was kept; returns what the copy had at each. */
  const syncUntilKept = async () => {
    const { dir, published: copy } = served.sandbox
    return killOnceKept({ folder: join(dir, 'watched'), copy }, (signal) => sync({}, { signal }))
  }

  it('keeps what is at risk before anything moves, so that no kill loses it, and only what was lost then', async () => {
    const lost = await prepare()
    const before = refs()
    const seen = await syncUntilKept()
    for (const each of seen) expect(each.replace(/^.*refs\/kagami\/.*\n/gm, '')).toBe(before)
    expect(seen.at(-1)).toMatch(new RegExp(`^${lost} commit\trefs/kagami/kept/\\d{8}T\\d{6}Z/heads/side\n`, 'm'))
    expect(seen.at(-1)).toMatch(/refs\/kagami\/kept\/.*\/heads\/grows\n/)
    expect(keptRefs(await sync())).toEqual([`${lost} refs/heads/side`])
    expect(refs()).not.toMatch(/refs\/kagami\/kept\/.*\/heads\/grows\n/)
  })

  it('forgets what it kept for nothing, because the upstream has it again', async () => {
    const lost = await prepare()
    await syncUntilKept()
    await git('branch', 'side', lost)
    await git('update-ref', 'refs/heads/grows', 'grows~1')
    expect(await sync()).toMatchObject({ outcome: 'success', kept: null })
    expect(refs()).not.toContain('refs/kagami/')
  })

  it('keeps what the upstream lost after it had listed its refs', async () => {
    await sync()
    const lost = await git('rev-parse', 'main')
    await change('side', 'side')
    onFetch = () => {
      onFetch = null
      spawnSync('git', [`--git-dir=${served.repository}`, 'update-ref', 'refs/heads/main', 'side~0'])
    }
    await git('update-ref', 'refs/heads/side', await orphan('orphan'))
    expect(keptRefs(await sync())).toEqual([`${lost} refs/heads/main`])
  })

  it('keeps many at once without keeping those that only moved on', async () => {
    const names = Array.from({ length: 300 }, (_, index) => `b${index}`)
    const set = async (at: string) => {
      const lines = names.map((name) => `update refs/heads/${name} ${at}\n`).join('')
      await runChild('git', [`--git-dir=${served.repository}`, 'update-ref', '--stdin'], { stdin: lines })
    }
    await set('main')
    await sync()
    await change('two')
    await set('main')
    expect(await sync()).toMatchObject({ outcome: 'success', kept: null })
    const lost = await git('rev-parse', 'main')
    await set('main~1')
    await git('update-ref', 'refs/heads/main', 'main~1')
    const report = await sync()
    expect(report.kept).toMatchObject({ count: 301 })
    expect(report.kept!.refs).toHaveLength(50)
    expect(new Set(report.kept!.refs.map(({ commit }) => commit))).toEqual(new Set([lost]))
  })

  it('does the same with sha256', async () => {
    rmSync(served.repository, { recursive: true })
    await runChild('git', ['init', '-q', '--bare', '--object-format=sha256', '-b', 'main', served.repository])
    const tree = await git('hash-object', '-t', 'tree', '-w', '/dev/null')
    const [one, two] = [
      await git(...IDENTITY, 'commit-tree', '-m', '1', tree),
      await git(...IDENTITY, 'commit-tree', '-m', '2', tree),
    ]
    await git('update-ref', 'refs/heads/main', one)
    await sync()
    await git('update-ref', 'refs/heads/main', two)
    const [entry] = (await sync()).kept!.refs
    expect(entry!.commit).toBe(one)
    expect(await sync({}, { task: { type: 'restore', id: entry!.id } })).toMatchObject({ outcome: 'success' })
    expect(refs()).toContain(`${one} commit\trefs/heads/main`)
  })

  it('has names of any bytes escaped, and gives them back', async () => {
    const main = await git('rev-parse', 'main')
    const write = (...names: string[]) =>
      writeFileSync(join(served.repository, 'packed-refs'), `# pack-refs with: sorted \n${names.join('')}`, 'latin1')
    const other = await orphan('other')
    rmSync(join(served.repository, 'refs/heads/main'), { force: true })
    write(`${other} refs/heads/caf\xe9\n`, `${main} refs/heads/main\n`)
    await sync()
    write(`${main} refs/heads/main\n`)
    const [entry] = (await sync()).kept!.refs
    expect(entry).toMatchObject({ ref: 'refs/heads/caf\\351', commit: other })
    const report = await sync({}, { task: { type: 'restore', id: entry!.id } })
    expect(report).toMatchObject({ outcome: 'success', message: expect.stringContaining('refs/heads/caf\\351 is at') })
    const listed = readFileSync(join(served.sandbox.published, 'info/refs'), 'latin1')
    expect(listed).toContain(`${other}\trefs/heads/caf\xe9\n`)
  })
})
