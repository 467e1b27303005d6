// command.test.ts — Programs end with the sync that started them, whatever happens, and write no more than they may.
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, vi } from 'vitest'
import { PATIENCE } from '../testing/patience.ts'
import { createCommandRunner } from './command.ts'
import { candidates } from './containment.ts'
import { findMarked } from './orphans.ts'
import { containment, works } from './start.ts'

const fixture = fileURLToPath(new URL('../testing/sync-program.ts', import.meta.url))
const TREE = '(setsid sleep 1000 &); (sleep 1000 &); echo ready; exec sleep 1000'

function runner(more: Partial<Parameters<typeof createCommandRunner>[0]> = {}) {
  const lines: string[] = []
  const run = createCommandRunner({ signal: new AbortController().signal, log: (line) => lines.push(line), ...more })
  return { run, lines }
}

describe('a program', () => {
  it('says how it ended, and its last complaints', async () => {
    const { run, lines } = runner()
    expect(await run('sh', ['-c', 'echo out; echo err >&2; exit 3'])).toMatchObject({ code: 3, tail: 'err' })
    expect(lines.sort()).toEqual(['err', 'out'])
  })

  it('sees nothing of the worker’s environment but PATH', async () => {
    process.env.KAGAMI_TEST_SECRET = 'secret'
    const { run, lines } = runner()
    await run('env', [], { env: { GIVEN: 'yes' } })
    delete process.env.KAGAMI_TEST_SECRET
    const names = lines
      .map((line) => line.split('=')[0] ?? '')
      .filter((name) => !['PWD', 'SHLVL', '_', 'OLDPWD'].includes(name))
      .sort()
    expect(names).toEqual(['GIVEN', 'HOME', 'KAGAMI_RUN', 'LC_ALL', 'PATH'])
  })

  it('gets the memory it may have: the given limit, a share of the machine’s, or all of it', async () => {
    const { run, lines } = runner()
    for (const memoryMib of [100, 0, undefined]) await run('sh', ['-c', 'ulimit -v'], { memoryMib })
    expect([lines[0], lines[2]]).toEqual([String(100 * 1024), 'unlimited'])
    expect(Number(lines[1])).toBeGreaterThanOrEqual(512 * 1024)
    expect(Number(lines[1])).toBeLessThanOrEqual(Math.max(totalmem() / 1024 / 4, 512 * 1024))
  })

  it('that is killed says so with what to do, whichever of its processes it was', async () => {
    for (const script of ['kill -9 $$', 'echo "error: index-pack died of signal 9" >&2; exit 128'])
      await expect(runner().run('sh', ['-c', script])).rejects.toMatchObject({
        reason: 'unknown',
        message: expect.stringMatching(/^sh was killed .*SIGKILL.*memory/),
        hint: expect.stringContaining('more memory'),
      })
  })

  it('that is not installed is named', async () => {
    await expect(runner().run('no-such-tool', [])).rejects.toMatchObject({
      reason: 'tool_missing',
      message: expect.stringContaining('no-such-tool'),
    })
  })

  it('is found in the folders for tools', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'kagami-tools-'))
    writeFileSync(join(folder, 'my-tool'), '#!/bin/sh\necho mine\n', { mode: 0o755 })
    const { run, lines } = runner({ toolPath: [folder] })
    await run('my-tool', [])
    rmSync(folder, { recursive: true })
    expect(lines).toEqual(['mine'])
  })

  it('with a NUL in its arguments is a failure, not a crash', async () => {
    await expect(runner().run('echo', ['a\0b'])).rejects.toMatchObject({ name: 'SyncFailure' })
  })

  it('cannot send escape sequences, endless lines or endless complaints', async () => {
    const { run, lines } = runner()
    const exit = await run('sh', [
      '-c',
      String.raw`printf 'a\033[31mb\r\000c\n'; head -c 100000 /dev/zero | tr '\0' x >&2; echo >&2; seq 1 20000 >&2`,
    ])
    expect(lines[0]).toBe('a[31mb')
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(8193)
    expect(exit.tail.length).toBeLessThanOrEqual(8192)
    expect(exit.tail.endsWith('20000')).toBe(true)
  })

  it('reads what it is given, and may ignore it', async () => {
    const { run, lines } = runner()
    await run('cat', [], { stdin: 'hello\n' })
    await run('true', [], { stdin: 'x'.repeat(1_000_000) })
    expect(lines).toEqual(['hello'])
  })

  it.each(
    candidates()
      .filter(works)
      .map((wrapping, index) => ({ wrapping, index })),
  )('ends with everything it started when the sync is cancelled, wrapped in way $index', async ({ wrapping }) => {
    const mark = `/test-${randomUUID()}`
    const stop = new AbortController()
    const { run } = runner({
      mark,
      signal: stop.signal,
      containment: wrapping,
      graceMs: 200,
      log: (line) => line === 'ready' && stop.abort('cancelled'),
    })
    await expect(run('sh', ['-c', `trap '' TERM; ${TREE.replace('exec ', '')}`])).rejects.toMatchObject({
      reason: 'cancelled',
    })
    expect(findMarked(mark)).toEqual([])
  })

  it.each(
    candidates()
      .filter(works)
      .map((wrapping, index) => ({ wrapping, index })),
  )('that ends before what it started leaves none of it, wrapped in way $index', async ({ wrapping }) => {
    const mark = `/test-${randomUUID()}`
    const { run } = runner({ mark, containment: wrapping })
    const left =
      'trap "" TERM HUP; (sleep 1000 &); (setsid sleep 1000 >/dev/null 2>&1 </dev/null &); setsid sleep 1000 &'
    expect(await run('sh', ['-c', left])).toMatchObject({ code: 0 })
    expect(findMarked(mark)).toEqual([])
  })

  it('is not started when the sync is cancelled already', async () => {
    const { run } = runner({ signal: AbortSignal.abort('interrupted') })
    await expect(run('true', [])).rejects.toMatchObject({ reason: 'interrupted' })
  })

  it.skipIf(containment().level !== 'namespace')(
    'does not outlive a worker that is killed, even when it left its session',
    async () => {
      const mark = `/test-${randomUUID()}`
      const worker = spawn(process.execPath, [fixture, JSON.stringify({ command: 'sh', args: ['-c', TREE], mark })], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      await once(worker.stdout, 'data')
      expect(findMarked(mark).length).toBeGreaterThanOrEqual(3)
      worker.kill('SIGKILL')
      await once(worker, 'exit')
      await vi.waitFor(() => expect(findMarked(mark)).toEqual([]), PATIENCE)
    },
  )
})
