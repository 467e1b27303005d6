// changing.ts — Upstreams that change all the time. Their content includes its version and a checksum.
import { createHash, randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { commit, ensureRepository, startGitUpstream, startHttpUpstream, startRsyncUpstream } from '@kagami/demo'
import { execFileSync } from 'node:child_process'
import { setTimeout as pause } from 'node:timers/promises'
import type { Place } from './place.ts'

const FILES = 4

export interface ChangingUpstreams {
  /** Their entries for the configuration of a worker: one http, one rsync and one git replica. */
  providers(worker: string): object[]
  /** Published files below a worker's data_dir that are not a version of their upstream, and how many were checked. */
  findWrong(dataDir: string): { checked: number; wrong: string[] }
  /** Stops the changes; resolves after the last one. */
  stop(): Promise<void>
  /** Number of versions so far. */
  readonly versions: number
}

/** Starts the upstreams and changes them until `stop`. */
export async function startChangingUpstreams(place: Place): Promise<ChangingUpstreams> {
  const [www, modules, repositories] = ['www', 'rsyncd', 'git'].map((name) => place.at('upstreams', name)) as [
    string,
    string,
    string,
  ]
  const repository = join(repositories, 'project.git')
  let version = 0
  let stopped = false
  const change = async () => {
    version++
    replaceFile(join(www, 'image'), makeText('image', version, 200_000))
    for (let n = 0; n < FILES; n++)
      replaceFile(join(modules, 'files', `part-${n}`), makeText(`part-${n}`, version, 20_000))
    await commit(repository, {
      message: `version ${version}`,
      files: { 'README.md': makeText('README.md', version, 2000) },
    })
  }
  mkdirSync(www, { recursive: true })
  mkdirSync(join(modules, 'files'), { recursive: true })
  await ensureRepository(repository)
  await change()
  const [http, rsync, git] = [
    await startHttpUpstream({ dir: www }),
    await startRsyncUpstream({ dir: modules }),
    await startGitUpstream({ dir: repositories }),
  ]
  const changing = (async () => {
    while (!stopped) {
      await pause(200)
      await change()
    }
  })()
  const stop = () => {
    stopped = true
    return changing
  }
  for (const upstream of [http, rsync, git]) place.onEnd(() => upstream.stop())
  place.onEnd(stop)
  const upstreams = [
    ['http', `${http.url}/image`],
    ['rsync', rsync.url],
    ['git', `${git.url}/project.git`],
  ] as const
  return {
    providers: (worker) =>
      upstreams.map(([kind, upstream]) => ({
        name: `${worker}-${kind}`,
        kind,
        upstream,
        interval_secs: 1,
        options: {},
      })),
    findWrong: (dataDir) => checkFiles(dataDir, version + 1),
    stop,
    get versions() {
      return version
    },
  }
}

function makeText(name: string, version: number, bytes: number): string {
  const body = `${name} version ${version}\n${randomBytes(bytes / 2).toString('hex')}\n`
  return `${body}sha256 ${createHash('sha256').update(body).digest('hex')}\n`
}

/** The version of a file's content; null when the content is not complete. */
function versionOf(name: string, text: string): number | null {
  const end = text.lastIndexOf('sha256 ')
  const whole = text.slice(end) === `sha256 ${createHash('sha256').update(text.slice(0, end)).digest('hex')}\n`
  const version = new RegExp(`^${name.replace('.', '\\.')} version (\\d+)\n`).exec(text)?.[1]
  return whole && version ? Number(version) : null
}

/** Replaces a file of an upstream in one step, so that the upstream itself is never half changed. */
function replaceFile(path: string, text: string) {
  writeFileSync(`${path}.next`, text)
  renameSync(`${path}.next`, path)
}

function checkFiles(dataDir: string, newest: number): { checked: number; wrong: string[] } {
  const found = { checked: 0, wrong: [] as string[] }
  const check = (path: string, name: string, read: () => string) => {
    found.checked++
    try {
      const version = versionOf(name, read())
      if (version === null || version < 1 || version > newest) found.wrong.push(`${path}: version ${version}`)
    } catch (error) {
      found.wrong.push(`${path}: ${(error as Error).message}`)
    }
  }
  for (const name of existsSync(dataDir) ? readdirSync(dataDir) : []) {
    const tree = join(dataDir, name)
    if (name.endsWith('-http'))
      for (const file of readdirSync(tree))
        check(join(tree, file), 'image', () => readFileSync(join(tree, file), 'utf8'))
    if (name.endsWith('-rsync'))
      for (const file of readdirSync(tree).filter((one) => /^part-\d$/.test(one)))
        check(join(tree, file), file, () => readFileSync(join(tree, file), 'utf8'))
    if (name.endsWith('-git')) check(tree, 'README.md', () => readGit(tree))
  }
  return found
}

/** README.md as a clone would show it; throws when an object is missing. */
function readGit(repository: string): string {
  const git = (...words: string[]) =>
    execFileSync('git', ['-c', 'safe.directory=*', `--git-dir=${repository}`, ...words], {
      encoding: 'utf8',
      maxBuffer: 16 * 1024 * 1024,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env['PATH'] ?? '', HOME: '/nonexistent' },
    })
  git('rev-list', '--objects', '--quiet', '--all')
  return git('show', 'main:README.md')
}
