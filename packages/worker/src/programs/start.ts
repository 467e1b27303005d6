// start.ts — The only place that starts programs: with a clean environment, and contained. A contained shell waits for
// the next one, because a start from this process forks all of it, and takes four programs before the wanted one.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import type { Socket } from 'node:net'
import type { Writable } from 'node:stream'
import { SyncFailure, type RunOptions } from '../provider.ts'
import { candidates, PLAIN, withinMemory, type Containment } from './containment.ts'
import { MARK_VARIABLE } from './orphans.ts'
import { trustOfTools } from './trust.ts'

let chosen: Containment | undefined
let chosenGroup: Containment | undefined

/** The strongest wrapping that works on this machine, found once per process. */
export function containment(): Containment {
  chosen ??= candidates().find(works) ?? PLAIN
  return chosen
}

/** The same of those without a namespace of processes. */
export function groupContainment(): Containment {
  chosenGroup ??= candidates().find((one) => one.level === 'group' && works(one)) ?? PLAIN
  return chosenGroup
}

/** Whether a wrapping works on this machine. */
export function works(candidate: Containment): boolean {
  const [file, args] = candidate.wrap('/bin/sh', ['-c', 'exit 7'])
  return spawnSync(file, [...args], { env: {}, timeout: 5000, stdio: 'ignore' }).status === 7
}

/** What is started. */
export interface Start {
  readonly file: string
  readonly args: readonly string[]
  readonly path: string
  readonly mark: string
  readonly wrapping: Containment
  readonly run: Pick<RunOptions, 'cwd' | 'env' | 'stdin' | 'memoryMib'>
}

/** A program that was started. */
export interface Started {
  readonly child: ChildProcess
  /** Its standard input; null when it has none. */
  readonly input: Writable | null
}

/** Starts a program in a process group of its own. Throws SyncFailure when it cannot be. */
export function startProgram({ file, args, path, mark, wrapping, run }: Start): Started {
  const env = { PATH: path, HOME: '/nonexistent', LC_ALL: 'C', [MARK_VARIABLE]: mark, ...trustOfTools(), ...run.env }
  const [inner, innerArgs] = withinMemory(file, args, run.memoryMib)
  const script = scriptOf(wrapping, [inner, ...innerArgs], { env, cwd: run.cwd ?? '/', fed: run.stdin !== undefined })
  const waiting = script === null ? null : takeShell(wrapping)
  // After the program has begun: a fork stops this process for a moment.
  if (wrapping === chosen) setTimeout(prepareShell, PREPARE_MS, wrapping).unref()
  if (waiting) return useShell(waiting, script!, run.stdin !== undefined)
  const [wrapper, wrapped] = wrapping.wrap(inner, innerArgs)
  try {
    const child = spawn(wrapper, [...wrapped], {
      cwd: run.cwd ?? '/',
      env,
      stdio: [run.stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      detached: true,
    })
    return { child, input: child.stdin }
  } catch (error) {
    // A NUL in an argument or variable is thrown at once; every other error arrives as an event.
    throw new SyncFailure('unknown', `${file} could not be started: ${(error as Error).message.slice(0, 200)}`, {
      cause: error,
    })
  }
}

/** Pause before the next shell is started, ms: the program that just began goes first. */
const PREPARE_MS = 20

/** Names that a shell can export. */
const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/

/** What a waiting shell is to do to become the program; null when it cannot. */
function scriptOf(
  { last: [before, after] }: Containment,
  words: readonly string[],
  { env, cwd, fed }: { env: Readonly<Record<string, string | undefined>>; cwd: string; fed: boolean },
): string | null {
  const variables = Object.entries(env).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] as const],
  )
  const texts = [...words, ...variables.flat(), cwd]
  if (texts.some((text) => text.includes('\0')) || !variables.every(([name]) => VARIABLE.test(name))) return null
  const exports = variables.map(([name, value]) => `${name}=${quote(value)}`).join(' ')
  return (
    `cd ${quote(cwd)} || exit 126\nexport ${exports}\n` +
    `${before}${words.map(quote).join(' ')} ${fed ? '<&3' : '</dev/null'} 3<&-${after}\n`
  )
}

const quote = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`

let shell: { readonly child: ChildProcess; readonly wrapping: Containment } | null = null

/** Starts the shell that the next program is run by, unless one waits already. It ends with this process. */
export function prepareShell(wrapping: Containment): void {
  if (shell?.wrapping === wrapping) return
  shell?.child.stdin?.end()
  shell = null
  const [file, args] = wrapping.shell()
  let child: ChildProcess
  try {
    child = spawn(file, [...args], { cwd: '/', env: {}, stdio: ['pipe', 'pipe', 'pipe', 'pipe'], detached: true })
  } catch {
    // The start that needs it says what is wrong.
    return
  }
  const drop = () => void (shell?.child === child && (shell = null))
  child.once('exit', drop).once('error', drop)
  // Out of descriptors it has no streams.
  if (child.pid === undefined) return
  // Nobody may be there to hear of it.
  for (const stream of child.stdio) stream?.on('error', drop)
  holdLoop(child, false)
  shell = { child, wrapping }
}

function takeShell(wrapping: Containment): ChildProcess | null {
  if (shell?.wrapping !== wrapping) return null
  const { child } = shell
  shell = null
  return child
}

function useShell(child: ChildProcess, script: string, fed: boolean): Started {
  holdLoop(child, true)
  child.stdin!.end(script)
  const input = child.stdio[3] as Writable
  if (fed) return { child, input }
  input.destroy()
  return { child, input: null }
}

/** Whether this process stays alive for the shell. */
function holdLoop(child: ChildProcess, held: boolean): void {
  const parts = [child, ...child.stdio] as (Pick<Socket, 'ref' | 'unref'> | null)[]
  for (const part of parts) void (held ? part?.ref() : part?.unref())
}
