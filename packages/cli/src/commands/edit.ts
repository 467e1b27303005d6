// edit.ts — kagami replicas edit: changes what is given of a replica, and prints what that changed.
import {
  ApiError,
  describeChange,
  type BulkPatch,
  type Client,
  type Replica,
  type ReplicaPatch,
} from '@kagami/protocol'
import { ConfigError } from '@kagami/runtime/config'
import type { Command } from 'commander'
import { authFromEnvironment, optionsOf, pairsOf, readSecret } from '../given.ts'
import { wholeNumber } from '../numbers.ts'
import { printJson, remark } from '../output.ts'
import type { ApiOptions } from '../session.ts'
import { apiCommand } from './api.ts'

/** What is changed alike of one replica or of many. */
export interface SettingOptions {
  interval?: string
  label?: string[]
  removeLabel?: string[]
  option?: string[]
  unset?: string[]
}

interface EditOptions extends ApiOptions, SettingOptions {
  upstream?: string
  username?: string
  passwordFile?: string
  tokenFile?: string
  /** False: `--no-auth`. */
  auth?: boolean
  name?: string
  kind?: string
}

/** Adds `edit` to `replicas`. */
export function addReplicaEdit(replicas: Command): void {
  const command = apiCommand<EditOptions>(
    replicas,
    'edit <REPLICA>',
    'change upstream, interval, labels, options or credentials of a replica; what is not given stays',
    async ({ client, options, args: [id = ''] }) => edit(client, options, id),
  ).option('--upstream <URL>', 'another address of the same mirror; its files stay, and only what differs is fetched')
  addSettingOptions(command)
    .option('--username <NAME>', 'user name of new credentials, with --password-file')
    .option('--password-file <FILE>', 'file with the password in its first line; -: standard input')
    .option('--token-file <FILE>', 'file with a token as new credentials; -: standard input')
    .option('--no-auth', 'remove the credentials')
    .option('--name <NAME>', 'refused: another name is given by kagami replicas rename')
    .option('--kind <KIND>', 'refused: the kind stays')
    .addHelpText(
      'after',
      `
Credentials are also read from KAGAMI_AUTH, as by kagami replicas add. They belong to one upstream: with --upstream, a
replica that has credentials needs them anew, or --no-auth.

A sync that is running ends as it began; the next one goes by the edit. A worker that is away takes it when it is back.
A replica of worker.toml is edited there.

Examples:
  kagami replicas edit debian@sh-12 --interval 3600 --label env=prod
  kagami replicas edit debian@sh-12 --option max_delete_percent=40 exclude='["*.iso"]' --unset bwlimit_kbps
  kagami replicas edit debian@sh-12 --upstream rsync://rsync2.example.org/debian/
  kagami replicas edit tool@sh-12 --username bob --password-file ./password`,
    )
}

async function edit(client: Client, options: EditOptions, id: string): Promise<void> {
  const body = patchOf(options)
  const replica = await client.call('getReplica', { params: { id } })
  if (Object.keys(body).length === 0) throw await nothingGiven(client, replica)
  const params = { id: replica.replica_id }
  const headers = replica.etag ? { headers: { 'if-match': replica.etag } } : {}
  const name = `${replica.name}@${replica.worker_name}`
  const edited = await client.call('editReplica', { params, ...headers, body }).catch((error: unknown) => {
    throw error instanceof ApiError && error.code === 'precondition_failed' ? changedMeanwhile(error, name) : error
  })
  if (options.json) return printJson(edited)
  if (edited.changes.length === 0) return void process.stdout.write(`${name} is so already; nothing was changed\n`)
  process.stdout.write(`Edited ${name}\n${edited.changes.map((change) => `  ${describeChange(change)}\n`).join('')}`)
  remark(`When it counts: ${edited.takes_effect ?? ''}. Sync it now: kagami sync ${name}`)
}

/** Adds the options that change settings of one replica or of many. */
export function addSettingOptions(command: Command): Command {
  return command
    .option('--interval <SECONDS>', 'seconds between syncs; 0: only on request')
    .option('--label <KEY=VALUE...>', 'labels to set')
    .option('--remove-label <KEY...>', 'labels to remove')
    .option('--option <KEY=VALUE...>', 'options of the kind to set')
    .option('--unset <KEY...>', 'options to set back to their defaults')
}

/** The patch of these options; empty when none is given. Throws ConfigError. */
export function settingsPatchOf({ interval, label, removeLabel, option, unset }: SettingOptions): BulkPatch {
  const labels = withNulls(pairsOf(label), removeLabel)
  const chosen = withNulls(optionsOf(option), unset)
  return {
    ...(interval === undefined ? {} : { interval_secs: wholeNumber('--interval', interval) }),
    ...(Object.keys(labels).length === 0 ? {} : { labels }),
    ...(Object.keys(chosen).length === 0 ? {} : { options: chosen }),
  }
}

function patchOf(options: EditOptions): ReplicaPatch {
  const { upstream, name, kind } = options
  const auth = authOf(options)
  return {
    ...(name === undefined ? {} : { name }),
    ...(kind === undefined ? {} : { kind }),
    ...(upstream === undefined ? {} : { upstream }),
    ...settingsPatchOf(options),
    ...(auth === undefined ? {} : { auth }),
  }
}

function withNulls<V>(set: Record<string, V>, removed: readonly string[] = []): Record<string, V | null> {
  const both = removed.find((key) => Object.hasOwn(set, key))
  if (both !== undefined) throw new ConfigError(`${both} is both set and removed`)
  return { ...set, ...Object.fromEntries(removed.map((key) => [key, null])) }
}

/** The new credentials; null: none any more; undefined: they stay. */
function authOf({ username, passwordFile, tokenFile, auth }: EditOptions): ReplicaPatch['auth'] {
  if ((username === undefined) !== (passwordFile === undefined))
    throw new ConfigError('--username and --password-file belong together', 'Give both, or --token-file.')
  const ways = [username, tokenFile, auth === false ? '--no-auth' : undefined].filter((way) => way !== undefined)
  if (ways.length > 1) throw new ConfigError('give one of --username, --token-file and --no-auth')
  if (auth === false) return null
  if (tokenFile !== undefined) return { type: 'token', token: readSecret('--token-file', tokenFile) }
  if (username === undefined || passwordFile === undefined) return authFromEnvironment() ?? undefined
  return { type: 'basic', username, password: readSecret('--password-file', passwordFile) }
}

async function nothingGiven(client: Client, { name, kind, worker_name, worker_id }: Replica): Promise<ConfigError> {
  const worker = await client.call('getWorker', { params: { id: worker_id } }).catch(() => null)
  const schema = worker?.kinds.find((one) => one.kind === kind)?.options as { properties?: object } | undefined
  const keys = Object.keys(schema?.properties ?? {})
  return new ConfigError(
    `nothing was given that would change ${name}@${worker_name}`,
    'Give at least one of --upstream, --interval, --label, --remove-label, --option, --unset, --username with ' +
      '--password-file, --token-file, --no-auth.' +
      (keys.length > 0 ? ` Options of ${kind} on ${worker_name}: ${keys.join(', ')}.` : ''),
  )
}

/** The command gives only what is to change, so it can be run again as it is. */
function changedMeanwhile({ code, status, message, field, requestId }: ApiError, name: string): ApiError {
  const hint = `Nothing was changed. Look at it (kagami replicas get ${name}); if it is still right, run this again.`
  return new ApiError({ code, status, message, hint, field, requestId })
}
