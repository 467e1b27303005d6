// debian.test.ts — Fetching programs with the real apt and dpkg-deb, from an archive in a folder: on machines that are
// just installing something, that are in disorder, and of which apt knows nothing.
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { fetchProgram, FetchError, findProgram } from './debian.ts'
import { contentStatus, lockHolder, PACKAGE_LOCKS } from './package-state.ts'

const BROKEN = `Package: broken
Status: install ok unpacked
Maintainer: x <x@example.org>
Architecture: all
Version: 1
Depends: never-there (>= 5), clock-lib (>= 9)
Breaks: clock
Description: x
 with another line, as in a status of dpkg

Package: half
Status: install reinstreq half-installed
Maintainer: x <x@example.org>
Architecture: all
Version: 1
Description: x

`
const INSTALLED = `Package: present
Status: install ok installed
Maintainer: x <x@example.org>
Architecture: all
Version: 3
Description: x

`

const onDebian = findProgram('apt-get') !== null && findProgram('dpkg-deb') !== null
const before = { ...process.env }
let dir: string
let holder: ChildProcess | null = null

describe.runIf(onDebian)('a program is fetched', () => {
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'kagami-debian-'))
    for (const folder of ['archive', 'parts', 'cache']) mkdirSync(join(dir, folder))
    const entries = [
      makePackage('clock', 'clock-lib (>= 2), present (>= 3)', 'usr/bin/clock', '#!/bin/sh\ncat "$0"-text\n'),
      makePackage('clock-lib', '', 'usr/bin/clock-text', 'twelve\n'),
      makePackage('present', '', 'usr/bin/present', '#!/bin/sh\necho another\n'),
    ]
    writeFileSync(join(dir, 'archive', 'Packages'), entries.join('\n'))
    source(`deb [trusted=yes] file:${dir}/archive ./`)
    machineHas(INSTALLED)
    process.env['APT_CONFIG'] = join(dir, 'apt.conf')
    process.env['KAGAMI_CACHE_DIR'] = join(dir, 'cache')
  })
  afterEach(async () => {
    await release()
    for (const name of ['APT_CONFIG', 'KAGAMI_CACHE_DIR']) {
      if (before[name] === undefined) delete process.env[name]
      else process.env[name] = before[name]
    }
    rmSync(dir, { recursive: true })
  })

  const clock = { program: 'clock', package: 'clock' }
  const source = (...lines: string[]) => writeFileSync(join(dir, 'sources.list'), `${lines.join('\n')}\n`)
  const machineHas = (status: string, ending = '') => {
    writeFileSync(join(dir, 'status'), status)
    writeFileSync(
      join(dir, 'apt.conf'),
      `Dir::State::status "${dir}/status${ending}";\nDir::Etc::sourcelist "${dir}/sources.list";\n` +
        `Dir::Etc::sourceparts "${dir}/parts";\n`,
    )
  }
  const runs = (bin: string) => execFileSync(join(bin, 'clock'), { encoding: 'utf8' })
  /** What was unpacked beside the program. */
  const fetched = (bin: string) => readdirSync(join(bin, '..', 'root', 'usr', 'bin')).sort()

  function makePackage(name: string, depends: string, path: string, text: string): string {
    const tree = join(dir, `${name}.tree`)
    const file = join(tree, path)
    for (const folder of ['DEBIAN', 'usr/bin']) mkdirSync(join(tree, folder), { recursive: true })
    writeFileSync(file, text)
    chmodSync(file, 0o755)
    const control = `Package: ${name}\nVersion: 3\nArchitecture: all\nMaintainer: x <x@example.org>\n${
      depends && `Depends: ${depends}\n`
    }Description: x\n`
    writeFileSync(join(tree, 'DEBIAN', 'control'), control)
    const deb = join(dir, 'archive', `${name}.deb`)
    execFileSync('dpkg-deb', ['--root-owner-group', '-b', tree, deb], { stdio: 'ignore' })
    const bytes = readFileSync(deb)
    const sum = createHash('sha256').update(bytes).digest('hex')
    return `${control}Filename: ./${name}.deb\nSize: ${bytes.length}\nSHA256: ${sum}\n`
  }

  /** Holds a lock as dpkg does, until it is released. */
  async function hold(file: string): Promise<void> {
    const script =
      'use Fcntl; open(my $f, "+>>", $ARGV[0]) or die; my $lock = pack("s s x4 q q i x4", F_WRLCK, 0, 0, 0, 0); ' +
      'fcntl($f, F_SETLK, $lock) or die "locked: $!"; $| = 1; print "held\\n"; sleep 100'
    holder = spawn('perl', ['-e', script, file], { stdio: ['ignore', 'pipe', 'inherit'] })
    await Promise.race([once(holder.stdout!, 'data'), once(holder, 'exit').then(() => expect.unreachable())])
  }
  async function release(): Promise<void> {
    if (holder && holder.exitCode === null && holder.signalCode === null) {
      holder.kill('SIGKILL')
      await once(holder, 'exit')
    }
    holder = null
  }

  it('with what it needs and this machine lacks', async () => {
    const bin = await fetchProgram(clock)
    expect([runs(bin), fetched(bin)]).toEqual(['twelve\n', ['clock', 'clock-text']])
  })

  it.each([
    ['has packages with unmet dependencies', BROKEN + INSTALLED, ['clock', 'clock-text']],
    ['has a status that is damaged', `\u0000\u0001 no fields\n: :\n\n${INSTALLED}Pack`, ['clock', 'clock-text']],
    [
      'has none of its packages in order',
      INSTALLED.replace('ok installed', 'ok half-configured'),
      ['clock', 'clock-text'],
    ],
    [
      'has lost what was installed',
      INSTALLED.replace('ok installed', 'reinstreq half-installed'),
      ['clock', 'clock-text', 'present'],
    ],
  ])('although the machine %s', async (_what, status, files) => {
    machineHas(status)
    const bin = await fetchProgram(clock)
    expect([runs(bin), fetched(bin)]).toEqual(['twelve\n', files])
  })

  it('although the machine has no status at all', async () => {
    machineHas('', '-gone')
    expect(runs(await fetchProgram(clock))).toBe('twelve\n')
  })

  it('although another source of the machine is gone', async () => {
    source(`deb [trusted=yes] file:${dir}/nowhere ./`, `deb [trusted=yes] file:${dir}/archive ./`)
    expect(runs(await fetchProgram(clock))).toBe('twelve\n')
  })

  it('alone, where it needs nothing: no other package is looked at', async () => {
    machineHas(BROKEN)
    const bin = await fetchProgram({ ...clock, package: 'clock', alone: true })
    expect(fetched(bin)).toEqual(['clock'])
  })

  it.runIf(process.getuid?.() === 0 && PACKAGE_LOCKS.every((file) => existsSync(file)))(
    'while another program holds the locks of dpkg',
    async () => {
      await hold(PACKAGE_LOCKS[0]!)
      expect(lockHolder()).toBe(`perl (process ${holder!.pid})`)
      const steps: string[] = []
      expect(runs(await fetchProgram(clock, (step) => steps.push(step)))).toBe('twelve\n')
      expect(steps).toHaveLength(1)
    },
  )

  it('after a wait that is told once, where it fails while packages are being installed', async () => {
    const lock = join(dir, 'lock')
    const archive = readFileSync(join(dir, 'archive', 'Packages'))
    writeFileSync(join(dir, 'archive', 'Packages'), '')
    await hold(lock)
    const pid = holder!.pid
    const steps: string[] = []
    const bin = await fetchProgram({ ...clock, locks: [lock] }, (step) => {
      steps.push(step)
      if (!step.includes('waiting')) return
      writeFileSync(join(dir, 'archive', 'Packages'), archive)
      void release()
    })
    expect(runs(bin)).toBe('twelve\n')
    expect(steps).toEqual([
      expect.stringContaining('fetching clock'),
      expect.stringContaining(`while perl (process ${pid}) installs packages: waiting for that, at most 5 minutes`),
    ])
  })

  it('or it is said why not, and nothing is left behind', async () => {
    writeFileSync(join(dir, 'archive', 'Packages'), '')
    const error = await fetchProgram(clock).catch((one: unknown) => one as Error)
    expect(error).toBeInstanceOf(FetchError)
    expect((error as Error).message).toMatch(
      /could not be fetched: Unable to locate package clock\. Install it: apt-get/,
    )
    expect(readdirSync(join(dir, 'cache', 'debian'))).toEqual([])
  })
})

