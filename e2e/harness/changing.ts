// changing.ts — Upstreams that change all the time, with content that says by itself which version it is and whether it
// is whole.
import { createHash, randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { commit, ensureRepository, startGitUpstream, startHttpUpstream, startRsyncUpstream } from '@kagami/demo'
import { execFileSync } from 'node:child_process'
import { setTimeout as pause } from 'node:timers/promises'
import type { Place } from './place.ts'

const FILES = 4

export interface ChangingUpstreams {
  /** What a worker's configuration says of them: one http, one rsync and one git replica. */
  providers(worker: string): object[]
  /** Published files below a worker's data_dir that are no version of their upstream, and how many were looked at. */
  wrong(dataDir: string): { seen: number; wrong: string[] }
  /** Stops the changes; resolves when the last is made. */
  settle(): Promise<void>
  /** How many versions there were. */
  readonly versions: number
}

/** Starts them and goes on changing them until `settle`. */
export async function changingUpstreams(place: Place): Promise<ChangingUpstreams> {
  const [www, modules, repositories] = ['www', 'rsyncd', 'git'].map((name) => place.at('upstreams', name)) as [
    string,
    string,
    string,
  ]
  const repository = join(repositories, 'project.git')
  let version = 0
  let going = true
  const change = async () => {
    version++
    replaceFile(join(www, 'image'), written('image', version, 200_000))
    for (let n = 0; n < FILES; n++)
      replaceFile(join(modules, 'files', `part-${n}`), written(`part-${n}`, version, 20_000))
    await commit(repository, {
      message: `version ${version}`,
      files: { 'README.md': written('README.md', version, 2000) },
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
    while (going) {
      await pause(200)
      await change()
    }
  })()
  const settle = () => {
    going = false
    return changing
  }
  for (const upstream of [http, rsync, git]) place.also(() => upstream.stop())
  place.also(settle)
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
    wrong: (dataDir) => judgeAll(dataDir, version + 1),
    settle,
    get versions() {
      return version
    },
  }
}

function written(name: string, version: number, bytes: number): string {
  const body = `${name} version ${version}\n${randomBytes(bytes / 2).toString('hex')}\n`
  return `${body}sha256 ${createHash('sha256').update(body).digest('hex')}\n`
}

/** Its version; null when it is not whole. */
function versionOf(name: string, text: string): number | null {
  const end = text.lastIndexOf('sha256 ')
  const whole = text.slice(end) === `sha256 ${createHash('sha256').update(text.slice(0, end)).digest('hex')}\n`
  const said = new RegExp(`^${name.replace('.', '\\.')} version (\\d+)\n`).exec(text)?.[1]
  return whole && said ? Number(said) : null
}

/** An upstream's own change must not be a torn one. */
function replaceFile(path: string, text: string) {
  writeFileSync(`${path}.next`, text)
  renameSync(`${path}.next`, path)
}

function judgeAll(dataDir: string, newest: number): { seen: number; wrong: string[] } {
  const found = { seen: 0, wrong: [] as string[] }
  const judge = (path: string, name: string, read: () => string) => {
    found.seen++
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
        judge(join(tree, file), 'image', () => readFileSync(join(tree, file), 'utf8'))
    if (name.endsWith('-rsync'))
      for (const file of readdirSync(tree).filter((one) => /^part-\d$/.test(one)))
        judge(join(tree, file), file, () => readFileSync(join(tree, file), 'utf8'))
    if (name.endsWith('-git')) judge(tree, 'README.md', () => readGit(tree))
  }
  return found
}

/** What a user's clone would show; throws when an object is missing. */
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
