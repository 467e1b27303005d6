// add.ts — kagami replicas add | clone: mirrors an upstream on one worker or several. What one worker refuses is said,
// and does not keep the others from it.
import {
  guess,
  HOST,
  lacksHost,
  presetNotes,
  presetOf,
  recognise,
  type ApiError,
  type Client,
  type RouteInput,
} from '@kagami/protocol'
import { ConfigError } from '@kagami/runtime/config'
import type { Command } from 'commander'
import { apiCommand } from '../commands/api.ts'
import { authFromEnvironment, optionsOf, pairsOf } from '../given.ts'
import { wholeNumber } from '../numbers.ts'
import { describeError, printJson, remark, setExitCode } from '../output.ts'
import type { ApiOptions } from '../session.ts'
import { requirePreset } from './presets.ts'

interface AddOptions extends ApiOptions {
  worker: string[]
  preset?: string
  kind?: string
  name?: string
  interval?: string
  label?: string[]
  option?: string[]
  paused?: boolean
}

interface CloneOptions extends ApiOptions {
  worker: string[]
  name?: string
  paused?: boolean
}

type NewReplica = RouteInput<'addReplica'>['body']

/** Adds `add` and `clone` to `replicas`. */
export function addReplicaAdd(replicas: Command): void {
  const command = apiCommand<AddOptions>(
    replicas,
    'add [UPSTREAM]',
    'mirror an upstream on a worker, or on several',
    async ({ client, options, args: [upstream] }) => add(client, options, upstream),
  )
  addWorkerOption(command)
    .option('--preset <PRESET>', 'options, interval and labels of a well-known upstream: kagami replicas presets')
    .option('--name <NAME>', 'name and directory (default: that of the preset, or guessed from the upstream)')
    .option(
      '--kind <KIND>',
      'a kind the worker can sync, such as git, rsync or http (default: guessed from the upstream)',
    )
    .option('--interval <SECONDS>', 'seconds between syncs; 0: only on request (default)')
    .option('--label <KEY=VALUE...>', 'labels')
    .option('--option <KEY=VALUE...>', 'options of the kind')
    .option('--paused', 'add it paused: no sync starts until it is resumed')
    .addHelpText(
      'after',
      `
Credentials are read from KAGAMI_AUTH: {"type":"basic","username":…,"password":…} or {"type":"token","token":…}.

What is given besides --preset wins over the preset. With several workers, each that refuses is named, the others go
on, and the exit code is 8.

Examples:
  kagami replicas add rsync://rsync.example.org/debian/ --worker sh-12 --interval 21600
  kagami replicas add https://example.org/tool.git --worker sh-12 --name tool --label env=prod
  kagami replicas add rsync://mirror.example.org/debian/ --preset debian --worker sh-12 --worker sh-13
  kagami replicas add --preset linux --worker sh-12 --paused`,
    )
  addClone(replicas)
}

function addClone(replicas: Command): void {
  const command = apiCommand<CloneOptions>(
    replicas,
    'clone <REPLICA>',
    'mirror what a replica mirrors on another worker too, with the same settings; its credentials are not copied',
    async ({ client, options, args: [id = ''] }) => clone(client, options, id),
  )
  addWorkerOption(command)
    .option('--name <NAME>', 'another name than that of the replica')
    .option('--paused', 'add it paused: no sync starts until it is resumed')
    .addHelpText(
      'after',
      `
Credentials are sealed for the worker of the replica and never leave it: give them again in KAGAMI_AUTH.

Examples:
  kagami replicas clone debian@sh-12 --worker sh-13
  kagami replicas clone debian@sh-12 --worker sh-13 --worker sh-14 --paused`,
    )
}

function addWorkerOption(command: Command): Command {
  return command.requiredOption(
    '--worker <WORKER>',
    'worker that mirrors it; may be repeated',
    (worker: string, before: string[] | undefined) => [...(before ?? []), worker],
  )
}

