// kills.test.ts — A worker killed at random moments of first syncs and updates, for every kind and both ways to
// publish: what is published is some version of the upstream, and the next sync is right.
import { createHash, randomBytes } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  commit,
  ensureRepository,
  runChild,
  startGitUpstream,
  startHttpUpstream,
  startRsyncUpstream,
  writeFiles,
} from '@kagami/demo'
import { describe, expect, it, vi } from 'vitest'
import { objectPath } from '../providers/git-lfs/store.ts'
import { PARTIAL } from '../providers/rsync/options.ts'
import { readTree, type Sandbox } from '../testing/sandbox.ts'
import { startLfsUpstream } from '../testing/lfs-server.ts'
import { containment } from '../programs/start.ts'
import { findMarked } from '../programs/orphans.ts'
import { sandboxForEach, killAfter } from '../testing/kills.ts'
import { PATIENCE } from '../testing/patience.ts'
import { commandsOf, writeScript } from '../testing/worker-toml.ts'

const FULL = process.env['KAGAMI_FAULTS'] === 'full'
const COMBINATIONS = ['git', 'git-lfs', 'rsync', 'http-file', 'http-tree', 'command'].flatMap((form) =>
  ['in-place', 'swap'].map((publish) => ({ form, publish })),
)
/** Kills of one combination: 240 in all at full size. */
const KILLS = FULL ? 20 : 3
/** Moments up to here, ms after a sync began; later ones find most syncs done. */
const LATEST_MS = 350

interface KilledUpstream {
  readonly kind: string
  readonly upstream: string
  readonly options?: object
  /** As worker.toml names them. */
  readonly commands?: readonly object[]
  readonly stop: () => Promise<void>
  /** The content of a copy, comparable between copies and versions. */
  readonly next: (version: number) => Promise<void>
  /** What a copy has, comparable between copies and versions. */
  readonly state: (folder: string) => Promise<Record<string, string>>
  /** Numbers from 0 to 1, the same for the same seed. */
  readonly wanted: () => Promise<Record<string, string>>
}

/** Numbers from 0 to 1 that a seed gives again and again. */
function createDice(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

async function startUpstream(form: string, dir: string): Promise<KilledUpstream> {
  if (form === 'git-lfs') return aRepositoryWithLfs(dir)
  return form === 'git' ? aRepository(dir) : aFolder(form, dir)
}

async function aRepository(dir: string): Promise<KilledUpstream> {
  const repository = join(dir, 'a.git')
  await ensureRepository(repository)
  for (const branch of ['main', 'one', 'two'])
    await commit(repository, { branch, message: branch, files: { [branch]: randomBytes(50_000).toString('hex') } })
  const { url, stop } = await startGitUpstream({ dir })
  const next = async (version: number) => {
    for (const branch of ['main', 'one', 'two'])
      await commit(repository, {
        branch,
        message: `${branch} ${version}`,
        files: { [`${branch}-${version}`]: randomBytes(30_000).toString('hex') },
      })
  }
  return { kind: 'git', upstream: `${url}/a.git`, stop, next, state: refsOf, wanted: () => refsOf(repository) }
}

/** Each branch has a file that Git LFS keeps beside it; where a branch is, its file must be. */
async function aRepositoryWithLfs(dir: string): Promise<KilledUpstream> {
  const lfs = await startLfsUpstream({ dir })
  const withPointers = async (version: number) => {
    for (const branch of ['main', 'one', 'two']) {
      const content = randomBytes(200_000)
      const oid = createHash('sha256').update(content).digest('hex')
      writeFileSync(lfs.stored(oid), content)
      await commit(join(dir, 'a.git'), {
        branch,
        message: `${branch} ${version}`,
        files: { 'a.bin': `version https://git-lfs.github.com/spec/v1\noid sha256:${oid}\nsize ${content.length}\n` },
      })
    }
  }
  await ensureRepository(join(dir, 'a.git'))
  await withPointers(0)
  const state = async (gitDir: string) => {
    const refs = await refsOf(gitDir)
    for (const ref of gitDir.startsWith(dir) ? [] : Object.keys(refs)) {
      const oid = /sha256:(\w+)/.exec(await runChild('git', [`--git-dir=${gitDir}`, 'show', `${ref}:a.bin`]))![1]!
      const content = readFileSync(join(gitDir, objectPath({ oid })))
      expect(createHash('sha256').update(content).digest('hex'), ref).toBe(oid)
    }
    return refs
  }
  return {
    kind: 'git',
    upstream: `${lfs.url}/a.git`,
    options: { lfs: true },
    stop: lfs.stop,
    next: withPointers,
    state,
    wanted: () => state(join(dir, 'a.git')),
  }
}

/** Refs of a repository that is whole: each object they lead to is there. */
async function refsOf(gitDir: string): Promise<Record<string, string>> {
  await runChild('git', [`--git-dir=${gitDir}`, 'fsck', '--full', '--connectivity-only', '--no-dangling'])
  const refs = await runChild('git', [`--git-dir=${gitDir}`, 'for-each-ref', '--format=%(refname) %(objectname)'])
  return Object.fromEntries(
    refs
      .trim()
      .split('\n')
      .filter(Boolean)
      .map((line) => line.split(' ') as [string, string]),
  )
}

async function aFolder(form: string, dir: string): Promise<KilledUpstream> {
  const overRsync = form === 'rsync' || form === 'command'
  const files = overRsync ? join(dir, 'files') : dir
  const names = form === 'http-file' ? ['a.iso'] : Array.from({ length: 12 }, (_, index) => `d${index % 3}/f${index}`)
  // Each version has its own lengths, since rsync and web servers tell versions of one second apart by nothing else.
  const next = async (version: number) =>
    writeFiles(
      files,
      Object.fromEntries(
        names.map((name) => [name, randomBytes((form === 'http-file' ? 2_000_000 : 60_000) + version)]),
      ),
    )
  await next(0)
  const { url, stop } = overRsync ? await startRsyncUpstream({ dir }) : await startHttpUpstream({ dir, listings: true })
  const upstream = overRsync ? url : `${url}/${form === 'http-file' ? 'a.iso' : ''}`
  const options = { 'http-tree': { tree: 'always' }, command: { command: 'script' } }[form]
  // A program that writes into files, as the worst of them do.
  const script = `PATH=${process.env['PATH']} rsync -a --inplace --delete "$TUNASYNC_UPSTREAM_URL" .`
  return {
    kind: overRsync ? form : 'http',
    upstream,
    ...(options ? { options } : {}),
    ...(form === 'command'
      ? { commands: [{ name: 'script', command: [writeScript(join(dir, 'mirror.sh'), script)] }] }
      : {}),
    stop,
    next,
    state: async (folder) => visible(readTree(folder)),
    wanted: async () => readTree(files),
  }
}

/** Without what rsync collects to put in place together: those folders nobody but the worker may enter. */
function visible(tree: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(tree).filter(([path]) => !path.split('/').includes(PARTIAL)))
}

