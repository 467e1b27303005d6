// trials.test.ts — Real upstreams of each kind are tried: those that work, refuse, are missing, hang, want credentials,
// or may not be connected to; and nothing of a trial is left behind.
import { readdirSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import {
  commit,
  ensureRepository,
  startGitUpstream,
  startHttpUpstream,
  startRsyncUpstream,
  writeFiles,
  type Credentials,
} from '@kagami/demo'
import { checkFor, TryReply, type Auth, type ReplicaSpec, type Trial } from '@kagami/protocol'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { findMarked } from '../programs/orphans.ts'
import { createSandbox, type Sandbox } from '../testing/sandbox.ts'
import { openTrials, type TrialCall, type TrialSettings } from '../testing/try-upstream.ts'
import type { Trials } from './trials.ts'

const BOB: Credentials = { username: 'bob', password: 'correct-horse-battery' }
const auth: Auth = { type: 'basic', ...BOB }

let sandbox: Sandbox
let trials: Trials
let stops: (() => Promise<void>)[]
let ask: (call: TrialCall) => Promise<TryReply>

async function open(settings: TrialSettings = {}): Promise<void> {
  ;({ trials, ask } = await openTrials(sandbox, settings))
}

async function tried(call: TrialCall): Promise<Trial> {
  const reply = await ask(call)
  expect(checkFor(TryReply).ok(reply)).toBe(true)
  expect(reply.busy_with).toBeNull()
  return reply.trial!
}

const stepsOf = ({ steps }: Trial) => steps.map(({ what, ok }) => `${ok ? '✓' : '✕'} ${what}`)
const lastOf = ({ steps }: Trial) => steps.at(-1)?.detail ?? ''

beforeEach(async () => {
  sandbox = createSandbox()
  stops = []
  await open()
})

// Whatever was tried, and however it ended.
afterEach(async () => {
  await trials.stop()
  for (const stop of stops) await stop()
  expect(findMarked(sandbox.dataDir)).toEqual([])
  expect(readdirSync(sandbox.dataDir, { recursive: true })).toEqual([])
  sandbox.remove()
})

async function serve<Served extends { stop: () => Promise<void> }>(starting: Promise<Served>): Promise<Served> {
  const served = await starting
  stops.push(served.stop)
  return served
}

/** Takes connections and says nothing. */
async function startSilent(): Promise<number> {
  const server = createServer((socket) => void socket.on('error', () => {}).resume()).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  stops.push(() => new Promise((resolve) => server.close(() => resolve())))
  return (server.address() as AddressInfo).port
}

/** A port at which nobody listens. */
async function findClosed(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

describe('an upstream over http', () => {
  const dir = () => join(sandbox.dir, 'www')
  const start = (wanted?: Credentials) => serve(startHttpUpstream({ dir: dir(), listings: true, auth: wanted }))
  beforeEach(() => writeFiles(dir(), { 'a.iso': 'x'.repeat(1234), 'pool/b': 'b', 'pool/c': 'c', 'page.iso': '<html>' }))

  it('that has a file is said to, with its size', async () => {
    const trial = await tried({ kind: 'http', upstream: `${(await start()).url}/a.iso` })
    expect(trial).toMatchObject({ ok: true, reason: null, hint: null })
    expect(stepsOf(trial)).toEqual(['✓ address', '✓ connection', '✓ answer'])
    expect(lastOf(trial)).toBe('the file a.iso, 1234 bytes')
    expect(trial.free_bytes).toBeGreaterThan(0)
  })

  it('that has a directory is said to, with what is in it', async () => {
    const trial = await tried({ kind: 'http', upstream: `${(await start()).url}/` })
    expect(trial.ok).toBe(true)
    expect(lastOf(trial)).toMatch(/^a listing of \w+ with 1 folders and 2 files/)
  })

  it('that sends a web page in place of a file would fail a sync', async () => {
    const trial = await tried({ kind: 'http', upstream: `${(await start()).url}/page.iso` })
    expect(trial).toMatchObject({ ok: false, reason: 'content_invalid' })
  })

  it('that does not have the file says so, with what to do', async () => {
    const trial = await tried({ kind: 'http', upstream: `${(await start()).url}/none` })
    expect(trial).toMatchObject({ ok: false, reason: 'upstream_missing', hint: expect.stringContaining('path') })
    expect(stepsOf(trial)).toEqual(['✓ address', '✓ connection', '✕ answer'])
    expect(lastOf(trial)).toContain('404')
  })

  it('that refuses connections fails at that step', async () => {
    const trial = await tried({ kind: 'http', upstream: `http://127.0.0.1:${await findClosed()}/` })
    expect(trial).toMatchObject({ ok: false, reason: 'upstream_unreachable' })
    expect(stepsOf(trial)).toEqual(['✓ address', '✕ connection'])
    expect(lastOf(trial)).toContain('refuses connections')
  })

  it('whose name is not known fails at that step', async () => {
    const trial = await tried({ kind: 'http', upstream: 'http://nobody.invalid/' })
    expect([trial.reason, stepsOf(trial)]).toEqual(['upstream_unreachable', ['✕ dns']])
  })

  it('that is no TLS server fails there', async () => {
    const { port } = await start()
    const trial = await tried({ kind: 'http', upstream: `https://127.0.0.1:${port}/` })
    expect([trial.reason, stepsOf(trial)]).toEqual(['upstream_unreachable', ['✓ address', '✓ connection', '✕ tls']])
  })

  it('that wants credentials takes sealed ones, which no line has', async () => {
    const upstream = `${(await start(BOB)).url}/a.iso`
    expect(await tried({ kind: 'http', upstream })).toMatchObject({ ok: false, reason: 'auth_rejected' })
    const trial = await tried({ kind: 'http', upstream, auth })
    expect(trial.ok).toBe(true)
    expect(JSON.stringify(trial)).not.toContain(BOB.password)
  })

  it('gets no credentials that were sealed for another', async () => {
    const { url } = await start(BOB)
    const call = { kind: 'http', upstream: `${url}/a.iso`, auth }
    const trial = await tried({ ...call, sealedFor: 'http://other.invalid/' })
    expect([trial.reason, stepsOf(trial)]).toEqual(['auth_rejected', ['✕ settings']])
    expect((await tried(call)).ok).toBe(true)
  })

  it('that repeats the password in its redirect has it masked', async () => {
    const secret = encodeURIComponent(BOB.password)
    const served = await serve(
      startHttpUpstream({
        dir: dir(),
        intercept: (request, response) => {
          if (!request.url?.startsWith('/from')) return false
          response.writeHead(302, { location: `/a.iso?${secret}` }).end()
          return true
        },
      }),
    )
    const trial = await tried({ kind: 'http', upstream: `${served.url}/from`, auth })
    expect(trial.ok).toBe(true)
    expect(lastOf(trial)).toMatch(/redirected to .*\*\*\*/)
    expect(JSON.stringify(trial)).not.toContain(BOB.password)
  })
})

describe('an upstream of rsync', () => {
  const start = (wanted?: Credentials) => serve(startRsyncUpstream({ dir: join(sandbox.dir, 'up'), auth: wanted }))
  beforeEach(() => writeFiles(join(sandbox.dir, 'up', 'files'), { a: 'a', b: 'b', 'd/e/f': 'f' }))

  it('that has the module is said to, with what is at its top', async () => {
    const trial = await tried({ kind: 'rsync', upstream: (await start()).url })
    expect(trial.ok).toBe(true)
    expect(lastOf(trial)).toMatch(/^module \w+: 1 folders and 2 files at its top$/)
  })

  it('that does not have the module says so', async () => {
    const trial = await tried({ kind: 'rsync', upstream: `rsync://127.0.0.1:${(await start()).port}/none/` })
    expect(trial).toMatchObject({ ok: false, reason: 'upstream_missing' })
    expect(stepsOf(trial).at(-1)).toBe('✕ answer')
  })

  it('that wants a password takes it', async () => {
    const { url: upstream } = await start(BOB)
    expect(await tried({ kind: 'rsync', upstream })).toMatchObject({ ok: false, reason: 'auth_rejected' })
    expect((await tried({ kind: 'rsync', upstream, auth })).ok).toBe(true)
  })
})

describe('an upstream of git', () => {
  const dir = () => join(sandbox.dir, 'repositories')
  const start = (wanted?: Credentials) => serve(startGitUpstream({ dir: dir(), auth: wanted }))

  beforeEach(async () => {
    await ensureRepository(join(dir(), 'tool.git'))
    await commit(join(dir(), 'tool.git'), { message: 'one', files: { file: 'text' } })
  })

  it('is said to have its refs, and a default branch', async () => {
    const trial = await tried({ kind: 'git', upstream: `${(await start()).url}/tool.git` })
    expect(trial.ok).toBe(true)
    expect(lastOf(trial)).toMatch(/^\d+ refs: \d+ branches, \d+ tags; default branch \w+$/)
  })

  it('that has no such repository says so', async () => {
    const trial = await tried({ kind: 'git', upstream: `${(await start()).url}/none.git` })
    expect(trial).toMatchObject({ ok: false, reason: 'upstream_missing' })
  })

  it('that wants credentials takes them', async () => {
    const upstream = `${(await start(BOB)).url}/tool.git`
    expect(await tried({ kind: 'git', upstream })).toMatchObject({ ok: false, reason: 'auth_rejected' })
    expect((await tried({ kind: 'git', upstream, auth })).ok).toBe(true)
  })

  it('in a folder of the worker is found below upstream_roots alone', async () => {
    const upstream = `file://${dir()}/tool.git`
    expect(await tried({ kind: 'git', upstream })).toMatchObject({ ok: false, reason: 'address_forbidden' })
    await open({ env: { KAGAMI_UPSTREAM_ROOTS: JSON.stringify([sandbox.dir]) } })
    const trial = await tried({ kind: 'git', upstream })
    expect([trial.ok, stepsOf(trial)]).toEqual([true, ['✓ address', '✓ answer']])
  })
})

describe('a command', () => {
  it('is looked up in worker.toml and not started', async () => {
    const started = join(sandbox.dir, 'started')
    const commands = JSON.stringify([{ name: 'touch', command: ['/usr/bin/touch', started] }])
    await open({ env: { KAGAMI_COMMANDS: commands } })
    const trial = await tried({ kind: 'command', upstream: 'http://127.0.0.1/', options: { command: 'touch' } })
    expect([trial.ok, stepsOf(trial)]).toEqual([true, ['✓ settings']])
    expect(readdirSync(sandbox.dir)).not.toContain('started')
    const other = await tried({ kind: 'command', upstream: 'http://127.0.0.1/', options: { command: 'other' } })
    expect(other).toMatchObject({ ok: false, reason: 'invalid_options' })
  })
})

describe('the guards of a sync', () => {
  it('hold for a trial: link-local addresses never, private ones where only public ones are allowed', async () => {
    const metadata = await tried({ kind: 'http', upstream: 'http://169.254.169.254/latest/' })
    expect([metadata.reason, stepsOf(metadata)]).toEqual(['address_forbidden', ['✕ address']])
    await open({ env: { KAGAMI_UPSTREAM_POLICY: 'public-only' } })
    for (const [kind, scheme] of Object.entries({ http: 'http', git: 'git', rsync: 'rsync' })) {
      const trial = await tried({ kind, upstream: `${scheme}://127.0.0.1/x/` })
      expect([kind, trial.reason, stepsOf(trial)]).toEqual([kind, 'address_forbidden', ['✕ address']])
    }
  })

  it('refuse options that cannot be, and kinds that are not there', async () => {
    const trial = await tried({ kind: 'http', upstream: 'http://127.0.0.1/', options: { parallel: 0 } })
    expect([trial.reason, stepsOf(trial)]).toEqual(['invalid_options', ['✕ settings']])
    expect((await tried({ kind: 'tape', upstream: 'tape://x/' })).reason).toBe('kind_unknown')
  })
})

describe('an upstream that says nothing', () => {
  it.each([
    ['http', (port: number) => `http://127.0.0.1:${port}/`],
    ['https', (port: number) => `https://127.0.0.1:${port}/`],
    ['git', (port: number) => `git://127.0.0.1:${port}/x.git`],
    ['rsync', (port: number) => `rsync://127.0.0.1:${port}/x/`],
  ])('over %s is given up when the time is over, with the programs that asked it', async (kind, address) => {
    await open({ limitMs: 1500 })
    const trial = await tried({ kind: kind === 'https' ? 'http' : kind, upstream: address(await startSilent()) })
    expect(trial).toMatchObject({ ok: false, reason: 'timed_out' })
    expect(lastOf(trial)).toBe('there was no answer within 1.5 s')
  })

  it('ends when the worker stops', async () => {
    const upstream = `rsync://127.0.0.1:${await startSilent()}/x/`
    const asked = tried({ kind: 'rsync', upstream })
    while (findMarked(sandbox.dataDir).length === 0) await new Promise((resolve) => setImmediate(resolve))
    await trials.stop()
    expect(await asked).toMatchObject({ ok: false, reason: 'interrupted' })
  })

  it('makes another trial wait its turn, which says what is tried', async () => {
    await open({ limitMs: 1500 })
    const upstream = `http://127.0.0.1:${await startSilent()}/`
    const first = tried({ kind: 'http', upstream })
    expect(await ask({ kind: 'http', upstream: 'http://127.0.0.1/' })).toEqual({ trial: null, busy_with: upstream })
    expect((await first).reason).toBe('timed_out')
    expect((await ask({ kind: 'http', upstream: 'http://169.254.1.1/' })).trial).not.toBeNull()
  })
})

describe('a replica of worker.toml', () => {
  it('is tried with the credentials that worker.toml has, and at its own upstream alone', async () => {
    writeFiles(join(sandbox.dir, 'www'), { a: 'a', b: 'b' })
    const { url } = await serve(startHttpUpstream({ dir: join(sandbox.dir, 'www'), auth: BOB }))
    const provider = { name: 'own', kind: 'http', upstream: `${url}/a`, auth: { ...auth, password: BOB.password } }
    const known: ReplicaSpec = {
      replica_id: 'r-own',
      name: 'own',
      kind: 'http',
      upstream: `${url}/a`,
      interval_secs: null,
      labels: {},
      options: {},
      origin: 'config',
    }
    await open({ env: { KAGAMI_PROVIDERS: JSON.stringify([provider]) }, known })
    const call = { kind: 'http', replicaId: 'r-own' }
    expect((await tried({ ...call, upstream: `${url}/a` })).ok).toBe(true)
    expect((await tried({ ...call, upstream: `${url}/b` })).reason).toBe('auth_rejected')
  })
})
