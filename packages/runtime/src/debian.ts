// debian.ts — Finds programs, and fetches missing ones from Debian's archive without root: apt downloads and checks
// them, and they are unpacked into a cache.
import { execFile } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { pause } from './clock.ts'
import { homeDirectory } from './home.ts'
import { contentStatus, lockHolder, PACKAGE_LOCKS } from './package-state.ts'

const execute = promisify(execFile)
const BIG = { maxBuffer: 1 << 24 }

/** How long a fetch that failed waits for who is just installing packages, and how often it looks, ms. */
const WAIT_MS = 300_000
const LOOK_EVERY_MS = 1000

/** Directory of fetched programs: `KAGAMI_CACHE_DIR`, or `$XDG_CACHE_HOME/kagami`, or `~/.cache/kagami`. */
export function cacheDirectory(env: NodeJS.ProcessEnv = process.env): string {
  return env['KAGAMI_CACHE_DIR'] || join(env['XDG_CACHE_HOME'] || join(homeDirectory(), '.cache'), 'kagami')
}

/** Full path of a program on PATH or in one of the `extra` directories; null when there is none. */
export function findProgram(
  name: string,
  extra: readonly string[] = [],
  path = process.env['PATH'] ?? '',
): string | null {
  for (const directory of [...path.split(delimiter), ...extra].filter(Boolean)) {
    const candidate = join(directory, name)
    try {
      const stat = statSync(candidate)
      if (stat.isFile() && (stat.mode & 0o111) !== 0) return candidate
    } catch {
      // Not in this directory.
    }
  }
  return null
}

/** What to fetch. */
export interface DebianFetch {
  readonly program: string
  readonly package: string
  /** Another suite than that of this computer, for a newer version. Its package is fetched alone. */
  readonly suite?: string
  /** It needs nothing but libc, so that no other package is asked for. */
  readonly alone?: boolean
  /** Locks that show that packages are just being installed. */
  readonly locks?: readonly string[]
}

/** A program cannot be fetched. The message says why, and how else to install it. */
export class FetchError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'FetchError'
  }
}

/**
 * Returns a directory with the program, and fetches it when it is not there yet. The locks of dpkg and apt are in
 * nobody's way, nor are packages that are broken here; where it fails all the same while packages are being installed,
 * it waits for the end of that, says so, and tries once more. Throws FetchError.
 */
export async function fetchProgram(wanted: DebianFetch, onStep: (step: string) => void = () => {}): Promise<string> {
  const home = join(cacheDirectory(), 'debian', `${wanted.package}${wanted.suite ? `-${wanted.suite}` : ''}`)
  const bin = join(home, 'bin')
  if (existsSync(join(bin, wanted.program))) return bin
  if (!findProgram('apt-get') || !findProgram('dpkg-deb')) {
    throw new FetchError(
      `${wanted.program} is not installed, and can be fetched only on Debian and Ubuntu. ` +
        `Install ${wanted.package} with your package manager.`,
    )
  }
  onStep(`fetching ${wanted.package}${wanted.suite ? ` (${wanted.suite})` : ''} from Debian's archive`)
  try {
    await fetchInto(home, wanted).catch(async (error: unknown) => {
      if (!(await waitForInstaller(wanted, error, onStep))) throw error
      await fetchInto(home, wanted)
    })
  } catch (error) {
    throw new FetchError(
      `${wanted.program} is not installed, and could not be fetched: ${reasonOf(error)}. ` +
        `Install it: apt-get install ${wanted.package}`,
      error,
    )
  }
  if (!existsSync(join(bin, wanted.program)))
    throw new FetchError(`package ${wanted.package} has no program ${wanted.program}`)
  return bin
}

/**
 * Puts programs within reach of this process and of those it starts: what PATH lacks is fetched, and its directory goes
 * in front of PATH. Throws FetchError as `fetchProgram` does.
 */
export async function putOnPath(programs: readonly string[], onStep: (step: string) => void = () => {}): Promise<void> {
  for (const program of programs) {
    if (findProgram(program)) continue
    const bin = await fetchProgram({ program, package: program }, onStep)
    process.env['PATH'] = [bin, process.env['PATH'] ?? ''].join(delimiter)
  }
}

