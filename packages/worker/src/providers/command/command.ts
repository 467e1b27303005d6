// command.ts — Lets a program that worker.toml names keep a mirror, as tunasync does. A replica says which one by its
// name; what is started is said in worker.toml alone.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Type from 'typebox'
import type { CommandSettings } from '../../config/commands.ts'
import { showName } from '../../names.ts'
import { SyncFailure, type Difference, type ForkWay, type Plan } from '../../provider.ts'
import type { AskContext, Provider, RunCommand, SyncContext, SyncStats } from '../../provider.ts'
import { findRuntime, labelOf, removeLeft } from './container.ts'
import { secretsIn } from './environment.ts'
import { isRunnable, runProgram, type Ran } from './program.ts'

const NAMED = 3

/** The kind for these programs; their names are the choices of its only option. */
export function createCommandProvider(commands: readonly CommandSettings[], dataDir = ''): Provider {
  const options = Type.Object(
    {
      command: Type.Enum(
        commands.map(({ name }) => name),
        { description: 'Which of the programs that worker.toml names (its [[commands]]) keeps this mirror' },
      ),
    },
    { additionalProperties: false },
  )
  const find = (chosen: unknown) => commands.find(({ name }) => name === chosen)
  return {
    kind: 'command',
    connects: 'itself',
    options,
    checkSpec: (upstream, { command }) => upstreamProblem(upstream, find(command)),
    secrets: ({ command }) => secretsOf(find(command)),
    probe: (run) => probe(run, commands, dataDir),
    async tryUpstream(context) {
      const look = async () => {
        const command = find(context.options['command'])
        if (!command) throw unknownCommand()
        await checkHost(context)
        return command
      }
      await context.step('settings', look, describeCommand)
    },
    async sync(context) {
      const command = find(context.options['command'])
      if (!command) throw unknownCommand()
      await checkHost(context)
      return (await context.tree.exists()) ? update(context, command, dataDir) : copyFirst(context, command, dataDir)
    },
  }
}

const unknownCommand = () => new SyncFailure('invalid_options', 'option "command": worker.toml names no such command')

function describeCommand({ name, command: [program], container }: CommandSettings): string {
  if (container === null && !isRunnable(program))
    throw new SyncFailure('tool_missing', `${name} cannot be started: no program ${program}`)
  return `worker.toml has the command ${name}; what the upstream answers is its affair, and it was not started`
}

const secretsOf = (command: CommandSettings | undefined) => (command ? secretsIn(command) : [])

function upstreamProblem(upstream: string, command: CommandSettings | undefined): string | null {
  const allowed = command?.upstreams ?? null
  if (allowed === null || allowed.some((beginning) => upstream.startsWith(beginning))) return null
  return `option "command": ${command?.name} may only be used for upstreams that begin with ${allowed.join(' or ')}`
}

/** Also ends the containers that a worker which was killed has left: nobody waits for them any more. */
async function probe(
  run: RunCommand,
  commands: readonly CommandSettings[],
  dataDir: string,
): Promise<{ available: boolean; detail: string }> {
  const problems = await Promise.all(
    commands.map(async ({ name, command: [program], container }) => {
      if (container === null) return isRunnable(program) ? [] : [`${name} cannot be started: no program ${program}`]
      const runtime = await findRuntime(run, container.runtime).catch(() => null)
      if (runtime !== null) await removeLeft(run, runtime, labelOf(dataDir))
      return runtime === null
        ? [`${name} cannot be started: ${container.runtime ?? 'no docker and no podman'} to ask`]
        : []
    }),
  )
  const said = problems.flat()
  return {
    available: said.length < commands.length,
    detail: said.join('; ') || commands.map(({ name }) => name).join(', '),
  }
}

/**
 * What the program connects to is its own affair; what it is told is not an address that is never allowed. One that
 * cannot be looked up may be reached by other ways.
 */
async function checkHost({ peers, upstream, log }: AskContext): Promise<void> {
  const host = URL.parse(upstream)?.hostname ?? ''
  try {
    if (host !== '') await peers.resolve(host)
  } catch (error) {
    if (!(error instanceof SyncFailure && error.reason === 'upstream_unreachable')) throw error
    log(`${error.message}; the program is started nevertheless`)
  }
}

