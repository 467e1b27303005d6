// names.test.ts — Names of refs are bytes: whatever git allows comes, moves and goes, over every way to an upstream.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { commit, ensureRepository, runChild, startGitDaemon, startGitUpstream, startHttpUpstream } from '@kagami/demo'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createSandbox, type Sandbox } from '../../testing/sandbox.ts'

const git = (gitDir: string, ...args: string[]) => runChild('git', [`--git-dir=${gitDir}`, ...args])
/** Names that differ in bytes that are not UTF-8, or only in how one letter is written. */
const NAMES = ['caf\xe9', 'caf\xe8', '\xff\xfe', 'caf\xc3\xa9', 'cafe\xcc\x81', '\xef\xbf\xbd', 'a\xe9/b'].map(
  (name) => `refs/heads/${name}`,
)

describe.each([['git://'], ['http'], ['a plain web server'], ['a folder']])('refs of any bytes over %s', (way) => {
  let sandbox: Sandbox
  let dir: string
  let repository: string
  let upstream: string
  const stops: (() => Promise<void>)[] = []
  beforeEach(async () => {
    sandbox = createSandbox()
    dir = join(sandbox.dir, 'upstream')
    repository = join(dir, 'a.git')
    await ensureRepository(repository)
    await commit(repository, { message: 'one', files: { one: '1\n' } })
    if (way === 'a folder') return void (upstream = `file://${repository}`)
    const start = { 'git://': startGitDaemon, http: startGitUpstream, 'a plain web server': startHttpUpstream }[way]!
    const served = await start({ dir })
    stops.push(served.stop)
    upstream = `${served.url}/a.git`
  })
  afterEach(async () => {
    for (const stop of stops.splice(0)) await stop()
    sandbox.remove()
  })
  // Packed: the names of loose refs would be file names, which Node writes as UTF-8.
  const write = async (names: readonly string[]) => {
    const id = (await git(repository, 'rev-parse', 'main')).trim()
    const lines = ['refs/heads/main', ...names].sort().map((name) => `${id} ${name}\n`)
    writeFileSync(join(repository, 'packed-refs'), `# pack-refs with: sorted \n${lines.join('')}`, 'latin1')
    await git(repository, 'update-server-info')
  }
  const packed = async (gitDir: string) => {
    await git(gitDir, 'pack-refs', '--all')
    return readFileSync(join(gitDir, 'packed-refs'), 'latin1').replace(/^[#^].*\n/gm, '')
  }
  const sync = () => sandbox.sync({ kind: 'git', upstream, upstreamRoots: [dir] })
  const follows = async () => {
    const report = await sync()
    expect(report, sandbox.log(report)).toMatchObject({ outcome: 'success' })
    expect(await packed(sandbox.published)).toBe(await packed(repository))
    expect(readFileSync(join(sandbox.published, 'info/refs'), 'latin1').split('\n').sort()).toEqual(
      readFileSync(join(repository, 'info/refs'), 'latin1').split('\n').sort(),
    )
  }

  it('come, move and go', async () => {
    await write(NAMES)
    await follows()
    await commit(repository, { message: 'two', files: { two: '2\n' } })
    await write(NAMES.slice(1))
    await follows()
    expect((await sync()).bytes).toBe(0)
    await write([NAMES[1]!])
    await follows()
  })
})
