// program.ts — Starts a program of the operator where it has to write, listens to it, and says what its end means.
import { accessSync, closeSync, constants, fstatSync, openSync, readSync, statSync } from 'node:fs'
import type { CommandSettings } from '../../config/commands.ts'
import { SyncFailure, type Exit, type RunOptions } from '../../provider.ts'
import { argumentsOf, findRuntime, labelOf, nameOf, optionsOf, removeNamed, type Contained } from './container.ts'
import { environmentOf, makeFolders, type Workplace } from './environment.ts'
import { createOutputReader, percentIn, type OutputReader, type Verdict } from './output.ts'

/** Of what a program writes into its log file itself, the end is read, bytes. */
const OWN_LOG_BYTES = 1024 * 1024
const LAST_LINES = 30
/** With which docker and podman end when they could not start a container. */
const RUNTIME_CODE = 125

/** What a program that succeeded has said. */
export interface Ran {
  /** Bytes; null when it did not tell. */
  readonly sizeBytes: number | null
}

/** A program, and where it works. */
export interface Task extends Omit<Workplace, 'folders'> {
  /** By which the containers of the worker are known. */
  readonly dataDir: string
}

/** Runs the program of a command until it ends. Throws SyncFailure when that was no success. */
export async function runProgram(place: Task): Promise<Ran> {
  const { context, command, workingDir } = place
  if (command.container === null) refuseUnrunnable(command)
  const scratch = context.scratch()
  const folders = makeFolders(scratch)
  const env = environmentOf({ ...place, folders })
  const { program, args, options } = await startOf(place, scratch, env)
  const output = createOutputReader(command)
  const last: string[] = []
  const hear = (line: string) => {
    output.add(line)
    if (last.push(line) > LAST_LINES) last.shift()
    const percent = percentIn(line)
    context.progress({ phase: 'transferring', line, ...(percent === null ? {} : { percent }) })
  }
  context.progress({ phase: 'transferring', line: null })
  const exit = await context.run(program, args, {
    ...options,
    moves: true,
    cwd: workingDir,
    onLine: (line) => hear(line),
  })
  for (const line of readOwnLog(folders.logFile)) {
    hear(line)
    context.log(line)
  }
  return judge({ command, exit, output, last })
}

/** Whether a program can be started from this path. */
export function isRunnable(program: string): boolean {
  try {
    accessSync(program, constants.X_OK)
    return statSync(program).isFile()
  } catch {
    return false
  }
}

interface Start {
  readonly program: string
  readonly args: readonly string[]
  readonly options: RunOptions
}

async function startOf(task: Task, scratch: string, env: Readonly<Record<string, string>>): Promise<Start> {
  const { command, context, dataDir, workingDir } = task
  const { container, memoryMib } = command
  if (container === null) {
    const [program, ...args] = command.command
    return { program, args, options: { env, ...(memoryMib === null ? {} : { memoryMib }) } }
  }
  const runtime = await findRuntime(context.run, container.runtime)
  if (runtime === null) throw noRuntime(command, container.runtime)
  const label = labelOf(dataDir)
  const name = nameOf(label, context.about.replicaId)
  const owner = `${process.getuid?.() ?? 0}:${process.getgid?.() ?? 0}`
  const contained: Contained = { runtime, container, command, name, label, workingDir, scratch, env, owner }
  const args = argumentsOf(contained)
  await removeNamed(context.run, contained)
  return { program: runtime, args, options: optionsOf(contained) }
}

function noRuntime({ name }: CommandSettings, wanted: string | null): SyncFailure {
  const which = wanted ?? 'docker and podman'
  return new SyncFailure('tool_missing', `${name} runs in a container, and ${which} cannot be asked on this worker`, {
    hint:
      `Install it, and let the user of the worker use it: ${wanted ?? 'docker'} ps must work for that user. Replicas ` +
      'of other kinds are still synced.',
  })
}

