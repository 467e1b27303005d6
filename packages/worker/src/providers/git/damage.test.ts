// damage.test.ts — Each file of a copy is damaged in each way, one after the other: the sync or the check that meets it
// mends it.
import { randomBytes } from 'node:crypto'
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { commit, ensureRepository, runChild, startGitUpstream } from '@kagami/demo'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { refsOf, repositoryForEach } from '../../testing/git-repository.ts'
import { createSandbox, readTree, type Sandbox } from '../../testing/sandbox.ts'

const git = (gitDir: string, ...args: string[]) => runChild('git', [`--git-dir=${gitDir}`, ...args])

const WAYS: Readonly<Record<string, (path: string) => void>> = {
  truncated: (path) => writeFileSync(path, readFileSync(path).subarray(0, Math.floor(statSync(path).size / 2))),
  emptied: (path) => writeFileSync(path, ''),
  'filled with NULs': (path) => writeFileSync(path, Buffer.alloc(statSync(path).size)),
  removed: (path) => rmSync(path),
}
/** Files of a copy, with the ends of names that are not known before. */
const FILES = [
  'HEAD',
  'config',
  'packed-refs',
  'refs/heads/main',
  'info/refs',
  'objects/info/packs',
  'objects/info/commit-graph',
  'objects/pack/multi-pack-index',
  'objects/pack/*.pack',
  'objects/pack/*.idx',
  'loose commit',
  'loose blob',
]

describe('a copy of which one file was damaged', () => {
  let sandbox: Sandbox
  let repository: string
  let pristine: string
  let upstream: string
  let stop: () => Promise<void>
  const loose = new Map<string, string>()
  const mended = { sync: 0, check: 0 }
  const sync = () => sandbox.sync({ kind: 'git', upstream, adoptExisting: true })
  const checked = (at: string) => {
    const staging = join(sandbox.dataDir, '.kagami/staging/replica-1')
    mkdirSync(staging, { recursive: true })
    writeFileSync(join(staging, 'checked'), at)
  }

  beforeAll(async () => {
    sandbox = createSandbox()
    const dir = join(sandbox.dir, 'upstream')
    repository = join(dir, 'a.git')
    pristine = join(sandbox.dir, 'pristine.git')
    const change = (message: string, branch = 'main') =>
      commit(repository, { branch, message, files: { [message]: `${message}\n`.repeat(50) } })
    await ensureRepository(repository)
    await change('one')
    await change('side', 'side')
    const served = await startGitUpstream({ dir })
    stop = served.stop
    upstream = `${served.url}/a.git`
    await sync()
    // Objects of a pack of its own, loose ones, and packed ones, as years leave them.
    const packs = join(sandbox.published, 'objects/pack')
    const first = readdirSync(packs).find((file) => file.endsWith('.pack'))!
    await change('two')
    await sync()
    const bytes = readFileSync(join(packs, first))
    for (const end of ['pack', 'idx', 'rev']) rmSync(join(packs, first.replace(/pack$/, end)), { force: true })
    const aside = join(sandbox.dir, 'first.pack')
    writeFileSync(aside, bytes)
    await runChild('sh', ['-c', `git --git-dir='${sandbox.published}' unpack-objects -q < '${aside}'`])
    await git(sandbox.published, 'pack-refs', '--all')
    await change('three')
    await sync()
    await git(sandbox.published, 'commit-graph', 'write', '--reachable')
    await git(sandbox.published, 'multi-pack-index', 'write')
    for (const [name, what] of [
      ['loose commit', 'side'],
      ['loose blob', 'side:side'],
    ] as const) {
      const id = (await git(sandbox.published, 'rev-parse', what)).trim()
      loose.set(name, `objects/${id.slice(0, 2)}/${id.slice(2)}`)
    }
    cpSync(sandbox.published, pristine, { recursive: true })
    // The upstream goes on, so that the sync after the damage has something to do.
    await change('four')
  })
  afterAll(async () => {
    await stop()
    sandbox.remove()
  })
  const find = (file: string) => {
    if (loose.has(file)) return join(sandbox.published, loose.get(file)!)
    const [folder, end] = file.split('*')
    if (end === undefined) return join(sandbox.published, file)
    const below = join(sandbox.published, folder!)
    return join(
      below,
      readdirSync(below).find((entry) => entry.endsWith(end))!,
    )
  }
  const isWhole = async () => {
    try {
      await git(sandbox.published, 'fsck', '--full', '--strict')
      await git(sandbox.published, 'commit-graph', 'verify')
      rmSync(join(sandbox.dir, 'clone'), { recursive: true, force: true })
      await runChild('git', ['clone', '-q', '--mirror', `file://${sandbox.published}`, join(sandbox.dir, 'clone')])
      const listed = readFileSync(join(sandbox.published, 'info/refs'), 'utf8').split('\n').length
      return (
        (await refsOf(sandbox.published)) === (await refsOf(repository)) &&
        readFileSync(join(sandbox.published, 'HEAD'), 'utf8') === 'ref: refs/heads/main\n' &&
        listed === readFileSync(join(pristine, 'info/refs'), 'utf8').split('\n').length
      )
    } catch {
      return false
    }
  }

  it.each(FILES.flatMap((file) => Object.keys(WAYS).map((how) => [file, how] as const)))(
    'is whole again after the sync or the weekly check that met it: %s %s',
    async (file, how) => {
      rmSync(sandbox.published, { recursive: true })
      cpSync(pristine, sandbox.published, { recursive: true })
      checked(new Date().toISOString())
      const path = find(file)
      chmodSync(path, 0o644)
      WAYS[how]!(path)
      const report = await sync()
      const first = await isWhole()
      if (!first) checked('2001-01-01T00:00:00.000Z')
      const second = first ? report : await sync()
      expect(second.outcome, `${report.outcome} ${report.message}\n${sandbox.log(second)}`).toBe('success')
      expect(await isWhole(), `${report.outcome} ${report.message}\n${sandbox.log(second)}`).toBe(true)
      if (first) mended.sync++
      else mended.check++
    },
    30_000,
  )

  it('was damaged in every way', ({ task }) => {
    expect(mended.sync + mended.check).toBe(FILES.length * Object.keys(WAYS).length)
    task.meta.figure = `git: ${mended.sync} damages mended by the next sync, ${mended.check} by the weekly check`
  })
})

