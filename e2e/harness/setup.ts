// setup.ts — Finds or installs the real programs that the tests use. Runs once before all tests.
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import {
  fetchProgram,
  findProgram,
  lockHolder,
  natsServerVersion,
  NATS_PACKAGE,
  putOnPath,
  versionAtLeast,
} from '@kagami/runtime'
import type { TestProject } from 'vitest/node'
import { postgresDirectory } from './postgres-server.ts'

export interface Tools {
  /** nats-server of Debian stable, and the newest one. Both are supported and tested. */
  readonly natsOld: string
  readonly natsNew: string
  readonly chromium: string
  /** Directory with initdb and postgres. */
  readonly postgres: string
  /** Library that, preloaded, gives one program a wall clock of its own. */
  readonly faketime: string
}

declare module 'vitest' {
  interface ProvidedContext {
    tools: Tools
  }
}

/** Finds each program, and fetches or installs missing ones. */
export default async function setup(project: TestProject): Promise<void> {
  const log = (step: string) => console.log(step)
  // The processes of the tests inherit PATH. git-lfs pushes to the LFS server of the tests and clones from the copy.
  await putOnPath(['git', 'rsync', 'git-lfs'], log)
  for (const [program, name] of [
    ['ssh', 'openssh-client'],
    ['sshd', 'openssh-server'],
  ] as const)
    if (!findProgram(program, ['/usr/sbin'])) addToPath(await fetchProgram({ program, package: name }, log))
  const natsHere = await natsServerOnPath()
  const natsOld = natsHere?.old ?? join(await fetchProgram(NATS_PACKAGE, log), 'nats-server')
  const natsNew = natsHere?.new ?? join(await fetchProgram({ ...NATS_PACKAGE, suite: 'forky' }, log), 'nats-server')
  // Web servers, what runs programs for nginx, and proxies. The tests look for them too, but must not all fetch them.
  for (const [program, name] of [
    ['nginx', 'nginx'],
    ['apache2', 'apache2'],
    ['lighttpd', 'lighttpd'],
    ['caddy', 'caddy'],
    ['fcgiwrap', 'fcgiwrap'],
    ['tinyproxy', 'tinyproxy-bin'],
    ['microsocks', 'microsocks'],
  ] as const) {
    if (!findProgram(program, ['/usr/sbin'])) await fetchProgram({ program, package: name }, log)
  }
  // A browser for text, which shows what is left of a page without style, pictures and JavaScript.
  if (!findProgram('w3m')) addToPath(await fetchProgram({ program: 'w3m', package: 'w3m' }, log))
  const faketime = libraryOf(await fetchProgram({ program: 'faketime', package: 'faketime' }, log))
  const chromium =
    findProgram('chromium') ?? installPackages(['chromium', 'fonts-noto-cjk'], () => findProgram('chromium'))
  const postgres = postgresDirectory() ?? installPackages(['postgresql-15'], postgresDirectory)
  project.provide('tools', { natsOld, natsNew, chromium, postgres, faketime })
}

function addToPath(folder: string): void {
  process.env['PATH'] = [folder, process.env['PATH'] ?? ''].join(delimiter)
}

/** The nats-server of this machine, as the one of the two that its version fits: 2.9, or 2.11 and newer. */
async function natsServerOnPath(): Promise<{ old?: string; new?: string } | null> {
  const path = findProgram('nats-server', ['/usr/sbin', '/usr/local/sbin'])
  const version = path && (await natsServerVersion(path).catch(() => null))
  if (!version) return null
  if (versionAtLeast(version, [2, 11, 0])) return { new: path }
  return versionAtLeast(version, [2, 9, 10]) && !versionAtLeast(version, [2, 10, 0]) ? { old: path } : null
}

/** Path of libfaketime, which Debian keeps below the folder of the machine's architecture. */
function libraryOf(bin: string): string {
  const found = [join(bin, '..', 'root', 'usr', 'lib'), '/usr/lib']
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => readdirSync(folder).map((entry) => join(folder, entry, 'faketime', 'libfaketime.so.1')))
    .find((path) => existsSync(path))
  if (!found) throw new Error('faketime was fetched, but its library is missing. Run: apt-get install libfaketime')
  return found
}

/** Installs packages with apt, as root or through sudo: a browser and a database server cannot simply be unpacked. */
function installPackages(packages: string[], find: () => string | null): string {
  const prefix = process.getuid?.() === 0 ? [] : ['sudo', '-n']
  const asRoot = (...words: string[]) => {
    const [command, ...args] = [...prefix, 'env', 'DEBIAN_FRONTEND=noninteractive', ...words]
    execFileSync(command!, args, { stdio: ['ignore', 'ignore', 'inherit'] })
  }
  console.log(`installing ${packages.join(', ')} for the tests`)
  const holder = lockHolder()
  if (holder) console.log(`${holder} installs packages just now: waiting for that, at most 10 minutes`)
  try {
    // Without the lists of this minute those that are there may do.
    asRoot('sh', '-c', 'apt-get -q -o DPkg::Lock::Timeout=600 update || true')
    asRoot('apt-get', '-q', '-y', '-o', 'DPkg::Lock::Timeout=600', '--no-install-recommends', 'install', ...packages)
  } catch (error) {
    throw new Error(
      `The tests need ${packages.join(', ')}, and installing failed. Run: apt-get install ${packages.join(' ')}`,
      { cause: error },
    )
  }
  const path = find()
  if (!path) throw new Error(`${packages.join(', ')} were installed, but the program that the tests need is missing`)
  return path
}
