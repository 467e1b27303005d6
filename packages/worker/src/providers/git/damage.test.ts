// damage.test.ts — Each file of a copy is damaged in each way, one after the other: the sync or the check that meets it
// mends it.
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { commit, ensureRepository, runChild, startGitUpstream } from '@kagami/demo'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createSandbox, type Sandbox } from '../../testing/sandbox.ts'

const git = (gitDir: string, ...args: string[]) => runChild('git', [`--git-dir=${gitDir}`, ...args])
const refsOf = (gitDir: string) => git(gitDir, 'for-each-ref', '--format=%(objectname) %(refname)')

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