describe('a worker that is killed at any moment of a sync', () => {
  let sandbox: Sandbox
  const stops = sandboxForEach((fresh) => (sandbox = fresh))

  for (const { form, publish } of COMBINATIONS)
    it(
      `leaves a copy (${form}, ${publish}) as some version of the upstream, and the next sync is right`,
      async ({ task }) => {
        const seed = Number(process.env['KAGAMI_SEED'] ?? Math.floor(Math.random() * 2 ** 31))
        const dice = createDice(seed)
        const upstream = await startUpstream(form, join(sandbox.dir, 'up'))
        stops.push(upstream.stop)
        const call = { kind: upstream.kind, upstream: upstream.upstream, options: { publish, ...upstream.options } }
        const { commands = [] } = upstream
        const versions = [await upstream.wanted()]
        for (let kill = 0; kill < KILLS; kill++) {
          // Every third kill meets a first sync, the others an update.
          if (kill % 3 === 0)
            for (const folder of [
              sandbox.published,
              join(sandbox.dataDir, '.generations'),
              join(sandbox.dataDir, '.kagami'),
            ])
              rmSync(folder, { recursive: true, force: true })
          else {
            await upstream.next(kill)
            versions.push(await upstream.wanted())
          }
          const where = `seed ${seed}, kill ${kill}`
          await killAfter(dice() * LATEST_MS, sandbox.dataDir, { ...call, commands })
          if (containment().level === 'namespace')
            await vi.waitFor(() => expect(findMarked(`${sandbox.dataDir}:`)).toEqual([]), PATIENCE)
          // An empty folder is made an instant before the first file is put there.
          if (existsSync(sandbox.published) && readdirSync(sandbox.published).length > 0)
            expectSome(await upstream.state(sandbox.published), versions, {
              whole: publish === 'swap' || kill % 3 === 0,
              where,
            })
          expect(await sandbox.sync({ ...call, commands: commandsOf(...commands) }), where).toMatchObject({
            outcome: 'success',
          })
          expect(await upstream.state(sandbox.published), where).toEqual(versions.at(-1))
        }
        task.meta.figure = `${form} ${publish}: ${KILLS} kills (seed ${seed})`
      },
      FULL ? 600_000 : 60_000,
    )

  function expectSome(
    state: Record<string, string>,
    versions: readonly Record<string, string>[],
    { whole, where }: { whole: boolean; where: string },
  ): void {
    if (whole)
      return expect(
        versions.some((version) => JSON.stringify(version) === JSON.stringify(state)),
        where,
      ).toBe(true)
    for (const [name, content] of Object.entries(state))
      expect(
        versions.map((version) => version[name]),
        `${name}, ${where}`,
      ).toContain(content)
  }
})
