// test-upstream.ts — kagami replicas test: has a worker ask an upstream what it has, and prints what it found.
import { guess, type Client, type NewTrial, type Trial, type TrialStep } from '@kagami/protocol'
import { ConfigError } from '@kagami/runtime/config'
import type { Command } from 'commander'
import { apiCommand } from '../commands/api.ts'
import { authFromEnvironment, optionsOf } from '../given.ts'
import { printJson, printTable, remark, setExitCode } from '../output.ts'
import type { ApiOptions } from '../session.ts'
import { size } from '../words.ts'

interface TestOptions extends ApiOptions {
  worker?: string
  kind?: string
  option?: string[]
}

/** Adds `test` to `replicas`. */
export function addReplicaTest(replicas: Command): void {
  apiCommand<TestOptions>(
    replicas,
    'test <REPLICA>',
    'have the worker of a replica, or another one (--worker), ask an upstream what it has; nothing is copied',
    async ({ client, options, args: [named = ''] }) => {
      const isReplica = options.worker === undefined
      const { worker, body } = isReplica ? await ofReplica(client, named, options) : ofUpstream(named, options)
      const { worker_id, name } = await client.call('getWorker', { params: { id: worker } })
      const trial = await client.call('tryUpstream', { params: { id: worker_id }, body })
      if (!trial.ok) setExitCode(1)
      if (options.json) return printJson(trial)
      printTrial(trial, { upstream: body.upstream, worker: name })
    },
  )
    .option('--worker <WORKER>', 'worker that asks; then an upstream is named, not a replica')
    .option('--kind <KIND>', 'kind of the upstream (default: guessed from it, or that of the replica)')
    .option('--option <KEY=VALUE...>', 'options of the kind, in place of those of the replica')
    .addHelpText(
      'after',
      `
With --worker, an upstream is named in place of a replica. The exit code is 1 when a sync would fail now.

It takes 10 s at most. The worker asks as a sync would: by the same addresses, proxies and limits, with the credentials
of the replica or those in KAGAMI_AUTH (see kagami replicas add --help).

Examples:
  kagami replicas test debian@sh-12
  kagami replicas test rsync://rsync.example.org/debian/ --worker sh-12
  kagami replicas test https://example.org/tool --worker sh-12 --kind git`,
    )
}

interface Question {
  readonly worker: string
  readonly body: NewTrial
}

function ofUpstream(upstream: string, { worker = '', kind, option }: TestOptions): Question {
  const body = { upstream, kind: kind ?? guess(upstream).kind ?? 'http', options: optionsOf(option), ...given() }
  return { worker, body }
}

async function ofReplica(client: Client, id: string, { kind, option }: TestOptions): Promise<Question> {
  if (/:\/\/|^[^@]+@[^:@]+:/.test(id))
    throw new ConfigError(
      'the worker that asks this upstream is not named',
      `Name it: kagami replicas test ${id} --worker WORKER. The workers: kagami workers.`,
    )
  const replica = await client.call('getReplica', { params: { id } })
  const options = { ...replica.options, ...optionsOf(option) }
  const { upstream, replica_id, worker_id } = replica
  return { worker: worker_id, body: { upstream, kind: kind ?? replica.kind, options, replica_id, ...given() } }
}

function given(): Pick<NewTrial, 'auth'> {
  const auth = authFromEnvironment()
  return auth ? { auth } : {}
}

/** The words of the steps; one of a later version is shown as it is. */
const WORDS: Readonly<Record<string, string>> = {
  settings: 'settings',
  address: 'address',
  proxy: 'proxy',
  dns: 'DNS',
  connection: 'connection',
  tls: 'TLS',
  answer: 'upstream',
}

const rowOf = ({ what, ok, detail, ms }: TrialStep): string[] => [
  ok ? '✓ ok' : '✕ failed',
  WORDS[what] ?? what,
  `${ms} ms`,
  detail,
]

function printTrial(trial: Trial, { upstream, worker }: { upstream: string; worker: string }): void {
  printTable(['RESULT', 'STEP', 'TOOK', 'FOUND'], trial.steps.map(rowOf))
  const free = trial.free_bytes === null ? '' : ` ${size(trial.free_bytes)} are free on ${worker}.`
  if (trial.ok) return remark(`${worker} can mirror ${upstream}, as far as a test tells.${free}`)
  remark(`${worker} could not sync ${upstream} now.${free}`)
  if (trial.hint) remark(`hint: ${trial.hint}`)
}