describe('a copy that somebody asks to prove', () => {
  const served = repositoryForEach()
  const verify = (options: object = {}) =>
    served.sync(options, { task: { type: 'sync', approved: null, thorough: true } })
  const packs = () => join(served.sandbox.published, 'objects/pack')

  it('says how many objects are whole, at first, unchanged and after a change', async () => {
    const first = await verify({ keep_history: 3 })
    expect(first).toMatchObject({ outcome: 'success', action: 'verify' })
    expect(first.message).toBe('proved: all 3 objects reachable from 1 refs are whole')
    expect((await verify({ keep_history: 3 })).message).toBe(first.message)
    await served.git('update-ref', 'refs/heads/main', await served.orphan('other'))
    const kept = await verify({ keep_history: 3 })
    expect(kept.message).toContain('proved: all 4 objects reachable from 2 refs are whole; 1 of the refs')
    expect(await refsOf(served.sandbox.published)).toBe(await refsOf(served.repository))
  })

  it('is made anew when one byte of a file in it is wrong, although everything is connected', async () => {
    const text = randomBytes(40_000).toString('base64')
    await commit(served.repository, { message: 'big', files: { big: text } })
    await served.sync()
    const pack = readdirSync(packs()).find((file) => file.endsWith('.pack'))!
    const path = join(packs(), pack)
    chmodSync(path, 0o644)
    const bytes = readFileSync(path)
    bytes[Math.floor(bytes.length / 2)]! ^= 1
    writeFileSync(path, bytes)
    await git(served.sandbox.published, 'fsck', '--connectivity-only')
    expect(await served.sync()).toMatchObject({ outcome: 'success', message: null })
    const report = await verify()
    expect(report, served.sandbox.log(report)).toMatchObject({ outcome: 'success' })
    expect(report.message).toMatch(/^the copy was damaged \(.+\); it was fetched anew; proved: all \d+ objects/)
    await git(served.sandbox.published, 'fsck', '--full', '--strict')
    expect((await verify()).message).toMatch(/^proved: /)
  })

  it('is not called damaged because of a fault that its authors made', async () => {
    const tree = await served.git('rev-parse', 'main^{tree}')
    const stdin = `tree ${tree}\nauthor Some One 1500000000 +0000\ncommitter a <a@b.c> 1500000000 +0000\n\nm\n`
    const write = [`--git-dir=${served.repository}`, 'hash-object', '-t', 'commit', '-w', '--stdin', '--literally']
    await served.git('update-ref', 'refs/heads/main', (await runChild('git', write, { stdin })).trim())
    for (const options of [{ fsck: false }, { fsck_ignore: ['missingEmail'] }])
      expect((await verify(options)).message).toBe('proved: all 3 objects reachable from 1 refs are whole')
  })

  it('has its own files made anew', async () => {
    await served.sync()
    const before = readTree(served.sandbox.published)
    for (const file of ['HEAD', 'config', 'info/refs', 'objects/info/packs'])
      writeFileSync(join(served.sandbox.published, file), 'nonsense')
    expect(await verify()).toMatchObject({ outcome: 'success' })
    expect(readTree(served.sandbox.published)).toEqual(before)
  })
})
