// demo.ts — Three small real upstreams that change every minute, so that `kagami up` has something to mirror.
import { join } from 'node:path'
import { commit, countFiles, ensureRepository, writeFiles } from './content.ts'
import { startGitUpstream } from './git-upstream.ts'
import { startHttpUpstream } from './http-upstream.ts'
import { startRsyncUpstream } from './rsync-upstream.ts'
import type { Upstream } from './upstream.ts'

export interface DemoOptions {
  /** Folder of content and configuration; may be one of an earlier run. */
  readonly dir: string
  readonly toolPath?: readonly string[]
  /** Seconds between two changes. */
  readonly everySeconds?: number
}

export interface DemoUpstream {
  readonly name: string
  readonly kind: 'git' | 'rsync' | 'http'
  readonly upstream: string
  /** Seconds at which a replica of it should be synced. */
  readonly interval_secs: number
}

export interface Demo {
  readonly upstreams: readonly DemoUpstream[]
  /** Kinds that could not be started, and why, for example because a tool is missing. */
  readonly missing: readonly { kind: string; reason: string }[]
  readonly stop: () => Promise<void>
}

interface Part {
  readonly upstream: DemoUpstream
  readonly server: Upstream
  change(round: number): Promise<void>
}

/** Starts the upstreams whose tools are installed, and changes each every `everySeconds`. */
export async function startDemo({ dir, toolPath, everySeconds = 60 }: DemoOptions): Promise<Demo> {
  const starts = { git: startGit, rsync: startRsync, http: startHttp }
  const parts: Part[] = []
  const missing: { kind: string; reason: string }[] = []
  for (const [kind, start] of Object.entries(starts)) {
    try {
      parts.push(await start(join(dir, kind), Math.max(2, Math.round(everySeconds / 2)), toolPath))
    } catch (error) {
      missing.push({ kind, reason: (error as Error).message })
    }
  }
  let round = 0
  let changing: Promise<unknown> | null = null
  const change = () => {
    if (changing) return
    round++
    // An upstream that fails to change stays as it is until the next round.
    changing = Promise.allSettled(parts.map((part) => part.change(round))).finally(() => void (changing = null))
  }
  const timer = setInterval(change, everySeconds * 1000)
  return {
    upstreams: parts.map(({ upstream }) => upstream),
    missing,
    async stop() {
      clearInterval(timer)
      await changing
      await Promise.all(parts.map(({ server }) => server.stop()))
    },
  }
}

async function startGit(dir: string, interval: number, toolPath?: readonly string[]): Promise<Part> {
  const repository = join(dir, 'hello.git')
  await ensureRepository(repository, toolPath)
  const add = (file: string, text: string) =>
    commit(repository, { message: `Write ${file}`, files: { [file]: text }, toolPath })
  await add('README.md', '# Hello\n\nA small repository that gets a commit every minute.\n')
  await add('LICENSE', 'Public domain.\n')
  await add('news.md', `- ${new Date().toISOString()} the demo started\n`)
  const server = await startGitUpstream({ dir, toolPath })
  const upstream: DemoUpstream = {
    name: 'hello-git',
    kind: 'git',
    upstream: `${server.url}/hello.git`,
    interval_secs: interval,
  }
  return { upstream, server, change: (round) => add('news.md', `- ${new Date().toISOString()} change ${round}\n`) }
}

const FILES = 40

async function startRsync(dir: string, interval: number, toolPath?: readonly string[]): Promise<Part> {
  const files = join(dir, 'files')
  const name = (number: number) => `pool/package-${String(number).padStart(3, '0')}.txt`
  const text = (number: number) => `package ${number}\n${'content of the package\n'.repeat(50 + (number % 50))}`
  writeFiles(files, { 'README.txt': 'A small rsync module; files come and go.\n' })
  for (let number = countFiles(join(files, 'pool')); number < FILES; number++)
    writeFiles(files, { [name(number)]: text(number) })
  const server = await startRsyncUpstream({ dir, toolPath })
  const upstream: DemoUpstream = {
    name: 'packages-rsync',
    kind: 'rsync',
    upstream: server.url,
    interval_secs: interval,
  }
  const change = async (round: number) =>
    writeFiles(files, {
      [name(FILES + (round % 500))]: text(round),
      [name((FILES + round - 20) % 500)]: null,
      'index.txt': `change ${round} at ${new Date().toISOString()}\n`,
    })
  return { upstream, server, change }
}

async function startHttp(dir: string, interval: number): Promise<Part> {
  const write = (round: number) =>
    writeFiles(dir, {
      'release.txt': `release ${round} of ${new Date().toISOString()}\n${'a line of the release\n'.repeat(2000)}`,
    })
  write(0)
  const server = await startHttpUpstream({ dir })
  const upstream: DemoUpstream = {
    name: 'release-http',
    kind: 'http',
    upstream: `${server.url}/release.txt`,
    interval_secs: interval,
  }
  return { upstream, server, change: async (round) => write(round) }
}
