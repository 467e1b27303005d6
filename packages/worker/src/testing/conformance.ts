// conformance.ts — What every kind must keep, run against a real upstream of each. A new provider passes this or is
// none.
import { chmodSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { findMarked } from '../programs/orphans.ts'
import { knowsItsDisk, takesOverWhatFits } from './conformance-folder.ts'
import { prepareStage, type Conformance, type Stage } from './conformance-stage.ts'
import { commandLines, mentions, readTree, startStallingProxy } from './sandbox.ts'
import { openTrials } from './try-upstream.ts'

const SECRET = 'correct-horse-battery'

/** Runs the suite for one kind. */
export function providerConformance(conformance: Conformance): void {
  const kind = conformance.form ? `${conformance.kind} (${conformance.form})` : conformance.kind
  describe(`a mirror of kind ${kind}`, () => {
    const stage = prepareStage(conformance)
    followsItsUpstream(stage)
    isProvedOnRequest(stage)
    isKept(stage)
    isTried(stage)
    knowsItsDisk(stage)
    takesOverWhatFits(stage)
    endsWhenItMust(stage)
    touchesNothingElse(stage)
  })
  describe(`a mirror of kind ${kind} with a password`, () =>
    keepsItsPassword(prepareStage(conformance, { username: 'bob', password: SECRET })))
}

function followsItsUpstream({ kind, sandbox, subject, sync }: Stage): void {
  it('has the bytes of its upstream after the first sync', async () => {
    expect(await sync()).toMatchObject({ outcome: 'success', reason: null, kind })
    await subject().expectSame(sandbox().published)
  })

  it('stays as it is when the upstream did not change', async () => {
    await sync()
    expect(await sync()).toMatchObject({ outcome: 'success' })
    await subject().expectSame(sandbox().published)
  })

  it('follows what was added, changed and removed', async () => {
    await sync()
    await subject().change()
    expect(await sync()).toMatchObject({ outcome: 'success' })
    await subject().expectSame(sandbox().published)
  })
}

/** Requested with `kagami replicas verify`. */
const VERIFY = { task: { type: 'sync', approved: null, thorough: true } } as const

function isProvedOnRequest({ sandbox, subject, sync }: Stage): void {
  it('is looked at as a whole when somebody asks for it, and stays as it is when it is whole', async () => {
    await sync()
    const before = readTree(sandbox().published)
    const report = await sync(VERIFY)
    expect(report).toMatchObject({ outcome: 'success', action: 'verify' })
    expect(report.message).not.toBeNull()
    expect(readTree(sandbox().published)).toEqual(before)
  })

  it('is mended by that when the disk changed a byte, and the report says so', async () => {
    await sync()
    flipByte(sandbox().published)
    const report = await sync(VERIFY)
    expect(report).toMatchObject({ outcome: 'success', action: 'verify' })
    expect(report.message).toMatch(/other bytes|damaged/)
    await subject().expectSame(sandbox().published)
    expect(await sync(VERIFY)).toMatchObject({ outcome: 'success' })
  })
}

/** Changes a byte in the middle of the largest file; its size and times stay. */
function flipByte(folder: string): void {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  const [largest] = files
    .map((entry) => join(entry.parentPath, entry.name))
    .sort((a, b) => statSync(b).size - statSync(a).size)
  const bytes = readFileSync(largest!)
  const { atime, mtime } = statSync(largest!)
  const middle = Math.floor(bytes.length / 2)
  bytes[middle] = bytes[middle]! ^ 0xff
  chmodSync(largest!, 0o644)
  writeFileSync(largest!, bytes)
  utimesSync(largest!, atime, mtime)
}

function isKept({ sandbox, subject, sync }: Stage): void {
  const disasters: [string, string, () => Promise<void>][] = [
    ['is suddenly empty', 'upstream_empty', () => subject().empty()],
    ['vanishes', 'upstream_missing', () => subject().vanish()],
    ['does not answer', 'upstream_unreachable', () => subject().stop()],
  ]
  it.each(disasters)('is kept when the upstream %s, and the report says so', async (_what, reason, happen) => {
    await sync()
    const before = readTree(sandbox().published)
    await happen()
    const report = await sync()
    expect(report).toMatchObject({ outcome: reason === 'upstream_empty' ? 'held' : 'failed', reason })
    expect(report.message).not.toBe('')
    expect(readTree(sandbox().published)).toEqual(before)
  })
}

function isTried({ kind, sandbox, subject }: Stage): void {
  it('begins with an upstream that can be tested, of which nothing is written', async () => {
    const { upstream, call } = subject()
    const { ask } = await openTrials(sandbox(), { commands: call?.commands })
    const { trial } = await ask({ kind, upstream, options: call?.options })
    expect(trial).toMatchObject({ ok: true, reason: null, steps: expect.arrayContaining([expect.anything()]) })
    expect(readdirSync(sandbox().dataDir)).toEqual([])
  })
}

function endsWhenItMust({ sandbox, subject, sync }: Stage): void {
  const behind = (port: number) => subject().upstream.replace(`:${subject().port}`, `:${port}`)

  it('shows nothing of a first sync that was cancelled half-way, and leaves no process behind', async () => {
    const proxy = await startStallingProxy(subject().port, 100_000)
    const stop = new AbortController()
    void proxy.stalled.then(() => stop.abort('cancelled'))
    const report = await sync({ upstream: behind(proxy.port), signal: stop.signal })
    await proxy.stop()
    expect(report).toMatchObject({ outcome: 'cancelled', reason: 'cancelled' })
    expect(readdirSync(sandbox().dataDir)).toEqual(['.kagami'])
    expect(findMarked(`${sandbox().dataDir}:`)).toEqual([])
    expect(await sync()).toMatchObject({ outcome: 'success' })
    await subject().expectSame(sandbox().published)
  })

  it('ends a sync that takes longer than its limit', async () => {
    const proxy = await startStallingProxy(subject().port, 100_000)
    const report = await sync({ upstream: behind(proxy.port), timeoutSeconds: 1 })
    await proxy.stop()
    expect(report).toMatchObject({ outcome: 'failed', reason: 'timed_out' })
  })
}

function touchesNothingElse({ kind, tool, sandbox, sync }: Stage): void {
  it('does not touch the mirror of another replica', async () => {
    await sync({ name: 'other', replicaId: 'replica-2' })
    const before = readTree(join(sandbox().dataDir, 'other'))
    const report = await sandbox().sync({
      kind: kind === 'git' ? 'http' : 'git',
      upstream: 'http://127.0.0.1:1/x',
      name: 'other',
      replicaId: 'replica-3',
    })
    expect(report).toMatchObject({ outcome: 'failed', reason: 'local_conflict' })
    expect(report.message).toContain(join(sandbox().dataDir, 'other'))
    expect(readTree(join(sandbox().dataDir, 'other'))).toEqual(before)
  })

  it('names the program that is not installed', async () => {
    const path = process.env.PATH
    process.env.PATH = '/nonexistent'
    try {
      const report = await sync()
      if (tool === null) return expect(report.outcome).toBe('success')
      expect(report).toMatchObject({ outcome: 'failed', reason: 'tool_missing' })
      expect(report.message).toContain(tool)
    } finally {
      process.env.PATH = path
    }
  })
}

function keepsItsPassword({ sandbox, subject, sync }: Stage): void {
  it('says that credentials are wrong or missing', async () => {
    expect(await sync({ auth: { type: 'basic', username: 'bob', password: 'not-this-one' } })).toMatchObject({
      outcome: 'failed',
      reason: 'auth_rejected',
    })
    expect(await sync()).toMatchObject({ outcome: 'failed', reason: 'auth_rejected' })
  })

  it('shows the password in no argument, log, report or file', async () => {
    const state = { seen: '', done: false }
    const running = sync({ auth: { type: 'basic', username: 'bob', password: SECRET } }).finally(
      () => (state.done = true),
    )
    while (!state.done) {
      state.seen += commandLines()
      await new Promise((resolve) => setImmediate(resolve))
    }
    const report = await running
    expect(report).toMatchObject({ outcome: 'success' })
    await subject().expectSame(sandbox().published)
    for (const secret of [SECRET, Buffer.from(`bob:${SECRET}`).toString('base64')]) {
      expect(state.seen.includes(secret)).toBe(false)
      expect(JSON.stringify(report)).not.toContain(secret)
      expect(mentions(sandbox().dataDir, secret)).toBe(false)
    }
  })
}
