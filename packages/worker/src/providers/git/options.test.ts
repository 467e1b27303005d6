// options.test.ts — Every option has its effect over every way to an upstream, for a first sync and a later one; and
// refs of any bytes come over each of them.
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { commit, runChild } from '@kagami/demo'
import { describe, expect, it } from 'vitest'
import { refsOf, repositoryForEach, WAYS } from '../../testing/git-repository.ts'
import { startLfsUpstream } from '../../testing/lfs-server.ts'

const gitIn = (gitDir: string, ...args: string[]) => runChild('git', [`--git-dir=${gitDir}`, ...args])
/** Names that differ in bytes that are not UTF-8, or only in how one letter is written. */
const NAMES = ['caf\xe9', 'caf\xe8', '\xff\xfe', 'caf\xc3\xa9', 'cafe\xcc\x81', '\xef\xbf\xbd', 'a\xe9/b'].map(
  (name) => `refs/heads/${name}`,
)

describe.each(WAYS)('over %s', (way) => {
  const served = repositoryForEach(way, ({ git }) => git('branch', 'other'))
  const { git } = served
  const addFault = async () => {
    const tree = await git('rev-parse', 'main^{tree}')
    const text = `tree ${tree}\nauthor Some One 1500000000 +0000\ncommitter a <a@b.c> 1500000000 +0000\n\nm\n`
    const write = [`--git-dir=${served.repository}`, 'hash-object', '-t', 'commit', '-w', '--stdin', '--literally']
    const bad = (await runChild('git', write, { stdin: text })).trim()
    await git('update-ref', 'refs/heads/bad', bad)
    return bad
  }

  it.each([['first'], ['later']])('fsck and fsck_ignore decide about a faulty object in a %s sync', async (when) => {
    if (when === 'later') expect(await served.sync()).toMatchObject({ outcome: 'success' })
    const before = when === 'later' ? await refsOf(served.sandbox.published) : null
    const bad = await addFault()
    const report = await served.sync()
    expect(report, served.sandbox.log(report)).toMatchObject({ outcome: 'failed', reason: 'content_invalid' })
    expect(report.message).toContain(bad)
    expect(report.message).toContain('fsck_ignore = ["missingEmail"]')
    if (before !== null) expect(await refsOf(served.sandbox.published)).toBe(before)
    expect(await served.sync({ fsck_ignore: ['zeroPaddedDate'] })).toMatchObject({ outcome: 'failed' })
    expect(await served.sync({ fsck_ignore: ['missingMail'] })).toMatchObject({ reason: 'invalid_options' })
    expect(await served.sync({ fsck_ignore: ['missingEmail'] })).toMatchObject({ outcome: 'success' })
    expect(await refsOf(served.sandbox.published)).toBe(await refsOf(served.repository))
  })

  it('fsck = false takes what is there', async () => {
    await addFault()
    expect(await served.sync({ fsck: false })).toMatchObject({ outcome: 'success' })
    expect(await refsOf(served.sandbox.published)).toBe(await refsOf(served.repository))
  })

  it('refs chooses, first and later', async () => {
    for (const refs of [['refs/heads/o*'], ['refs/*', '^refs/heads/o*']]) {
      expect(await served.sync({ refs })).toMatchObject({ outcome: 'success', files: 1 })
      const name = refs.length === 1 ? 'other' : 'main'
      expect(await refsOf(served.sandbox.published)).toContain(`refs/heads/${name}\n`)
      await runChild('git', ['clone', '-q', served.sandbox.published, join(served.sandbox.dir, `clone-${name}`)])
    }
  })

  it('keep_history keeps the tip that a forced push loses', async () => {
    expect(await served.sync({ keep_history: 1 })).toMatchObject({ outcome: 'success', kept: null })
    const [commit, orphan] = [await git('rev-parse', 'main'), await served.orphan('orphan')]
    for (const name of ['main', 'other']) await git('update-ref', `refs/heads/${name}`, orphan)
    expect(await served.sync({ keep_history: 1 })).toMatchObject({ outcome: 'success', kept: { count: 2 } })
    expect(await gitIn(served.sandbox.published, 'cat-file', '-t', commit)).toBe('commit\n')
    expect(await refsOf(served.sandbox.published)).toBe(await refsOf(served.repository))
    expect(await served.sync()).toMatchObject({ outcome: 'success', kept: null })
  })

  it('lfs and lfs_url fetch what pointers name, from the server that is named', async () => {
    const lfs = await startLfsUpstream({ dir: join(served.sandbox.dir, 'lfs') })
    served.stops.push(lfs.stop)
    const point = async (content: string) => {
      const oid = createHash('sha256').update(content).digest('hex')
      writeFileSync(lfs.stored(oid), content)
      const text = `version https://git-lfs.github.com/spec/v1\noid sha256:${oid}\nsize ${content.length}\n`
      await commit(served.repository, { message: content, files: { [`${content}.bin`]: text } })
      return join(served.sandbox.published, 'lfs/objects', oid.slice(0, 2), oid.slice(2, 4), oid)
    }
    const options = { lfs: true, lfs_url: `${lfs.url}/a.git/info/lfs` }
    for (const content of ['first', 'later']) {
      const place = await point(content)
      expect(await served.sync(options)).toMatchObject({ outcome: 'success', message: null })
      expect(readFileSync(place, 'utf8')).toBe(content)
    }
    const place = await point('without lfs')
    expect(await served.sync({ lfs_url: options.lfs_url })).toMatchObject({ outcome: 'success' })
    expect(existsSync(place)).toBe(false)
    const reason = served.upstream.startsWith('http') ? 'upstream_missing' : 'invalid_options'
    expect(await served.sync({ lfs: true })).toMatchObject({ outcome: 'failed', reason })
  })
})

describe.each(WAYS)('refs of any bytes over %s', (way) => {
  const served = repositoryForEach(way)
  // Packed: the names of loose refs would be file names, which Node writes as UTF-8.
  const write = async (names: readonly string[]) => {
    const id = (await gitIn(served.repository, 'rev-parse', 'main')).trim()
    const lines = ['refs/heads/main', ...names].sort().map((name) => `${id} ${name}\n`)
    writeFileSync(join(served.repository, 'packed-refs'), `# pack-refs with: sorted \n${lines.join('')}`, 'latin1')
    await gitIn(served.repository, 'update-server-info')
  }
  const packed = async (gitDir: string) => {
    await gitIn(gitDir, 'pack-refs', '--all')
    return readFileSync(join(gitDir, 'packed-refs'), 'latin1').replace(/^[#^].*\n/gm, '')
  }
  const follows = async () => {
    const report = await served.sync()
    expect(report, served.sandbox.log(report)).toMatchObject({ outcome: 'success' })
    expect(await packed(served.sandbox.published)).toBe(await packed(served.repository))
    expect(readFileSync(join(served.sandbox.published, 'info/refs'), 'latin1').split('\n').sort()).toEqual(
      readFileSync(join(served.repository, 'info/refs'), 'latin1').split('\n').sort(),
    )
  }

  it('come, move and go', async () => {
    await write(NAMES)
    await follows()
    await served.change('two')
    await write(NAMES.slice(1))
    await follows()
    expect((await served.sync()).bytes).toBe(0)
    await write([NAMES[1]!])
    await follows()
  })
})
