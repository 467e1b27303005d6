// git.test.ts — git over ssh, from a real sshd: copies, changes, the deletion guard, and who is refused what.
import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { commit, ensureRepository, runChild, startSshUpstream, type SshUpstream } from '@kagami/demo'
import { beforeEach, describe, expect, it } from 'vitest'
import { sandboxForEach } from '../testing/kills.ts'
import { commandLines, mentions, type Sandbox, type SyncCall } from '../testing/sandbox.ts'

let sandbox: Sandbox
let server: SshUpstream
let repository: string
let known: string
const stops = sandboxForEach((fresh) => (sandbox = fresh))

const serve = async (more: Partial<Parameters<typeof startSshUpstream>[0]> = {}) => {
  const started = await startSshUpstream({ dir: join(sandbox.dir, 'sshd'), ...more })
  stops.push(started.stop)
  return started
}
const sync = (more: Partial<SyncCall> = {}) =>
  sandbox.sync({
    kind: 'git',
    upstream: `${server.url}${repository}`,
    ssh: { key: server.key, known_hosts: known },
    ...more,
  })
const tips = (gitDir: string) => runChild('git', [`--git-dir=${gitDir}`, 'for-each-ref'])
const isUpToDate = async (copy = sandbox.published) => expect(await tips(copy)).toBe(await tips(repository))
const git = (...args: string[]) => runChild('git', [`--git-dir=${repository}`, ...args])

beforeEach(async () => {
  repository = join(sandbox.dir, `it's a; $(touch trap) "repo".git`.replaceAll(' ', '_'))
  await ensureRepository(repository)
  await commit(repository, { message: 'one', files: { one: '1\n', big: 'x'.repeat(50_000) } })
  server = await serve()
  known = join(sandbox.dir, 'known hosts')
  writeFileSync(known, server.known)
})

describe('a repository over ssh', () => {
  it.each(['in-place', 'swap'])('is copied, followed and guarded (%s)', async (publish) => {
    const options = { publish }
    const first = await sync({ options })
    expect(first, first.message ?? '').toMatchObject({ outcome: 'success' })
    await isUpToDate()
    await commit(repository, { message: 'two', files: { two: '2\n' } })
    await git('branch', 'more')
    expect(await sync({ options })).toMatchObject({ outcome: 'success' })
    await isUpToDate()
    const before = await tips(sandbox.published)
    for (let n = 0; n < 30; n++) await commit(repository, { message: `m${n}`, files: { [`m${n}`]: `${n}` } })
    expect(await sync({ options })).toMatchObject({ outcome: 'success' })
    const whole = await tips(sandbox.published)
    expect(whole).not.toBe(before)
    const [head] = whole.split(' ')
    await git('branch', 'kept', (await git('rev-list', '--max-parents=0', head ?? '')).trim())
    for (const line of (await tips(repository)).trim().split('\n')) {
      const name = line.split('\t')[1]!
      if (name !== 'refs/heads/kept') await git('update-ref', '-d', name)
    }
    const held = await sync({ options })
    expect(held).toMatchObject({ outcome: 'held', reason: 'too_many_deletions' })
    expect(await tips(sandbox.published)).toBe(whole)
    expect(await sync({ options, task: { type: 'sync', approved: held.hold!.removed } })).toMatchObject({
      outcome: 'success',
    })
    await isUpToDate()
    expect(readdirSync(sandbox.dir)).not.toContain('trap')
  })

  it('is proved on request', async () => {
    await sync()
    const report = await sync({ task: { type: 'sync', approved: null, thorough: true } })
    expect(report).toMatchObject({ outcome: 'success', action: 'verify' })
  })

  it('takes a sealed key in place of that of worker.toml, and leaves no file of it', async () => {
    const key = readFileSync(server.key, 'utf8')
    const auth = { type: 'token', token: key.trim() } as const
    const stop = watchCommandLines()
    const report = await sync({ auth, ssh: { key: null, known_hosts: known } })
    const lines = stop()
    expect(report, report.message ?? '').toMatchObject({ outcome: 'success' })
    const secret = key.split('\n')[2]!
    expect(lines).toContain('ssh\0-F\0none\0-T\0')
    expect(lines).toContain('StrictHostKeyChecking=yes')
    expect(lines).not.toContain(secret)
    expect(readdirSync(join(sandbox.dataDir, '.kagami', 'ssh'))).toEqual([])
    expect(mentions(sandbox.dataDir, secret)).toBe(false)
    expect(JSON.stringify(report)).not.toContain(secret)
  })

  it('takes a sealed key whose lines were lost on the way', async () => {
    const token = readFileSync(server.key, 'utf8').replaceAll('\n', '')
    const report = await sync({ auth: { type: 'token', token }, ssh: { key: null, known_hosts: known } })
    expect(report, report.message ?? '').toMatchObject({ outcome: 'success' })
  })

  it('is refused with what to install where there is no ssh', async () => {
    const path = process.env['PATH']
    process.env['PATH'] = '/nonexistent'
    try {
      const report = await sync()
      expect(report).toMatchObject({ outcome: 'failed', reason: 'tool_missing' })
      expect(report.hint).toContain('openssh-client')
    } finally {
      process.env['PATH'] = path
    }
  })

  it('uses neither an agent nor the configuration of the user', async () => {
    const trap = join(sandbox.dir, 'agent')
    let asked = 0
    const agent = createServer((socket) => void (asked++, socket.destroy())).listen(trap)
    stops.push(() => new Promise((resolve) => agent.close(() => resolve())))
    const before = process.env['SSH_AUTH_SOCK']
    process.env['SSH_AUTH_SOCK'] = trap
    try {
      expect(await sync()).toMatchObject({ outcome: 'success' })
    } finally {
      if (before === undefined) delete process.env['SSH_AUTH_SOCK']
      else process.env['SSH_AUTH_SOCK'] = before
    }
    expect(asked).toBe(0)
  })
})

