// git-repository.ts — A git repository that is served in one of the four ways, and a copy of it: what most tests of the
// kind git begin with. No assertions.
import { join } from 'node:path'
import { commit, ensureRepository, runChild, startGitDaemon, startGitUpstream, startHttpUpstream } from '@kagami/demo'
import type { SyncReport } from '@kagami/protocol'
import { afterEach, beforeEach } from 'vitest'
import { createSandbox, type Sandbox, type SyncCall } from './sandbox.ts'

/** Every way to an upstream, as rows of a table of tests. */
export const WAYS = [['git://'], ['http'], ['a plain web server'], ['a folder']] as const
export type Way = (typeof WAYS)[number][0]

export interface ServedRepository {
  readonly sandbox: Sandbox
  /** Folder of what is served. */
  readonly dir: string
  readonly repository: string
  readonly upstream: string
  /** Runs git in the upstream's repository; without the line end. */
  git(...args: string[]): Promise<string>
  /** Commits one file, named like the message. */
  change(message: string, branch?: string): Promise<unknown>
  /** Makes a commit without a parent, with the files of main. */
  orphan(message: string): Promise<string>
  sync(options?: object, more?: Partial<SyncCall>): Promise<SyncReport>
  /** Stops the server when the test is over. */
  readonly stops: (() => Promise<void>)[]
}

/** Settings of git for whoever commits. */
export const IDENTITY = ['-c', 'user.name=a', '-c', 'user.email=a@example.org']

/** Refs of a repository, one a line; those that no reader sees are left out. */
export async function refsOf(gitDir: string): Promise<string> {
  const listed = await runChild('git', [`--git-dir=${gitDir}`, 'for-each-ref', '--format=%(objectname) %(refname)'])
  return listed.replace(/^\S+ refs\/kagami\/.*\n/gm, '')
}

/** A repository with one commit on main, made anew for each test. */
export function repositoryForEach(
  way: Way = 'http',
  prepare: (served: ServedRepository) => Promise<unknown> = async () => {},
): ServedRepository {
  let served: ServedRepository
  beforeEach(async () => {
    served = await createServed(way)
    await prepare(served)
  })
  afterEach(async () => {
    for (const stop of served.stops) await stop()
    served.sandbox.remove()
  })
  return {
    get sandbox() {
      return served.sandbox
    },
    get dir() {
      return served.dir
    },
    get repository() {
      return served.repository
    },
    get upstream() {
      return served.upstream
    },
    get stops() {
      return served.stops
    },
    git: (...args) => served.git(...args),
    change: (message, branch) => served.change(message, branch),
    orphan: (message) => served.orphan(message),
    sync: (options, more) => served.sync(options, more),
  }
}

async function createServed(way: Way): Promise<ServedRepository> {
  const sandbox = createSandbox()
  const dir = join(sandbox.dir, 'upstream')
  const repository = join(dir, 'a.git')
  const git = async (...args: string[]) => (await runChild('git', [`--git-dir=${repository}`, ...args])).trim()
  const change = (message: string, branch = 'main') =>
    commit(repository, { branch, message, files: { [message]: `${message}\n` } })
  await ensureRepository(repository)
  await change('one')
  const start = { 'git://': startGitDaemon, http: startGitUpstream, 'a plain web server': startHttpUpstream }
  const server = way === 'a folder' ? null : await start[way]({ dir })
  const upstream = server === null ? `file://${repository}` : `${server.url}/a.git`
  return {
    sandbox,
    dir,
    repository,
    upstream,
    stops: server === null ? [] : [server.stop],
    git,
    change,
    orphan: (message) => git(...IDENTITY, 'commit-tree', '-m', message, 'main^{tree}'),
    async sync(options = {}, more = {}) {
      if (way === 'a plain web server') await git('update-server-info')
      return sandbox.sync({ kind: 'git', upstream, options: { ...options }, upstreamRoots: [dir], ...more })
    },
  }
}