function refuseUnrunnable({ name, command: [program] }: CommandSettings): void {
  if (isRunnable(program)) return
  const there = statSync(program, { throwIfNoEntry: false }) !== undefined
  throw new SyncFailure(
    'tool_missing',
    `${program}, the program of ${name}, ${there ? 'is no program' : 'is not there'}`,
    {
      hint: there
        ? `On this worker: chmod +x ${program}. The next sync starts it.`
        : `Put it there, or correct the command ${name} in worker.toml and start the worker again.`,
    },
  )
}

interface Heard {
  readonly command: CommandSettings
  readonly exit: Exit
  readonly output: OutputReader
  readonly last: readonly string[]
}

function judge({ command, exit, output, last }: Heard): Ran {
  const { name, successCodes, exitReasons } = command
  const { failed, sizeBytes, unmatched } = output.end()
  const facts = { tail: last.join('\n'), exitCode: exit.code }
  if (exit.code === null || !successCodes.includes(exit.code)) {
    const reason = exit.code === null ? 'unknown' : (exitReasons.get(exit.code) ?? 'unknown')
    if (command.container !== null && exit.code === RUNTIME_CODE && !exitReasons.has(RUNTIME_CODE))
      throw notStarted(command, command.container.image, facts)
    const how = exit.code === null ? `was ended by ${exit.signal}` : `ended with exit code ${exit.code}`
    const said = last.at(-1)
    const message = `${name} ${how}${said === undefined ? '' : `: ${said}`}`
    throw new SyncFailure(reason, message, { ...facts, hint: reason === 'unknown' ? hintFor(command) : null })
  }
  if (unmatched !== null) throw tooSlow(command, unmatched, facts)
  if (failed !== null)
    throw new SyncFailure('content_invalid', `${name} said what means failure: ${failed}`, {
      ...facts,
      hint:
        `Nothing of it was taken for a success. The log has more. If that line is harmless, correct fail_on_match of ` +
        `${name} in worker.toml and start the worker again.`,
    })
  return { sizeBytes }
}

/** Also a program may end so, which docker and podman do not tell apart. */
function notStarted({ name }: CommandSettings, image: string, facts: { tail: string }): SyncFailure {
  const said = facts.tail.split('\n').find((line) => /error/i.test(line)) ?? facts.tail
  return new SyncFailure('unknown', `the container of ${name} did not run: ${said}`, {
    ...facts,
    exitCode: RUNTIME_CODE,
    hint: `Try on this worker whether ${image} can be had: docker pull ${image}, or podman pull. It is tried again.`,
  })
}

function hintFor({ name }: CommandSettings): string {
  return (
    'See the log of the sync for what it said. Codes that are no failure are success_codes, and what others mean is ' +
    `exit_reasons, of the command ${name} in worker.toml.`
  )
}

function tooSlow(
  { name }: CommandSettings,
  key: NonNullable<Verdict['unmatched']>,
  facts: { tail: string; exitCode: number | null },
): SyncFailure {
  return new SyncFailure('content_invalid', `${key} of ${name} takes too long for what the program prints`, {
    ...facts,
    hint:
      `Nothing of it was taken for a success, as the output could not be looked at. Write ${key} in worker.toml ` +
      'without repetitions inside of repetitions, and start the worker again.',
  })
}

/** The lines at the end of a file that the program may have written; none when it is no plain file any more. */
function readOwnLog(file: string): string[] {
  try {
    const handle = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    try {
      const { size } = fstatSync(handle)
      const bytes = Buffer.alloc(Math.min(size, OWN_LOG_BYTES))
      const read = readSync(handle, bytes, 0, bytes.length, size - bytes.length)
      return bytes
        .toString('utf8', 0, read)
        .split(/[\r\n]+/)
        .filter((line) => line !== '')
        .map((line) => line.slice(0, 8192))
    } finally {
      closeSync(handle)
    }
  } catch {
    return []
  }
}