/** Collects command lines until it is stopped, and returns them. */
function watchCommandLines(): () => string {
  const seen = new Set<string>()
  const timer = setInterval(() => {
    for (const line of commandLines().split('\n')) seen.add(line)
  }, 1)
  return () => {
    clearInterval(timer)
    return [...seen].join('\n')
  }
}

describe('a host', () => {
  it('that is not known is not believed, and the hint says how it becomes known', async () => {
    const report = await sync({ ssh: { key: server.key, known_hosts: null } })
    expect(report).toMatchObject({ outcome: 'failed', reason: 'upstream_unreachable' })
    expect(report.message).toContain('is not known on this worker')
    expect(report.hint).toContain(`kagami workers hosts add [127.0.0.1]:${server.port}`)
    expect(existsSync(sandbox.published)).toBe(false)
  })

  it('is known by what was learned below data_dir', async () => {
    mkdirSync(join(sandbox.dataDir, '.kagami'), { recursive: true })
    writeFileSync(join(sandbox.dataDir, '.kagami', 'known_hosts'), server.known)
    expect(await sync({ ssh: { key: server.key, known_hosts: null } })).toMatchObject({ outcome: 'success' })
  })

  it('that shows another key than it had is refused with both fingerprints, and the copy stays', async () => {
    await sync()
    const before = await tips(sandbox.published)
    const other = join(sandbox.dir, 'other')
    await runChild('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', other])
    const [type, key] = readFileSync(`${other}.pub`, 'utf8').split(' ')
    writeFileSync(known, `[127.0.0.1]:${server.port} ${type} ${key}\n`)
    const report = await sync()
    expect(report).toMatchObject({ outcome: 'failed', reason: 'upstream_unreachable' })
    const fingerprint = async (file: string) => (await runChild('ssh-keygen', ['-l', '-f', file])).split(' ')[1]!
    expect(report.message).toContain(await fingerprint(server.hostKey))
    expect(report.message).toContain(await fingerprint(`${other}.pub`))
    expect(await tips(sandbox.published)).toBe(before)
  })

  it('whose key is revoked is refused', async () => {
    writeFileSync(known, `@revoked * ${server.known.split(' ').slice(1).join(' ')}${server.known}`)
    const report = await sync()
    expect(report).toMatchObject({ outcome: 'failed', reason: 'upstream_unreachable' })
    expect(report.message).toContain('revoked')
  })

  it('that closes its port is not reached', async () => {
    await server.stop()
    const report = await sync()
    expect(report).toMatchObject({ outcome: 'failed', reason: 'upstream_unreachable' })
    expect(report.message).toContain('Connection refused')
  })

  it('that takes the connection and says nothing ends with the sync at the latest', async () => {
    const silent = createServer((socket) => void socket.on('error', () => {}).resume()).listen(0, '127.0.0.1')
    stops.push(() => new Promise((resolve) => silent.close(() => resolve())))
    await new Promise((resolve) => silent.once('listening', resolve))
    const { port } = silent.address() as { port: number }
    const report = await sync({ upstream: `ssh://git@127.0.0.1:${port}/x.git`, timeoutSeconds: 2 })
    expect(report).toMatchObject({ outcome: 'failed', reason: 'timed_out' })
  })

  it('is reached at the address that was checked, and known by its name', async () => {
    writeFileSync(known, server.known.replace('127.0.0.1', 'git.invalid'))
    const upstream = `ssh://${server.user}@git.invalid:${server.port}${repository}`
    expect(await sync({ upstream, foundAt: '127.0.0.1' })).toMatchObject({ outcome: 'success' })
  })

  it('at a private address is refused where only public ones are allowed', async () => {
    expect(await sync({ publicOnly: true })).toMatchObject({ outcome: 'failed', reason: 'address_forbidden' })
  })
})