async function fetchInto(home: string, wanted: DebianFetch): Promise<void> {
  mkdirSync(join(cacheDirectory(), 'debian'), { recursive: true })
  const work = mkdtempSync(join(cacheDirectory(), 'debian', '.fetch-'))
  try {
    await unpackWithDependencies(wanted, work)
    writeWrappers(work, home)
    rmSync(home, { recursive: true, force: true })
    renameSync(join(work, 'out'), home)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

/** Returns whether somebody was installing packages, once that is over or has lasted too long. */
async function waitForInstaller(
  { package: name, locks = PACKAGE_LOCKS }: DebianFetch,
  error: unknown,
  onStep: (step: string) => void,
): Promise<boolean> {
  const holder = lockHolder(locks)
  if (holder === null) return false
  onStep(
    `fetching ${name} failed (${reasonOf(error)}) while ${holder} installs packages: waiting for that, at most ` +
      `${WAIT_MS / 60_000} minutes, then trying once more`,
  )
  for (let waited = 0; waited < WAIT_MS && lockHolder(locks) !== null; waited += LOOK_EVERY_MS)
    await pause(LOOK_EVERY_MS)
  return true
}

async function unpackWithDependencies(wanted: DebianFetch, work: string) {
  const apt = await privateApt(wanted.suite, work)
  // One source of several may fail, such as one that is gone, and the others have what is wanted.
  const failed = await execute('apt-get', [...apt, '-q', 'update'], BIG).then(
    () => null,
    (error: unknown) => error,
  )
  const downloads = join(work, 'debs')
  mkdirSync(downloads)
  try {
    const isAlone = wanted.alone === true || wanted.suite !== undefined
    const packages = isAlone ? [wanted.package] : await missingPackages(apt, wanted.package)
    await execute('apt-get', [...apt, '-q', 'download', ...packages], { ...BIG, cwd: downloads })
  } catch (error) {
    throw failed ?? error
  }
  const root = join(work, 'out', 'root')
  mkdirSync(root, { recursive: true })
  for (const deb of readdirSync(downloads)) await execute('dpkg-deb', ['-x', join(downloads, deb), root])
}

/**
 * Options that give apt its own state and lists: they need no root and no lock, leave those of the computer unchanged,
 * and do not suffer from what is broken there.
 */
async function privateApt(suite: string | undefined, work: string): Promise<string[]> {
  for (const part of ['state/lists/partial', 'cache/archives/partial', 'empty'])
    mkdirSync(join(work, part), { recursive: true })
  writeFileSync(join(work, 'state', 'status'), contentStatus(await installedHere()))
  const set = (option: string) => ['-o', option]
  const apt = [
    `Dir::State=${work}/state`,
    `Dir::State::lists=${work}/state/lists`,
    `Dir::State::status=${work}/state/status`,
    `Dir::Cache=${work}/cache`,
    `Dir::Cache::archives=${work}/cache/archives`,
    'Debug::NoLocking=1',
    'Acquire::Languages=none',
    'APT::Sandbox::User=',
  ].flatMap(set)
  if (suite) {
    writeFileSync(
      join(work, 'sources.list'),
      `deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${await debianMirror()} ${suite} main\n`,
    )
    apt.push(...set(`Dir::Etc::sourcelist=${work}/sources.list`), ...set(`Dir::Etc::sourceparts=${work}/empty`))
  }
  return apt
}

/** What dpkg knows of this computer; nothing where that cannot be read. */
async function installedHere(): Promise<string> {
  try {
    const { stdout } = await execute('apt-config', ['shell', 'STATUS', 'Dir::State::status/f'])
    return readFileSync(/^STATUS='(.*)'$/m.exec(stdout)?.[1] || '/var/lib/dpkg/status', 'utf8')
  } catch {
    return ''
  }
}

/** The archive that this computer uses, so that its mirror or proxy is used here too. */
async function debianMirror(): Promise<string> {
  const format = '$(REPO_URI)|$(ORIGIN)|$(CREATED_BY)'
  const { stdout } = await execute('apt-get', ['indextargets', '--format', format], BIG).catch(() => ({ stdout: '' }))
  const line = stdout.split('\n').find((entry) => entry.includes('|Debian|') && !entry.includes('security'))
  return line?.split('|')[0] || 'http://deb.debian.org/debian/'
}

/** The package, and those of its dependencies that are not installed. */
async function missingPackages(apt: string[], name: string): Promise<string[]> {
  const { stdout } = await execute('apt-get', [...apt, '-s', '-q', '--no-install-recommends', 'install', name], BIG)
  const packages = [...stdout.matchAll(/^Inst (\S+)/gm)].map((match) => match[1]!)
  return packages.length > 0 ? packages : [name]
}

/** Writes a small script for each program, through which it finds its libraries in the cache. */
function writeWrappers(work: string, home: string) {
  const bin = join(work, 'out', 'bin')
  mkdirSync(bin, { recursive: true })
  for (const directory of ['usr/bin', 'usr/sbin', 'bin', 'sbin']) {
    const source = join(work, 'out', 'root', directory)
    if (!existsSync(source)) continue
    for (const program of readdirSync(source)) {
      const script = [
        '#!/bin/sh',
        `R='${join(home, 'root')}'`,
        'export LD_LIBRARY_PATH="$(printf "%s:" "$R"/usr/lib/*-linux-gnu "$R"/lib/*-linux-gnu)$LD_LIBRARY_PATH"',
        '[ -d "$R/usr/lib/git-core" ] && export GIT_EXEC_PATH="$R/usr/lib/git-core" ' +
          'GIT_TEMPLATE_DIR="$R/usr/share/git-core/templates"',
        `exec "$R/${directory}/${program}" "$@"`,
      ]
      writeFileSync(join(bin, program), `${script.join('\n')}\n`)
      chmodSync(join(bin, program), 0o755)
    }
  }
}

function reasonOf(error: unknown): string {
  const stderr = (error as { stderr?: string }).stderr ?? ''
  const line = stderr.split('\n').find((text) => text.startsWith('E:')) ?? (error as Error).message.split('\n')[0]!
  return line.replace(/^E:\s*/, '')
}
