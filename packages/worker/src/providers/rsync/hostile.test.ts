// hostile.test.ts — Rsync daemons that cut, lie, flood or delay: the published tree stays byte for byte what it was,
// the report says why, and the next good sync is right.
import { randomBytes } from 'node:crypto'
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { FailureReason, SyncReport } from '@kagami/protocol'
import { startRsyncUpstream, writeFiles } from '@kagami/demo'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { findMarked } from '../../programs/orphans.ts'
import { createSandbox, readTree, type Sandbox } from '../../testing/sandbox.ts'
import {
  flood,
  startBareServer,
  startEndlessLister,
  startTamperingProxy,
  type HostileUpstream,
  type Tampering,
} from '../../testing/hostile.ts'

const FULL = process.env['KAGAMI_FAULTS'] === 'full'
const GREETING = '@RSYNCD: 31.0 sha512 sha256 sha1 md5 md4\n'

describe('the copy of a module is kept, and the report says why, when the upstream', () => {
  let sandbox: Sandbox
  let files: string
  let daemon: { url: string; port: number }
  let size: number
  const stops: (() => Promise<void>)[] = []
  beforeEach(async () => {
    sandbox = createSandbox()
    files = join(sandbox.dir, 'up', 'files')
    writeFiles(
      files,
      Object.fromEntries(Array.from({ length: 8 }, (_, index) => [`d${index % 2}/f${index}`, randomBytes(20_000)])),
    )
    const upstream = await startRsyncUpstream({ dir: join(sandbox.dir, 'up') })
    stops.push(upstream.stop)
    daemon = upstream
    size = (await good()).size_bytes ?? 0
    expect(size).toBe(160_000)
  })
  afterEach(async () => {
    for (const stop of stops.splice(0).reverse()) await stop()
    sandbox.remove()
  })
  // Its length differs each time, because rsync considers dates within one second equal.
  let changes = 0
  const change = () =>
    writeFiles(files, {
      'd0/f0': randomBytes(60_001 + ++changes),
      'd1/new': randomBytes(90_000 + changes),
      'd1/f1': null,
    })
  const sync = (upstream: string, options: object = {}) =>
    sandbox.sync({ kind: 'rsync', upstream, options: { compress: false, ...options }, sizeBytes: size })
  const good = () => sync(daemon.url)
  const hostile = async (starting: Promise<HostileUpstream>) => {
    const upstream = await starting
    stops.push(upstream.stop)
    return daemon.url.replace(`:${daemon.port}`, `:${upstream.port}`)
  }
  const tampered = (tampering: Tampering) => hostile(startTamperingProxy(daemon.port, tampering))
  /** Syncs from the hostile address; asserts that it failed for one of these reasons and did nothing to the copy. */
  const against = async (
    upstream: string,
    reasons: readonly FailureReason[],
    options: object = {},
  ): Promise<SyncReport> => {
    const before = readTree(sandbox.published)
    const report = await sync(upstream, options)
    expect([report.outcome, report.reason, report.message], `${report.message} ${report.tail}`).toEqual([
      report.outcome === 'held' ? 'held' : 'failed',
      expect.toBeOneOf([...reasons]),
      expect.stringMatching(/./),
    ])
    expect(readTree(sandbox.published)).toEqual(before)
    expect(findMarked(`${sandbox.dataDir}:`)).toEqual([])
    return report
  }
  const recovers = async () => {
    expect(await good()).toMatchObject({ outcome: 'success' })
    expect(readTree(sandbox.published)).toEqual(readTree(files))
  }

  it('loses most of its files, or most of what is in them', async () => {
    const whole = readTree(files)
    writeFiles(files, Object.fromEntries(Object.keys(whole).map((name) => [name, 'a few bytes\n'])))
    expect(await against(daemon.url, ['too_many_deletions'])).toMatchObject({
      outcome: 'held',
      message: expect.stringContaining('would shrink'),
    })
    writeFiles(
      files,
      Object.fromEntries(
        Object.keys(whole)
          .slice(1)
          .map((name) => [name, null]),
      ),
    )
    expect(await against(daemon.url, ['too_many_deletions'])).toMatchObject({
      outcome: 'held',
      hold: { removed: 7, total: 8 },
    })
    expect(
      await sandbox.sync({ kind: 'rsync', upstream: daemon.url, task: { type: 'sync', approved: 7 } }),
    ).toMatchObject({ outcome: 'success' })
  })

  it('breaks the connection, however much had come', async ({ task }) => {
    change()
    const cuts = [0, 5, 42, 100, 300, 20_000, 100_000]
    for (const after of cuts) await against(await tampered({ after, how: 'cut' }), ['upstream_unreachable'])
    await recovers()
    task.meta.figure = `rsync: ${cuts.length} cuts, 0 changes`
  })

  it('greets with rubbish, or with a version nobody speaks', async ({ task }) => {
    const greetings = [
      'HTTP/1.1 400 Bad Request\r\n\r\n',
      '@RSYNCD: 1.0\n',
      '@RSYNCD: 99999999999.0\n',
      '@RSYNCD: \n',
      '\0'.repeat(100),
      randomBytes(5000),
      '@RSYNCD: 31.0 md5\n@RSYNCD: OK\n',
      `${GREETING}@ERROR: \u001b[31mrm -rf /\n`,
    ]
    for (const greeting of greetings) {
      const report = await against(await hostile(startBareServer((socket) => void socket.end(greeting))), [
        'upstream_unreachable',
        'upstream_refused',
        'content_invalid',
      ])
      expect(report.message).not.toContain('\u001b')
    }
    await recovers()
    task.meta.figure = `rsync: ${greetings.length} false greetings`
  })

  it(
    'sends bytes turned over on the way',
    async ({ task }) => {
      const places = [
        10,
        120,
        200,
        330,
        5000,
        61_000,
        120_000,
        ...(FULL ? Array.from({ length: 60 }, (_, index) => 40 + index * 2500) : []),
      ]
      const outcomes: Record<string, number> = {}
      for (const at of places) {
        change()
        const [before, after] = [readTree(sandbox.published), readTree(files)]
        const whole = new Set([...Object.values(before), ...Object.values(after)])
        const report = await sync(await tampered({ after: at, how: 'flip' }), { stall_secs: 1 })
        outcomes[report.outcome] = (outcomes[report.outcome] ?? 0) + 1
        // The file list has no checksum, so a name or a date may arrive wrong; the content of a file never.
        expect(
          Object.values(readTree(sandbox.published)).filter((content) => !whole.has(content)),
          `byte ${at}`,
        ).toEqual([])
        if (report.outcome !== 'success')
          expect([report.reason, readTree(sandbox.published)]).toEqual([
            expect.stringMatching(/./),
            expect.toBeOneOf([before, after]),
          ])
        await recovers()
      }
      task.meta.figure = `rsync: ${places.length} flipped bytes (${Object.entries(outcomes)
        .map(([outcome, times]) => `${times} ${outcome}`)
        .join(', ')}), 0 damaged files`
    },
    FULL ? 600_000 : 60_000,
  )

  it('greets without end', async () => {
    const chatter = `${GREETING}${'welcome to this mirror\n'.repeat(1000)}`
    for (const piece of [chatter, 'x'.repeat(10_000), '\n'.repeat(10_000)]) {
      const report = await against(
        await hostile(startBareServer((socket) => (socket.write(GREETING), flood(socket, piece)))),
        ['stalled', 'upstream_unreachable', 'upstream_refused'],
        { stall_secs: 2, time_limit_secs: 20 },
      )
      expect(
        statSync(join(sandbox.dataDir, '.kagami/logs', report.replica_id, `${report.sync_id}.log`)).size,
      ).toBeLessThan(5 * 1024 * 1024)
    }
    await recovers()
  })

  it('lists files without end', async ({ task }) => {
    const upstream = await hostile(startEndlessLister())
    const grown = process.memoryUsage().rss
    for (const options of [{}, { publish: 'swap' }]) {
      const report = await against(upstream, ['quota_exceeded'], { memory_mib: 200, ...options })
      expect(report.message).toContain('memory_mib')
      expect(report.exit_code).toBe(22)
    }
    expect(process.memoryUsage().rss - grown).toBeLessThan(200 * 1024 ** 2)
    // A first copy meets the same end, and nothing appears.
    const first = await sandbox.sync({
      kind: 'rsync',
      upstream,
      name: 'first',
      replicaId: 'replica-2',
      options: { memory_mib: 200 },
    })
    expect(first).toMatchObject({ outcome: 'failed', reason: 'quota_exceeded' })
    expect(existsSync(join(sandbox.dataDir, 'first'))).toBe(false)
    await recovers()
    task.meta.figure = 'rsync: 3 endless lists, each ended at 200 MiB'
  })

  it('falls silent or drips', async ({ task }) => {
    change()
    for (const after of [0, 60, 50_000])
      await against(await tampered({ after, how: 'silence' }), ['stalled'], { stall_secs: 1 })
    for (const after of [60, 50_000])
      await against(await tampered({ after, how: 'drip' }), ['stalled', 'timed_out'], {
        stall_secs: 2,
        time_limit_secs: 3,
      })
    await recovers()
    task.meta.figure = 'rsync: 5 stalls and drips, each ended at its limit'
  })
})
