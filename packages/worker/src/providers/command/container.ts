// container.ts — A program of the operator in a container: the arguments for docker and podman, which of them answers,
// and what a worker that was killed has left. Secrets are in no argument.
import { createHash } from 'node:crypto'
import { statSync } from 'node:fs'
import type { CommandSettings, ContainerSettings } from '../../config/commands.ts'
import { SyncFailure, type RunCommand, type RunOptions } from '../../provider.ts'

const RUNTIMES = ['docker', 'podman'] as const
/** Variables that the container has with their values among the arguments: the runtime has its own of these names. */
const OWN_OF_RUNTIME: readonly string[] = ['HOME', 'TMPDIR', 'PATH']
/** What docker and podman find their service and their settings by. */
const FOR_RUNTIME = ['HOME', 'XDG_RUNTIME_DIR', 'DOCKER_HOST', 'DOCKER_CONFIG', 'CONTAINER_HOST']

/** docker or podman. */
export type Runtime = (typeof RUNTIMES)[number]

/** What is started in a container, and what it sees. */
export interface Contained {
  readonly runtime: Runtime
  readonly container: ContainerSettings
  readonly command: CommandSettings
  /** Names the container: one for each replica of a worker. */
  readonly name: string
  /** Tells the containers of a worker from those of others. */
  readonly label: string
  readonly workingDir: string
  /** The private folder of the run. */
  readonly scratch: string
  readonly env: Readonly<Record<string, string>>
  /** Of the worker: `uid:gid`. */
  readonly owner: string
}

/** The arguments of the runtime. Pure. Throws SyncFailure local_conflict for a path that it cannot be given. */
export function argumentsOf(contained: Contained): string[] {
  const { runtime, container, command, name, label, workingDir, scratch, env, owner } = contained
  if (/[:,]/.test(workingDir + scratch))
    throw new SyncFailure('local_conflict', `${workingDir} has a colon or comma, so no container can be given it`, {
      hint: 'Move data_dir to a path without, or run the command without a container.',
    })
  const volumes = [`${workingDir}:${workingDir}`, `${scratch}:${scratch}`, ...container.volumes]
  // Rootless podman has users of its own.
  const keeps = runtime === 'podman' && !owner.startsWith('0:') && container.user === null
  return [
    'run',
    '--rm',
    `--name=${name}`,
    `--label=${LABEL}=${label}`,
    '--log-driver=none',
    '--security-opt=no-new-privileges',
    `--workdir=${workingDir}`,
    `--user=${container.user ?? owner}`,
    ...(keeps ? ['--userns=keep-id'] : []),
    ...(container.network === null ? [] : [`--network=${container.network}`]),
    ...(command.memoryMib === null ? [] : [`--memory=${command.memoryMib}m`]),
    ...volumes.map((volume) => `--volume=${volume}`),
    ...Object.entries(env).map(([key, value]) => `--env=${OWN_OF_RUNTIME.includes(key) ? `${key}=${value}` : key}`),
    container.image,
    ...command.command,
  ]
}

const LABEL = 'org.kagami.data-dir'

/** How the runtime is run: with the values of the variables, and so that no container outlives it. */
export function optionsOf({ runtime, name, env }: Contained): RunOptions {
  const own = Object.entries(env).filter(([key]) => !OWN_OF_RUNTIME.includes(key))
  return {
    env: { ...Object.fromEntries(own), ...runtimeEnvironment() },
    asksService: true,
    afterwards: [runtime, ...removal(runtime), name],
  }
}

/** podman would wait ten seconds for what does not want to end. */
const removal = (runtime: Runtime): string[] => ['rm', '--force', ...(runtime === 'podman' ? ['--time=0'] : [])]

function runtimeEnvironment(): Record<string, string> {
  return Object.fromEntries(
    FOR_RUNTIME.flatMap((key) => {
      const value = process.env[key]
      return value === undefined ? [] : [[key, value]]
    }),
  )
}

/** The runtime that was asked for, or the first one that answers; null when none does. */
export async function findRuntime(run: RunCommand, wanted: Runtime | null): Promise<Runtime | null> {
  for (const runtime of wanted === null ? RUNTIMES : [wanted]) {
    if ((await ask(run, runtime, ['ps', '--quiet'])) !== null) return runtime
  }
  return null
}

/** Ends the containers with a label. Never throws: what is left is ended when its replica is synced. */
export async function removeLeft(run: RunCommand, runtime: Runtime, label: string): Promise<void> {
  try {
    const ids = await ask(run, runtime, ['ps', '--all', '--quiet', `--filter=label=${LABEL}=${label}`])
    if (ids !== null && ids.length > 0) await ask(run, runtime, [...removal(runtime), ...ids])
  } catch {
    // It takes too long.
  }
}

/** Ends the container of this name that a worker which was killed has left. */
export async function removeNamed(run: RunCommand, { runtime, name }: Contained): Promise<void> {
  await ask(run, runtime, [...removal(runtime), name])
}

/** The lines that a runtime answers; null when it cannot be asked, or refuses. */
async function ask(run: RunCommand, runtime: Runtime, args: readonly string[]): Promise<string[] | null> {
  const lines: string[] = []
  const onLine = (line: string, stream: 'stdout' | 'stderr') => {
    if (stream === 'stdout') lines.push(line.trim())
    return false
  }
  try {
    const { code } = await run(runtime, args, { onLine, asksService: true, env: runtimeEnvironment() })
    return code === 0 ? lines : null
  } catch (error) {
    if (error instanceof SyncFailure && ['tool_missing', 'unknown'].includes(error.reason)) return null
    throw error
  }
}

/** What containers of a data_dir are known by: another folder of the same name, on another machine, is another. */
export function labelOf(dataDir: string): string {
  const found = statSync(dataDir, { throwIfNoEntry: false, bigint: true })
  return shortDigest(`${dataDir} ${found?.dev ?? ''} ${found?.ino ?? ''}`)
}

/** The name of the container of a replica. */
export const nameOf = (label: string, replicaId: string): string => `kagami-${shortDigest(`${label} ${replicaId}`)}`

const shortDigest = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 16)
