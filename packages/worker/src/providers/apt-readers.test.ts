// apt-readers.test.ts — Real apt clients in a loop against a copy behind nginx, while the upstream changes again and
// again: with by-hash and keep_deleted nothing that they were promised is missing. Beside it, a bare rsync for figures.
import { execFile } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once, EventEmitter } from 'node:events'
import { chmodSync, mkdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { startRsyncUpstream, writeFiles } from '@kagami/demo'
import { findProgram } from '@kagami/runtime'
import { describe, expect, it } from 'vitest'
import { sandboxForEach } from '../testing/kills.ts'
import type { Sandbox } from '../testing/sandbox.ts'
import { startWebServer } from '../testing/web-servers.ts'

const execute = promisify(execFile)
const CHANGES = process.env['KAGAMI_FAULTS'] === 'full' ? 100 : 6
const PACKAGES = Array.from({ length: 12 }, (_, n) => `package-${n}`)
const DOWNLOADED = PACKAGES.slice(0, 8)
const WAYS = [
  ['rsync', { publish: 'in-place' }],
  ['rsync', { publish: 'in-place', two_stage: 'debian' }],
  ['rsync', { publish: 'swap' }],
  ['http', { publish: 'in-place' }],
  ['http', { publish: 'swap' }],
] as const

describe.runIf(findProgram('apt-get') !== null)('apt clients of a copy whose upstream changes again and again', () => {
  let sandbox: Sandbox
  let files: string
  const stops = sandboxForEach((fresh) => {
    sandbox = fresh
    for (const dir of [sandbox.dir, sandbox.dataDir]) chmodSync(dir, 0o755)
    files = join(sandbox.dir, 'upstream', 'files')
  })
  const serve = async (root: string, state: string) => {
    const server = await startWebServer('nginx', { root, state: join(sandbox.dir, state) })
    stops.push(server.stop)
    return server.url
  }

  it.for(WAYS)(
    'find all that they were promised: over %s, %o',
    { timeout: CHANGES * 10_000 + 60_000 },
    async ([kind, options], { task }) => {
      const repository = createRepository(files)
      const upstream = await serveUpstream(kind)
      const all = { ...options, keep_deleted: '6h', max_delete_percent: 100, max_shrink_percent: 100 }
      const sync = async () => {
        const report = await sandbox.sync({ kind, upstream, options: all })
        expect(report, report.message ?? '').toMatchObject({ outcome: 'success' })
      }
      await sync()
      const url = `${await serve(sandbox.dataDir, 'nginx')}/copy`
      const { rounds, failed } = await readWhile(startClient(sandbox.dir, url), repository, sync)
      expect(failed).toEqual({ updates: 0, downloads: 0, said: [] })
      expect(rounds).toBeGreaterThanOrEqual(CHANGES / 2)
      task.meta.figure = `apt over ${kind}, ${JSON.stringify(options)}: ${rounds} updates and downloads, 0 failed`
      await sandbox.sync({ kind, upstream, options: all, laterMs: 7 * 3_600_000 })
      const difference = await execute('diff', ['-r', files, `${sandbox.published}/`])
      expect(difference.stdout).toBe('')
    },
  )

  it(
    'may miss some where a bare rsync -a --delete makes the copy',
    async ({ task }) => {
      const repository = createRepository(files)
      const upstream = await serveUpstream('rsync')
      const sync = async () => void (await execute('rsync', ['-a', '--delete', upstream, `${sandbox.published}/`]))
      await sync()
      const url = `${await serve(sandbox.dataDir, 'nginx')}/copy`
      const { rounds, failed } = await readWhile(startClient(sandbox.dir, url), repository, sync)
      task.meta.figure =
        `apt beside a bare rsync -a --delete: ${failed.updates} of ${rounds} updates and ` +
        `${failed.downloads} of ${rounds} downloads failed; with keep_deleted none`
      expect(rounds).toBeGreaterThan(0)
    },
    CHANGES * 10_000 + 60_000,
  )

  async function serveUpstream(kind: string): Promise<string> {
    if (kind === 'http') return `${await serve(files, 'upstream-nginx')}/`
    const { url, stop } = await startRsyncUpstream({ dir: join(files, '..') })
    stops.push(stop)
    return url
  }
})

/** A repository with by-hash that keeps nothing old: each change replaces three packages, and the indices last. */
function createRepository(root: string): { change(): void } {
  const INDEX = 'main/binary-amd64/Packages'
  const versions = new Map(PACKAGES.map((name) => [name, 1]))
  const bodies = new Map<string, Buffer>()
  const fileOf = (name: string) => `pool/main/${name}_${versions.get(name)}_all.deb`
  let turn = 0
  let indexHash = ''
  const sha256 = (content: Buffer | string) => createHash('sha256').update(content).digest('hex')
  const stanza = (name: string) => {
    const file = fileOf(name)
    const body = bodies.get(file)!
    return (
      `Package: ${name}\nVersion: ${versions.get(name)}\nArchitecture: all\nMaintainer: x <x@example.org>\n` +
      `Filename: ${file}\nSize: ${body.length}\nSHA256: ${sha256(body)}\nDescription: ${name}\n`
    )
  }
  const publish = (old: readonly string[]) => {
    for (const name of PACKAGES) {
      const file = fileOf(name)
      if (!bodies.has(file)) bodies.set(file, randomBytes(20_000 + turn))
    }
    writeFiles(root, Object.fromEntries(PACKAGES.map((name) => [fileOf(name), bodies.get(fileOf(name))!])))
    const index = PACKAGES.map(stanza).join('\n')
    const byHash = (hash: string) => join('dists/stable/main/binary-amd64/by-hash/SHA256', hash)
    const before = indexHash
    indexHash = sha256(index)
    const release =
      `Suite: stable\nCodename: stable\nDate: ${new Date(Date.now() + turn * 1000).toUTCString()}\n` +
      `Acquire-By-Hash: yes\nArchitectures: amd64\nComponents: main\n` +
      `SHA256:\n ${indexHash} ${Buffer.byteLength(index)} ${INDEX}\n`
    writeFiles(root, { [byHash(indexHash)]: index, [`dists/stable/${INDEX}`]: index, 'dists/stable/Release': release })
    // Indices of one size that changed within one second would look the same to any mirror program.
    const at = 1_700_000_000 + turn * 120
    for (const path of [`dists/stable/${INDEX}`, 'dists/stable/Release']) utimesSync(join(root, path), at, at)
    for (const path of before ? [...old, byHash(before)] : old) rmSync(join(root, path))
  }
  publish([])
  return {
    change() {
      turn++
      const changed = [0, 1, 2].map((n) => PACKAGES[(turn * 3 + n) % PACKAGES.length]!)
      const old = changed.map(fileOf)
      for (const name of changed) versions.set(name, versions.get(name)! + 1)
      publish(old)
    },
  }
}

interface Client {
  update(): Promise<string | null>
  download(): Promise<string | null>
}

/** An apt with a root of its own; each call returns what went wrong, or null. */
function startClient(dir: string, url: string): Client {
  const root = join(dir, 'apt')
  for (const part of ['state/lists/partial', 'cache/archives/partial', 'empty', 'downloads'])
    mkdirSync(join(root, part), { recursive: true })
  writeFileSync(join(root, 'state/status'), '')
  writeFileSync(join(root, 'sources.list'), `deb [trusted=yes arch=amd64] ${url} stable main\n`)
  const options = [
    `Dir::State=${root}/state`,
    `Dir::State::lists=${root}/state/lists`,
    `Dir::State::status=${root}/state/status`,
    `Dir::Cache=${root}/cache`,
    `Dir::Cache::archives=${root}/cache/archives`,
    `Dir::Etc::sourcelist=${root}/sources.list`,
    `Dir::Etc::sourceparts=${root}/empty`,
    'APT::Architecture=amd64',
    'APT::Sandbox::User=',
    'APT::Update::Error-Mode=any',
    'Acquire::Languages=none',
    'Acquire::Retries=0',
    'Acquire::http::Proxy=DIRECT',
    'Debug::NoLocking=1',
  ].flatMap((option) => ['-o', option])
  const call = (args: readonly string[]) =>
    execute('apt-get', [...options, '-q', ...args], { cwd: join(root, 'downloads') }).then(
      () => null,
      (error: unknown) => String((error as { stderr?: string }).stderr || error).trim(),
    )
  return {
    update: () => call(['update']),
    download: async () => {
      const problem = await call(['download', ...DOWNLOADED])
      rmSync(join(root, 'downloads'), { recursive: true })
      mkdirSync(join(root, 'downloads'))
      return problem
    },
  }
}

interface Seen {
  readonly rounds: number
  readonly failed: { updates: number; downloads: number; said: string[] }
}

/** Lets a client read over and over while the upstream changes, each time at another step of the client. */
async function readWhile(client: Client, repository: { change(): void }, sync: () => Promise<void>): Promise<Seen> {
  const failed = { updates: 0, downloads: 0, said: [] as string[] }
  const steps = new EventEmitter()
  let rounds = 0
  let done = false
  const note = (what: 'updates' | 'downloads', problem: string | null) => {
    if (problem === null) return
    failed[what]++
    failed.said.push(problem)
  }
  const reading = (async () => {
    while (!done) {
      note('updates', await client.update())
      steps.emit('step')
      note('downloads', await client.download())
      rounds++
      steps.emit('step')
    }
  })()
  for (let n = 0; n < CHANGES; n++) {
    await once(steps, 'step')
    repository.change()
    await sync()
  }
  done = true
  await reading
  return { rounds, failed }
}