async function add(client: Client, options: AddOptions, given: string | undefined): Promise<void> {
  const workers = await findWorkers(client, options.worker)
  const preset = options.preset === undefined ? null : requirePreset(options.preset)
  const upstream = given ?? preset?.upstream
  if (upstream === undefined)
    throw new ConfigError('no upstream was given', 'Give its address, or --preset with one of kagami replicas presets.')
  if (lacksHost(upstream)) throw hostMissing(upstream, options)
  const guessed = guess(upstream)
  const name = options.name ?? preset?.name ?? guessed.name
  if (name === null) throw new ConfigError(`no name can be guessed from ${upstream}`, 'Give one: --name NAME.')
  const body: NewReplica = {
    upstream,
    kind: options.kind ?? preset?.kind ?? guessed.kind ?? 'http',
    name,
    interval_secs:
      options.interval === undefined ? (preset?.interval_secs ?? null) : wholeNumber('--interval', options.interval),
    labels: { ...preset?.labels, ...pairsOf(options.label) },
    options: { ...preset?.options, ...optionsOf(options.option) },
    auth: authFromEnvironment(),
    ...(options.paused ? { paused: true } : {}),
  }
  await addToWorkers(client, { body, workers, options })
  if (preset) for (const note of preset.notes) if (note !== 'chooseHost') remark(`note: ${presetNotes[note]}`)
  const known = preset === null ? recognise(upstream) : null
  if (known) remark(`There is a preset for this upstream: kagami replicas presets ${known.id}`)
}

async function clone(client: Client, options: CloneOptions, id: string): Promise<void> {
  const workers = await findWorkers(client, options.worker)
  const replica = await client.call('getReplica', { params: { id } })
  const auth = authFromEnvironment()
  const { kind, upstream, interval_secs, labels } = replica
  const body: NewReplica = {
    name: options.name ?? replica.name,
    kind,
    upstream,
    interval_secs,
    labels,
    options: replica.options,
    auth,
    ...(options.paused ? { paused: true } : {}),
  }
  await addToWorkers(client, { body, workers, options })
  if (replica.has_credentials && !auth)
    remark(
      `${replica.name}@${replica.worker_name} has credentials, which were not copied: kagami replicas edit ` +
        `${body.name}@WORKER --username NAME --password-file FILE`,
    )
}

interface Target {
  readonly id: string
  readonly name: string
}

/** Every worker is found before anything is added. */
async function findWorkers(client: Client, ids: readonly string[]): Promise<Target[]> {
  const found = new Map<string, Target>()
  for (const id of ids) {
    const { worker_id, name } = await client.call('getWorker', { params: { id } })
    found.set(worker_id, { id: worker_id, name })
  }
  return [...found.values()]
}

async function addToWorkers(
  client: Client,
  { body, workers, options }: { body: NewReplica; workers: readonly Target[]; options: ApiOptions },
): Promise<void> {
  const [only] = workers
  const results: object[] = []
  let failed = 0
  for (const worker of workers) {
    try {
      const added = await client.call('addReplica', { params: { id: worker.id }, body })
      results.push(added)
      if (!options.json) process.stdout.write(`Added ${added.name}@${worker.name}\n`)
    } catch (error) {
      if (workers.length === 1) throw error
      failed++
      const { code, message, hint, field } = error as ApiError
      results.push({ worker_id: worker.id, name: body.name, error: { code, message, hint, field } })
      remark(`${worker.name}: ${describeError(error)}`)
    }
  }
  if (options.json) printJson(workers.length === 1 ? results[0] : results)
  if (failed > 0) {
    setExitCode(failed === workers.length ? 1 : 8)
    const again = `run this again with --worker of those alone, once that is mended`
    remark(`${failed} of ${workers.length} workers did not take it, the others have it: ${again}.`)
  } else if (!body.paused && workers.length === 1 && only) remark(`Sync it now: kagami sync ${body.name}@${only.name}`)
}

function hostMissing(upstream: string, { preset = 'ID', worker }: AddOptions): ConfigError {
  const { source } = presetOf(preset) ?? {}
  const shape = upstream.replace(HOST, 'mirror.example.org')
  return new ConfigError(
    `${upstream} does not say which mirror to fetch from`,
    `Give the address with the host of a mirror near you: kagami replicas add ${shape} --preset ${preset} ` +
      `--worker ${worker[0] ?? 'WORKER'}.${source ? ` Mirrors: ${source}` : ''}`,
  )
}
