// setup.ts — Makes sure every real part the tests talk to is on this machine, and says where. Runs once before all
// tests.
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fetchProgram, findProgram, putOnPath } from '@kagami/runtime'
import type { TestProject } from 'vitest/node'

export interface Tools {
  /** nats-server of Debian stable, and the newest: both are supported, both are tested. */
  readonly natsOld: string
  readonly natsNew: string
  readonly chromium: string
  /** Directory with initdb and postgres. */
  readonly postgres: string
}

declare module 'vitest' {
  interface ProvidedContext {
    tools: Tools
  }
}

/** Finds what is there and fetches what is not. */
export default async function setup(project: TestProject): Promise<void> {
  const say = (step: string) => console.log(step)
  // The processes of the tests inherit PATH. git-lfs pushes to the LFS server of the tests and clones from the copy.
  await putOnPath(['git', 'rsync', 'git-lfs'], say)
  const natsOld = join(await fetchProgram({ program: 'nats-server', package: 'nats-server' }, say), 'nats-server')
  const natsNew = join(
    await fetchProgram({ program: 'nats-server', package: 'nats-server', suite: 'forky' }, say),
    'nats-server',
  )
  // The web servers whose listings are mirrored: tests find them by themselves, but must not fetch them all at once.
  for (const [program, name] of [
    ['nginx', 'nginx'],
    ['apache2', 'apache2'],
    ['lighttpd', 'lighttpd'],
    ['caddy', 'caddy'],
  ] as const) {
    if (!findProgram(program, ['/usr/sbin'])) await fetchProgram({ program, package: name }, say)
  }
  const chromium = findProgram('chromium') ?? installed(['chromium', 'fonts-noto-cjk'], () => findProgram('chromium'))
  const postgres = postgresDirectory() ?? installed(['postgresql-15'], postgresDirectory)
  project.provide('tools', { natsOld, natsNew, chromium, postgres })
}

function postgresDirectory(): string | null {
  const base = '/usr/lib/postgresql'
  if (!existsSync(base)) return null
  const found = readdirSync(base)
    .sort((a, b) => Number(b) - Number(a))
    .map((version) => join(base, version, 'bin'))
    .find((bin) => existsSync(join(bin, 'initdb')))
  return found ?? null
}

/**
 * A browser and a database server are more than we unpack by ourselves: Debian installs them, as root or through sudo.
 */
function installed(packages: string[], find: () => string | null): string {
  const prefix = process.getuid?.() === 0 ? [] : ['sudo', '-n']
  const asRoot = (...words: string[]) => {
    const [command, ...args] = [...prefix, 'env', 'DEBIAN_FRONTEND=noninteractive', ...words]
    execFileSync(command!, args, { stdio: ['ignore', 'ignore', 'inherit'] })
  }
  console.log(`installing ${packages.join(', ')} for the tests`)
  try {
    asRoot('apt-get', '-q', 'update')
    asRoot('apt-get', '-q', '-y', '--no-install-recommends', 'install', ...packages)
  } catch (error) {
    throw new Error(
      `The tests need ${packages.join(', ')}, and installing failed. Run: apt-get install ${packages.join(' ')}`,
      { cause: error },
    )
  }
  const path = find()
  if (!path) throw new Error(`${packages.join(', ')} installed, but what the tests need is not there`)
  return path
}
