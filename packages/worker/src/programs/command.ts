// command.ts — Runs programs to their end: the whole process tree killed, bounded output. How they are started is in
// start.ts.
import { randomUUID } from 'node:crypto'
import { Readable } from 'node:stream'
import { pause } from '@kagami/runtime'
import { SyncFailure, type Exit, type RunCommand, type RunOptions } from '../provider.ts'
import { buildPath, findTool, type Containment } from './containment.ts'
import { killedFailure, lookAtMemory } from './killed.ts'
import { createLineSplitter, createTail } from './lines.ts'
import { killMarked } from './orphans.ts'
import { containment, groupContainment, startProgram, type Started } from './start.ts'

const TAIL_BYTES = 8000
const GRACE_MS = 5000
const POLL_MS = 20
const BURY_ROUNDS = 100
const AFTERWARDS_MAX_MS = 30_000

export interface RunnerOptions {
  /** Ends every program of this runner. */
  readonly signal: AbortSignal
  /** Gets each line of output that its caller did not keep out. */
  log(line: string, stream: 'stdout' | 'stderr'): void
  /** Folders searched before PATH. */
  readonly toolPath?: readonly string[]
  /** Prefix of the mark in the environment of every program, by which a later start finds leftovers. */
  readonly mark?: string
  /** Milliseconds between SIGTERM and SIGKILL. */
  readonly graceMs?: number
  /** How programs are wrapped; by default the strongest way that works on this machine. */
  readonly containment?: Containment
}

/**
 * A RunCommand bound to one run. Resolves with the exit once the program and all it started are gone.
 * Throws SyncFailure: tool_missing naming the tool, cancelled when the signal ended it, unknown when it could not be
 * started or was killed by somebody else.
 */
export function createCommandRunner(options: RunnerOptions): RunCommand {
  return async (command, args, runOptions = {}) => {
    refuseAborted(options.signal)
    const path = buildPath(options.toolPath)
    const file = findTool(command, path)
    if (!file) throw new SyncFailure('tool_missing', `${command} is not installed on this worker`)
    const mark = `${options.mark ?? ''}:${randomUUID()}`
    const wrapping = runOptions.asksService ? groupContainment() : (options.containment ?? containment())
    const memory = lookAtMemory()
    const program = startProgram({ file, args, path, mark, wrapping, run: runOptions })
    let exit: Exit
    try {
      exit = await watch({ program, command, mark, wrapping, options, run: runOptions })
    } finally {
      await runAfterwards(options, runOptions)
    }
    refuseAborted(options.signal)
    const killed = killedFailure(command, exit, memory)
    if (killed) throw killed
    return exit
  }
}

function refuseAborted(signal: AbortSignal): void {
  if (signal.aborted)
    throw new SyncFailure(signal.reason === 'interrupted' ? 'interrupted' : 'cancelled', 'the sync was stopped')
}

/** What must be done when a program is gone is done, also when the run was stopped; how that ends changes nothing. */
async function runAfterwards(options: RunnerOptions, { afterwards, env, asksService }: RunOptions): Promise<void> {
  if (!afterwards) return
  const [command, ...args] = afterwards
  const run = createCommandRunner({ ...options, signal: AbortSignal.timeout(AFTERWARDS_MAX_MS) })
  const onLine = () => false
  try {
    await run(command, args, { onLine, ...(env ? { env } : {}), ...(asksService ? { asksService } : {}) })
  } catch (error) {
    options.log(`${afterwards.join(' ')} did not end: ${(error as Error).message}`, 'stderr')
  }
}

interface Watch {
  readonly program: Started
  readonly command: string
  readonly mark: string
  readonly wrapping: Containment
  readonly options: RunnerOptions
  readonly run: RunOptions
}

async function watch({ program, command, mark, wrapping, options, run }: Watch): Promise<Exit> {
  const tail = createTail(TAIL_BYTES)
  const { child } = program
  listen(program, { tail, options, run })
  const stop = stopper(child, options.graceMs ?? GRACE_MS)
  options.signal.addEventListener('abort', stop.begin, { once: true })
  // The signal may have fired between the check and the listener.
  if (options.signal.aborted) stop.begin()
  try {
    const ended = await endOf(child, command)
    // In a namespace the kernel has already ended everything.
    if (wrapping.level === 'group') await buryGroup(child, mark)
    await ended.closed
    return { code: ended.code, signal: ended.signal, tail: tail.text() }
  } finally {
    stop.done()
    options.signal.removeEventListener('abort', stop.begin)
  }
}

function listen(
  { child, input }: Started,
  { tail, options, run }: { tail: { add(line: string): void }; options: RunnerOptions; run: RunOptions },
): void {
  for (const stream of ['stdout', 'stderr'] as const) {
    const splitter = createLineSplitter(
      (line, raw) => {
        const keep = run.onLine?.(run.exact ? raw : line, stream)
        if (keep === false) return
        if (stream === 'stderr') tail.add(line)
        options.log(line, run.chats && !/^(error|fatal)\b/.test(line) ? 'stdout' : stream)
      },
      { thin: run.redraws === true && stream === 'stdout', exact: run.exact },
    )
    child[stream]?.on('data', (chunk: Buffer) => splitter.write(chunk))
    child[stream]?.on('end', () => splitter.end())
  }
  // A program that ends without reading its input is no error.
  input?.on('error', () => {})
  if (run.stdin instanceof Readable && input) run.stdin.pipe(input)
  else if (run.stdin !== undefined) input?.end(run.stdin)
}

function endOf(
  child: Started['child'],
  command: string,
): Promise<{ code: number | null; signal: string | null; closed: Promise<void> }> {
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()))
  return new Promise((resolve, reject) => {
    child.once('error', (error: NodeJS.ErrnoException) => {
      const missing = error.code === 'ENOENT'
      reject(
        new SyncFailure(
          missing ? 'tool_missing' : 'unknown',
          missing ? `${command} is not installed on this worker` : `${command} could not be started: ${error.message}`,
          { cause: error },
        ),
      )
    })
    child.once('exit', (code, signal) => resolve({ code, signal, closed }))
  })
}

function stopper(child: Started['child'], graceMs: number): { begin: () => void; done: () => void } {
  let timer: NodeJS.Timeout | undefined
  return {
    begin: () => {
      signalGroup(child.pid, 'SIGTERM')
      timer = setTimeout(() => signalGroup(child.pid, 'SIGKILL'), graceMs)
    },
    done: () => clearTimeout(timer),
  }
}

function signalGroup(pid: number | undefined, signal: NodeJS.Signals | 0): boolean {
  if (pid === undefined) return false
  try {
    process.kill(-pid, signal)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}

/** Kills what is left of the group, and what left the group but carries the mark. */
async function buryGroup(child: Started['child'], mark: string): Promise<void> {
  const left = () => signalGroup(child.pid, 'SIGKILL') || marked(mark)
  // Bounded, because a zombie that nobody reaps counts as a member of its group for ever.
  for (let round = 0; round < BURY_ROUNDS && left(); round++) await pause(POLL_MS)
}

/** Whether programs with the mark were there. Without the means to look, they may be. */
function marked(mark: string): boolean {
  try {
    return killMarked(mark) > 0
  } catch {
    return true
  }
}
