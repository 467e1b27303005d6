// start.test.ts — A program gets the same arguments, variables and input whether it is started at once or by the shell
// that waits for it, and that shell ends with this process.
import { execFileSync, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { readIfThere } from '@kagami/runtime'
import { PATIENCE } from '../testing/patience.ts'
import { createCommandRunner } from './command.ts'
import { candidates, type Containment } from './containment.ts'
import { containment, prepareShell, works } from './start.ts'

const fixture = fileURLToPath(new URL('../testing/sync-program.ts', import.meta.url))
/** Writes its arguments and variables as they are, a NUL after each. */
const TELL = ['-c', 'printf "%s\\0" "$@" "$GIVEN" "$PWD"; cat', 'sh'] as const

/** Process ids of this process's children, oldest first. */
function childrenOf(parent: number): number[] {
  const isChild = (pid: string) => Number(/\) \S (\d+)/.exec(readIfThere(`/proc/${pid}/stat`) ?? '')?.[1]) === parent
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry) && isChild(entry))
    .map(Number)
}

async function told(args: readonly string[], given: string, stdin: string | null, wrapping?: Containment) {
  const lines: string[] = []
  const run = createCommandRunner({
    signal: new AbortController().signal,
    log: (line) => lines.push(line),
    ...(wrapping ? { containment: wrapping } : {}),
  })
  const exit = await run('sh', [...TELL, ...args], {
    env: { GIVEN: given },
    cwd: '/usr',
    exact: true,
    onLine: (line) => void lines.push(line),
    ...(stdin === null ? {} : { stdin }),
  })
  return { code: exit.code, lines }
}

/** The pid of the shell that waits. */
async function waitingShell(): Promise<number> {
  await told([], '', null)
  return vi.waitFor(() => {
    const [pid, ...others] = childrenOf(process.pid)
    expect([pid, others]).toEqual([expect.any(Number), []])
    return pid!
  }, PATIENCE)
}

describe('the shell that waits for a program', () => {
  beforeEach(waitingShell)

  it.each(
    candidates()
      .filter(works)
      .map((wrapping, index) => ({ wrapping, index })),
  )('runs it with what a start of its own gives it, wrapped in way $index', async ({ wrapping }) => {
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 20 }),
      fc.string({ unit: fc.constantFrom(...'\'"\\$`!\n\t ;&|<>(){}*?[]~#=-'.split('')), maxLength: 12 }),
    )
    const whole = text.filter((one) => !one.includes('\0') && one.isWellFormed())
    const handedOver = async (...call: [string[], string, string | null]) => {
      prepareShell(wrapping)
      return told(...call, wrapping)
    }
    await fc.assert(
      fc.asyncProperty(fc.array(whole, { maxLength: 4 }), whole, fc.option(whole), async (...call) => {
        // No shell waits in a wrapping that is used once.
        expect(await handedOver(...call)).toEqual(await told(...call, { ...wrapping }))
      }),
      { numRuns: 20 },
    )
  })

  it('ends as it ends by itself, by a code or by a signal', async () => {
    for (const wrapping of candidates().filter(works)) {
      const endings = ['exit 3', 'kill -TERM $$', 'exec /nonexistent']
      for (const script of endings) {
        const run = createCommandRunner({ signal: new AbortController().signal, log: () => {}, containment: wrapping })
        const own = createCommandRunner({
          signal: new AbortController().signal,
          log: () => {},
          containment: { ...wrapping },
        })
        prepareShell(wrapping)
        expect(await run('sh', ['-c', script])).toEqual(await own('sh', ['-c', script]))
      }
    }
  })

  it('is the one that runs it, and another one waits for the next', async () => {
    const before = await waitingShell()
    const run = createCommandRunner({ signal: new AbortController().signal, log: () => {} })
    const running = run('sh', ['-c', 'read line'], { stdin: '' })
    expect(childrenOf(process.pid)).toEqual([before])
    await running
    await vi.waitFor(() => expect(childrenOf(process.pid)).toEqual([expect.any(Number)]), PATIENCE)
    expect(childrenOf(process.pid)).not.toEqual([before])
  })

  it('may be killed while it waits', async () => {
    const pid = await waitingShell()
    process.kill(-pid, 'SIGKILL')
    await vi.waitFor(() => expect(childrenOf(process.pid)).toEqual([]), PATIENCE)
    expect((await told(['still'], 'there', null)).lines[0]).toContain('still')
  })

  it('is not there where no descriptors are left, and nothing else happens', async () => {
    const set = `prlimit --pid ${process.pid} --nofile=`
    const before = execFileSync('sh', ['-c', 'ulimit -Sn'], { encoding: 'utf8' }).trim()
    const restore = spawn('sh', ['-c', `read line; ${set}${before}:`], { stdio: ['pipe', 'ignore', 'inherit'] })
    execFileSync('sh', ['-c', `${set}3:`])
    prepareShell({ ...containment() })
    restore.stdin.end('now\n')
    await once(restore, 'exit')
    expect((await told(['still'], 'there', null)).lines[0]).toContain('still')
  })

  it('has nothing of this process’s environment', async () => {
    const pid = await waitingShell()
    expect(readFileSync(`/proc/${pid}/environ`, 'utf8')).not.toContain('PATH')
  })

  it('ends with the worker that is killed', async () => {
    const task = { command: 'sh', args: ['-c', 'echo running; exec sleep 1000'], mark: `/test-${randomUUID()}` }
    const worker = spawn(process.execPath, [fixture, JSON.stringify(task)], { stdio: ['ignore', 'pipe', 'inherit'] })
    await once(worker.stdout, 'data')
    // The program, and the shell for the next one.
    const children = await vi.waitFor(() => {
      const found = childrenOf(worker.pid!)
      expect(found).toHaveLength(2)
      return found
    }, PATIENCE)
    worker.kill('SIGKILL')
    await once(worker, 'exit')
    const alive = () => children.filter((pid) => existsSync(`/proc/${pid}`))
    await vi.waitFor(() => expect(alive()).toEqual([]), PATIENCE)
  })
})