async function copyFirst(context: SyncContext, command: CommandSettings, dataDir: string): Promise<SyncStats> {
  const { tree } = context
  mkdirSync(tree.staging, { recursive: true, mode: 0o755 })
  // What is here becomes the mirror.
  rmSync(lossFile(context), { force: true })
  const ran = await runProgram({ context, command, dataDir, workingDir: tree.staging })
  const { entries, sizeBytes } = await tree.count(tree.staging)
  if (entries === 0)
    throw new SyncFailure('content_invalid', `${command.name} ended with success and wrote no file`, {
      hint:
        'Nothing was published. A program has to write into the folder in which it is started, whose path is in ' +
        'TUNASYNC_WORKING_DIR: see whether it writes elsewhere.',
    })
  const nothing = { removed: 0, total: 0, examples: [], incomingBytes: null, sizeBeforeBytes: null }
  context.allow({ ...nothing, sizeAfterBytes: sizeBytes, done: 'unpublished' })
  context.progress({ phase: 'publishing', line: null })
  await tree.publish()
  return statsOf(ran, { files: entries, sizeBytes, bytes: sizeBytes, note: null })
}

async function update(context: SyncContext, command: CommandSettings, dataDir: string): Promise<SyncStats> {
  const { tree } = context
  if (command.tree === 'direct') await askAboutLoss(context)
  context.progress({ phase: 'preparing', line: null })
  const fork = await tree.fork(wayOf(context, command))
  const published = fork.path === tree.published
  const ran = await runProgram({ context, command, dataDir, workingDir: fork.path })
  context.progress({ phase: 'verifying', line: null })
  const found = await fork.compare()
  if (published) keepLoss(context, found)
  else context.allow({ ...planOf(found), done: 'unpublished' })
  context.progress({ phase: 'publishing', line: null })
  if (found.changed === 0 && found.removed === 0 && found.folders === 0) await fork.drop()
  else await fork.publish()
  const { entries, sizeBytes } = found.after
  return statsOf(ran, { files: entries, sizeBytes, bytes: found.changedBytes, note: noteOf(context, found) })
}

/** Where nobody has allowed that files of something else are taken over, nothing works in them. */
function wayOf({ adopting }: SyncContext, { tree }: CommandSettings): ForkWay {
  if (tree === 'copy' || adopting === 'ask') return 'apart'
  return tree
}

function planOf({ removed, examples, before, after }: Difference): Plan {
  return {
    removed,
    total: before.entries,
    examples,
    incomingBytes: null,
    sizeBeforeBytes: before.sizeBytes,
    sizeAfterBytes: after.sizeBytes,
  }
}

const lossFile = ({ tree }: SyncContext) => join(tree.staging, 'lost.json')

/** What the program deleted where people read is kept until somebody has decided: then it is not started again. */
function keepLoss(context: SyncContext, found: Difference): void {
  const plan: Plan = { ...planOf(found), done: 'published' }
  try {
    context.allow(plan)
  } catch (error) {
    mkdirSync(context.tree.staging, { recursive: true })
    writeFileSync(lossFile(context), JSON.stringify(plan))
    throw error
  }
}

/** Throws as the run did in which the program deleted too much, unless that was allowed, or the files are back. */
async function askAboutLoss(context: SyncContext): Promise<void> {
  const plan = readLoss(context)
  if (plan === null) return
  const { entries, sizeBytes } = await context.tree.count(context.tree.published)
  context.allow({ ...plan, removed: Math.max(0, plan.total - entries), sizeAfterBytes: sizeBytes })
  rmSync(lossFile(context), { force: true })
}

function readLoss(context: SyncContext): Plan | null {
  try {
    return JSON.parse(readFileSync(lossFile(context), 'utf8')) as Plan
  } catch {
    return null
  }
}

/** What the operator should know although the run succeeded. */
function noteOf({ thorough, log }: SyncContext, { disguised, touched }: Difference): string | null {
  for (const path of touched) log(`changed without being replaced: ${showName(path)}`)
  const written =
    touched.length > 0
      ? `changed without being replaced: ${someOf(touched)}; readers of the tree before saw that, which ` +
        'tree = "copy" of this command in worker.toml avoids'
      : null
  return [thorough ? proofOf(disguised) : null, written].filter(Boolean).join('; ') || null
}

function proofOf(disguised: readonly string[]): string {
  const asked = 'the program was asked to look at everything (KAGAMI_THOROUGH=1)'
  if (disguised.length === 0) return `${asked}, and replaced no file that had the right size and time`
  return `${asked}; what had other bytes was replaced: ${someOf(disguised)}`
}

function someOf(names: readonly string[]): string {
  const more = names.length > NAMED ? ` and ${names.length - NAMED} more` : ''
  return `${names.slice(0, NAMED).map(showName).join(', ')}${more}`
}

/** A size that the program tells is believed: it may count what lies elsewhere. */
function statsOf(ran: Ran, counted: Omit<SyncStats, 'revision'>): SyncStats {
  return { ...counted, sizeBytes: ran.sizeBytes ?? counted.sizeBytes, revision: null }
}
