// upstreams.ts — Upstreams of every kind with contents that change, what readers of a copy see, and one sync of it in a
// program of its own.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'
import {
  commit,
  ensureRepository,
  startGitDaemon,
  startHttpUpstream,
  startRsyncUpstream,
  writeFiles,
} from '@kagami/demo'
import type { SyncReport } from '@kagami/protocol'
import { expect } from 'vitest'
import { createAuthor, startLfsUpstream } from '../../packages/worker/src/testing/lfs-server.ts'
import type { Place } from '../harness/place.ts'
import { ROOT } from '../harness/programs.ts'
import { run } from './harms.ts'

const PROGRAM = join(ROOT, 'packages', 'worker', 'src', 'testing', 'sync-program.ts')

/** Every kind of mirror, and how it is published where that is not in place. */
export const KINDS = [
  'git',
  'git swap',
  'git-lfs',
  'rsync',
  'rsync swap',
  'http-file',
  'http-file swap',
  'http-tree',
  'http-tree swap',
] as const
export type Kind = (typeof KINDS)[number]

/** What is published: a version of each file, or the commit of each ref. */
export type Seen = Readonly<Record<string, string>>

export interface Upstreams {
  url(kind: Kind): string
  /** Everything changes; one file, or branch, is new in place of another. */
  change(kind: Kind): Promise<void>
  /** One file, or branch, comes; nothing else changes. */
  grow(kind: Kind): void
  /** The oldest of those goes; nothing else changes. */
  shrink(kind: Kind): void
  /** What a copy must have. */
  now(kind: Kind): Seen
}

/** Starts an upstream of each kind. */
export async function startUpstreams(place: Place): Promise<Upstreams> {
  const [www, files] = [place.at('www'), place.at('rsync', 'files')]
  const repositories = [place.at('git', 'a.git'), place.at('lfs', 'a.git')]
  for (const repository of repositories) {
    await ensureRepository(repository)
    run('git', `--git-dir=${repository}`, 'config', 'http.receivepack', 'true')
  }
  const lfs = await startLfsUpstream({ dir: place.at('lfs') })
  const author = await createAuthor(place.at('author'), lfs.url)
  const web = await startHttpUpstream({ dir: www, listings: true })
  const rsync = await startRsyncUpstream({ dir: place.at('rsync') })
  const daemon = await startGitDaemon({ dir: place.at('git') })
  for (const { stop } of [web, rsync, daemon, lfs]) place.onEnd(stop)
  const urls: Record<string, string> = {
    git: `${daemon.url}/a.git`,
    'git-lfs': `${lfs.url}/a.git`,
    rsync: rsync.url,
    'http-file': `${web.url}/a`,
    'http-tree': `${web.url}/`,
  }
  let version = 0
  const folderOf = (kind: Kind) => (kind.startsWith('rsync') ? files : www)
  const repositoryOf = (kind: Kind) => repositories[kind.startsWith('git-lfs') ? 1 : 0]!
  const grow = (kind: Kind) => {
    const name = String(++version).padStart(4, '0')
    if (kind.startsWith('git')) run('git', '-C', repositoryOf(kind), 'branch', `b${name}`, 'main')
    else writeFiles(folderOf(kind), { [`d/${name}`]: 'n' })
  }
  const shrink = (kind: Kind) => {
    if (!kind.startsWith('git'))
      return rmSync(join(folderOf(kind), 'd', readdirSync(join(folderOf(kind), 'd')).sort()[0]!))
    const oldest = Object.keys(refsOf(repositoryOf(kind))).sort()[0]!
    run('git', `--git-dir=${repositoryOf(kind)}`, 'update-ref', '-d', oldest)
  }
  const replace = async (kind: Kind) => {
    // Of another size each time: times of listings are whole seconds.
    const text = `${'more '.repeat(200 + version)}\n`
    if (kind.startsWith('git-lfs')) await author.push({ lfs: { 'large.bin': Buffer.from(text) } })
    else if (kind.startsWith('git')) await commit(repositoryOf(kind), { message: text, files: { a: text } })
    else writeFiles(folderOf(kind), { a: text, b: `b of ${version} ${'x'.repeat(version)}\n` })
  }
  for (const kind of ['git', 'git-lfs', 'rsync', 'http-tree'] as const) {
    await replace(kind)
    for (let n = 0; n < 12; n++) grow(kind)
  }
  return {
    url: (kind) => urls[kind.split(' ')[0]!]!,
    async change(kind) {
      await replace(kind)
      grow(kind)
      shrink(kind)
    },
    grow,
    shrink,
    now(kind) {
      if (kind.startsWith('git')) return refsOf(repositoryOf(kind))
      const all = filesOf(folderOf(kind))
      return kind.startsWith('http-file') ? { a: all['a']! } : all
    },
  }
}

/** What readers of the copy in a data_dir see. */
export function seenIn(dataDir: string, kind: Kind): Seen {
  const published = join(dataDir, 'copy')
  if (!existsSync(published)) return {}
  return kind.startsWith('git') ? refsOf(published) : filesOf(published)
}

function refsOf(repository: string): Seen {
  const git = ['-c', 'safe.directory=*', `--git-dir=${repository}`]
  const lines = run('git', ...git, 'for-each-ref', '--format=%(refname) %(objectname)', 'refs/heads').trim()
  if (lines !== '') run('git', ...git, 'rev-list', '--objects', '--all')
  return Object.fromEntries(lines.split('\n').map((line) => line.split(' ') as [string, string]))
}

function filesOf(folder: string): Seen {
  const entries = readdirSync(`${folder}/.`, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name))
  const hash = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex')
  return Object.fromEntries(files.map((path) => [relative(folder, path), hash(path)]).sort())
}

export interface OneSync {
  readonly dataDir: string
  readonly kind: Kind
  readonly upstream: string
  readonly through?: readonly string[]
  /** Where the sync waits meanwhile. */
  readonly gate?: 'begin' | 'publishing'
  readonly atGate?: () => void
}

/** One sync in a program of its own, which must not end with a stack. */
export async function syncOnce(sync: OneSync): Promise<SyncReport> {
  const { dataDir, through = [], gate = 'begin', atGate = () => {} } = sync
  const words = [...through, process.execPath, PROGRAM, JSON.stringify({ spec: specOf(sync), dataDir, gate })]
  const child = spawn(words[0]!, words.slice(1), { stdio: ['pipe', 'pipe', 'pipe'] })
  let [out, errors, reached] = ['', '', false]
  let failed: unknown = null
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString()
    if (reached || !out.includes(`"${gate}"\n`)) return
    reached = true
    try {
      atGate()
    } catch (error) {
      failed = error
    }
    child.stdin.end('\n')
  })
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()))
  const code = await new Promise((resolve) => child.once('close', resolve))
  if (failed !== null) throw failed
  expect([code, errors, reached], out).toEqual([0, '', true])
  return JSON.parse(out.trim().split('\n').at(-1) ?? '{}') as SyncReport
}

function specOf({ kind, upstream }: OneSync) {
  const [name = '', how] = kind.split(' ')
  return {
    replica_id: 'replica-1',
    name: 'copy',
    kind: name.split('-').at(0),
    upstream,
    interval_secs: null,
    labels: {},
    options: { ...(how === 'swap' ? { publish: 'swap' } : {}), ...(name === 'git-lfs' ? { lfs: true } : {}) },
    auth: null,
    origin: 'api',
  }
}