it('a status without demands keeps every package whose files are there, whatever else its stanza has', () => {
  const state = fc.constantFrom(
    'installed',
    'unpacked',
    'half-configured',
    'triggers-pending',
    'half-installed',
    'config-files',
  )
  const word = fc.stringMatching(/^[a-z]{1,8}$/)
  const stanza = fc.record({
    name: word,
    state,
    depends: word,
    lines: fc.array(fc.stringMatching(/^[ -~]{0,20}$/), { maxLength: 3 }),
  })
  fc.assert(
    fc.property(fc.array(stanza, { maxLength: 5 }), (stanzas) => {
      const text = stanzas
        .map(({ name, state: is, depends, lines }) =>
          [
            `Package: ${name}`,
            `Status: install ok ${is}`,
            `Depends: ${depends},`,
            ` ${depends}`,
            'Description: x',
            ...lines.map((line) => ` .${line}`),
            '',
          ].join('\n'),
        )
        .join('\n')
      const content = contentStatus(text)
      const kept = stanzas.filter(({ state: is }) => !['half-installed', 'config-files'].includes(is))
      expect([...content.matchAll(/^Package: (.*)$/gm)].map(([, name]) => name)).toEqual(kept.map(({ name }) => name))
      expect(content).not.toMatch(/^Depends/m)
      expect(content.match(/^Status: install ok installed$/gm) ?? []).toHaveLength(kept.length)
    }),
  )
})
