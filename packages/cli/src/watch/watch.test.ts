// watch.test.ts — --watch: in place on a terminal, what has changed for programs, and on through an outage.
import { spawn, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { Refusal, type Worker } from '@kagami/protocol'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startApi } from '../testing/api-server.ts'
import { runKagami } from '../testing/run-kagami.ts'
import { aPage, aWorker } from '../testing/samples.ts'

let workers: Worker[] = []
let away = false
const api = await startApi({
  listWorkers() {
    if (away) throw new Refusal('unavailable', 'the database does not answer')
    return aPage(...workers)
  },
})
const MAIN = join(import.meta.dirname, '..', 'main.ts')
const COMMAND = ['workers', 'list', '--watch', '0.5']
const running: ChildProcess[] = []

beforeEach(() => {
  workers = [aWorker({ last_seen_at: '2026-01-01T00:00:00Z' })]
  away = false
})
afterEach(() => {
  for (const child of running.splice(0)) child.kill('SIGKILL')
})

/** Starts a command; what it has written so far on both outputs, and how to wait for a text. */
function start(program: string, args: readonly string[]) {
  const env = { PATH: process.env['PATH'], HOME: '/nonexistent', TERM: 'xterm', ...api.env }
  const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  running.push(child)
  const written = { out: '', err: '' }
  child.stdout.setEncoding('utf8').on('data', (part: string) => (written.out += part))
  child.stderr.setEncoding('utf8').on('data', (part: string) => (written.err += part))
  const has = (on: 'out' | 'err', text: string) => expect.poll(() => written[on], { timeout: 30_000 }).toContain(text)
  return { written, has }
}

describe('--watch', () => {
  it('draws in place on a terminal, and shows an error under what was last known', async () => {
    const line = `'${process.execPath}' '${MAIN}' ${COMMAND.join(' ')}`
    const { written, has } = start('script', ['--quiet', '--return', '--command', line, '/dev/null'])
    await has('out', 'sh-12')
    workers = [...workers, aWorker({ worker_id: 'w-2', name: 'hk-3' })]
    await has('out', 'hk-3')
    away = true
    await has('out', 'the database does not answer')
    const last = stripVTControlCharacters(written.out.slice(written.out.lastIndexOf('\u001b[H')))
    expect(last).toMatch(/sh-12[\s\S]*hk-3[\s\S]*the database does not answer.*; what is shown is older/)
    away = false
    workers = [aWorker({ worker_id: 'w-4', name: 'bj-1' })]
    await has('out', 'bj-1')
  })

  it('tells programs what has changed, once, and nothing else', async () => {
    const { written, has } = start(process.execPath, [MAIN, ...COMMAND, '--json'])
    await has('out', 'sh-12')
    // Two looks without a change.
    const before = api.asked.length
    await expect.poll(() => api.asked.length, { timeout: 30_000 }).toBeGreaterThan(before + 2)
    workers = [aWorker({ worker_id: 'w-2', name: 'hk-3', last_seen_at: '2026-01-01T00:00:00Z' })]
    await has('out', 'hk-3')
    const lines = written.out.trimEnd().split('\n')
    expect(lines.map((line) => (JSON.parse(line) as Worker[])[0]?.name)).toEqual(['sh-12', 'hk-3'])
    away = true
    await has('err', 'the database does not answer')
    expect(written.out.trimEnd().split('\n')).toHaveLength(2)
  })

  it('ends at once when the first look fails, and takes no nonsense', async () => {
    away = true
    expect((await runKagami('workers list --watch', api.env)).stderr).toContain('the database does not answer')
    expect((await runKagami('workers list --watch=often', api.env)).code).toBe(2)
    expect((await runKagami('workers list --watch=0.1', api.env)).stderr).toContain('at least 0.5 seconds')
  })
})
