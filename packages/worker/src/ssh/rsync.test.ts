// rsync.test.ts — rsync over ssh, from a real sshd: copies, changes, the deletion guard, and who is refused what.
import { readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { runChild, startSshUpstream, writeFiles, type SshUpstream } from '@kagami/demo'
import { beforeEach, describe, expect, it } from 'vitest'
import { sandboxForEach } from '../testing/kills.ts'
import { commandLines, mentions, readTree, type Sandbox, type SyncCall } from '../testing/sandbox.ts'

let sandbox: Sandbox
let server: SshUpstream
let folder: string
let known: string
const stops = sandboxForEach((fresh) => (sandbox = fresh))

const serve = async (more: Partial<Parameters<typeof startSshUpstream>[0]> = {}) => {
  const started = await startSshUpstream({ dir: join(sandbox.dir, 'sshd'), ...more })
  stops.push(started.stop)
  return started
}
const sync = (more: Partial<SyncCall> = {}) =>
  sandbox.sync({
    kind: 'rsync',
    upstream: `${server.url}${folder}/`,
    ssh: { key: server.key, known_hosts: known },
    ...more,
  })
const isUpToDate = () => expect(readTree(sandbox.published)).toEqual(readTree(folder))

beforeEach(async () => {
  folder = join(sandbox.dir, 'up')
  writeFiles(folder, Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`d/f${n}`, `${n}\n`.repeat(1000)])))
  server = await serve()
  known = join(sandbox.dir, "known it's hosts")
  writeFileSync(known, server.known)
})

describe('a folder over ssh', () => {
  it.each(['in-place', 'swap'])('is copied, followed and guarded (%s)', async (publish) => {
    const options = { publish }
    const first = await sync({ options })
    expect(first, first.message ?? '').toMatchObject({ outcome: 'success', files: 40 })
    isUpToDate()
    writeFileSync(join(folder, 'd', 'f0'), 'changed')
    writeFileSync(join(folder, 'new'), 'new')
    rmSync(join(folder, 'd', 'f1'))
    expect(await sync({ options })).toMatchObject({ outcome: 'success' })
    isUpToDate()
    const before = readTree(sandbox.published)
    for (const name of readdirSync(join(folder, 'd')).slice(3)) rmSync(join(folder, 'd', name))
    const held = await sync({ options })
    expect(held).toMatchObject({ outcome: 'held', reason: 'too_many_deletions' })
    expect(readTree(sandbox.published)).toEqual(before)
    const task = { type: 'sync', approved: held.hold!.removed } as const
    expect(await sync({ options, task })).toMatchObject({ outcome: 'success' })
    isUpToDate()
  })

  it('shows no key in command lines, log or report', async () => {
    const key = readFileSync(server.key, 'utf8')
    const secret = key.split('\n')[2]!
    const seen = new Set<string>()
    const timer = setInterval(() => seen.add(commandLines()), 1)
    const auth = { type: 'token', token: key } as const
    const report = await sync({ auth, ssh: { key: null, known_hosts: known } })
    clearInterval(timer)
    expect(report, report.message ?? '').toMatchObject({ outcome: 'success' })
    expect([...seen].join('\n')).not.toContain(secret)
    expect(mentions(sandbox.dataDir, secret)).toBe(false)
    expect(JSON.stringify(report)).not.toContain(secret)
    expect(readdirSync(join(sandbox.dataDir, '.kagami', 'ssh'))).toEqual([])
  })

  it('is asked first for the file of the option probe', async () => {
    writeFileSync(join(folder, 'trace'), 'one')
    const options = { probe: 'trace' }
    expect(await sync({ options })).toMatchObject({ outcome: 'success' })
    const report = await sync({ options, files: 41, sizeBytes: 1 })
    expect(report).toMatchObject({ outcome: 'success' })
    isUpToDate()
  })
})

describe('a host', () => {
  it('that is not known, or shows another key, is not believed', async () => {
    const unknown = await sync({ ssh: { key: server.key, known_hosts: null } })
    expect(unknown).toMatchObject({ outcome: 'failed', reason: 'upstream_unreachable' })
    expect(unknown.hint).toContain('kagami workers hosts add')
    await sync()
    const before = readTree(sandbox.published)
    const other = join(sandbox.dir, 'other')
    await runChild('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', other])
    const [type, key] = readFileSync(`${other}.pub`, 'utf8').split(' ')
    writeFileSync(known, `[127.0.0.1]:${server.port} ${type} ${key}\n`)
    const changed = await sync()
    expect(changed).toMatchObject({ outcome: 'failed', reason: 'upstream_unreachable' })
    expect(changed.message).toContain('shows another key than it had')
    expect(readTree(sandbox.published)).toEqual(before)
  })

  it('that closes its port is not reached', async () => {
    await server.stop()
    expect(await sync()).toMatchObject({ outcome: 'failed', reason: 'upstream_unreachable' })
  })

  it('that takes the connection and says nothing ends with the sync at the latest', async () => {
    const silent = createServer((socket) => void socket.on('error', () => {}).resume()).listen(0, '127.0.0.1')
    stops.push(() => new Promise((resolve) => silent.close(() => resolve())))
    await new Promise((resolve) => silent.once('listening', resolve))
    const { port } = silent.address() as { port: number }
    const report = await sync({ upstream: `ssh://me@127.0.0.1:${port}/x/`, timeoutSeconds: 2 })
    expect(report).toMatchObject({ outcome: 'failed', reason: 'timed_out' })
  })

  it('is reached at the address that was checked, and known by its name', async () => {
    writeFileSync(known, server.known.replace('127.0.0.1', 'files.invalid'))
    const upstream = `ssh://${server.user}@files.invalid:${server.port}${folder}/`
    expect(await sync({ upstream, foundAt: '127.0.0.1' })).toMatchObject({ outcome: 'success' })
  })
})

describe('an upstream', () => {
  it('that no longer takes the key, or has no such folder, says so', async () => {
    expect(await sync({ upstream: `${server.url}/nowhere/` })).toMatchObject({ reason: 'upstream_missing' })
    writeFileSync(join(sandbox.dir, 'sshd', 'authorized'), '')
    expect(await sync()).toMatchObject({ outcome: 'failed', reason: 'auth_rejected' })
  })

  it('that runs something else than rsync loses nothing of the copy', async () => {
    await sync()
    const before = readTree(sandbox.published)
    await server.stop()
    server = await serve({ port: server.port, restriction: 'command="echo rsync is not allowed >&2; exit 1"' })
    const report = await sync()
    expect(report).toMatchObject({ outcome: 'failed', reason: 'upstream_refused' })
    expect(report.message).toContain('rsync is not allowed')
    expect(readTree(sandbox.published)).toEqual(before)
  })
})