describe('a key', () => {
  it('that the upstream does not know, or no longer, is refused', async () => {
    writeFileSync(join(sandbox.dir, 'sshd', 'authorized'), '')
    expect(await sync()).toMatchObject({ outcome: 'failed', reason: 'auth_rejected' })
  })

  it('that the upstream has revoked is refused, and the copy stays', async () => {
    await sync()
    const before = await tips(sandbox.published)
    await server.stop()
    server = await serve({ port: server.port, settings: [`RevokedKeys ${server.key}.pub`] })
    const report = await sync()
    expect(report).toMatchObject({ outcome: 'failed', reason: 'auth_rejected' })
    expect(report.hint).toContain('public half')
    expect(await tips(sandbox.published)).toBe(before)
  })

  it('that others may read is refused with the cure', async () => {
    chmodSync(server.key, 0o644)
    const report = await sync()
    expect(report).toMatchObject({ outcome: 'failed', reason: 'auth_rejected' })
    expect(report.hint).toContain(`chmod 600 ${server.key}`)
    chmodSync(server.key, 0o600)
    expect(await sync()).toMatchObject({ outcome: 'success' })
  })

  it('that is missing, has a passphrase, or is none is refused by its name', async () => {
    const missing = join(sandbox.dir, 'missing')
    const locked = join(sandbox.dir, 'locked')
    await runChild('ssh-keygen', ['-q', '-t', 'ed25519', '-N', 'a passphrase', '-f', locked])
    for (const key of [missing, locked, `${server.key}.pub`]) {
      if (existsSync(key)) chmodSync(key, 0o600)
      const report = await sync({ ssh: { key, known_hosts: known } })
      expect(report).toMatchObject({ outcome: 'failed', reason: 'auth_rejected' })
      expect(report.message).toContain(key)
    }
    expect(await sync({ ssh: { key: null, known_hosts: known } })).toMatchObject({ reason: 'auth_rejected' })
  })
})

describe('an upstream that lets us in', () => {
  it('and runs something else is told apart from one that is gone', async () => {
    await server.stop()
    server = await serve({ port: server.port, restriction: 'command="echo Interactive shell is disabled >&2; exit 1"' })
    const report = await sync()
    expect(report).toMatchObject({ outcome: 'failed', reason: 'upstream_refused' })
    expect(report.message).toContain('Interactive shell is disabled')
  })

  it('and has no such repository says so', async () => {
    const report = await sync({ upstream: `${server.url}/nowhere/x.git` })
    expect(report).toMatchObject({ outcome: 'failed', reason: 'upstream_missing' })
  })
})
