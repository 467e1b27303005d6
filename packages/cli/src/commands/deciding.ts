// deciding.ts — kagami replicas approve | reject | pause | resume | rollback, and pause and resume of a whole mirror.
import type { Client, Replica } from '@kagami/protocol'
import { ConfigError } from '@kagami/runtime/config'
import type { Command } from 'commander'
import { printJson, remark } from '../output.ts'
import type { ApiOptions } from '../session.ts'
import { apiCommand } from './api.ts'

type WithReason = ApiOptions & { reason?: string }

/** Adds to `replicas` what is decided about one. */
export function addDeciding(replicas: Command): void {
  decision(
    replicas,
    'approve <REPLICA>',
    'let a held sync delete what it would have deleted; it runs now',
    async (client, replica) => {
      await client.call('approveHold', {
        params: { id: replica.replica_id },
        body: { hold_id: replica.hold?.hold_id ?? null },
      })
      remark(`Follow: kagami logs -f ${nameOf(replica)}`)
      return (
        `Approved: ${replica.hold?.removed ?? 0} of ${replica.hold?.total ?? 0} entries of ${nameOf(replica)} ` +
        'may be deleted, once'
      )
    },
  )
  decision(replicas, 'reject <REPLICA>', 'decide that a held sync deletes nothing', async (client, replica) => {
    await client.call('rejectHold', {
      params: { id: replica.replica_id },
      body: { hold_id: replica.hold?.hold_id ?? null },
    })
    return (
      `Rejected: nothing of ${nameOf(replica)} is deleted. It syncs again by itself once the upstream has ` +
      'recovered'
    )
  })
  decision<WithReason>(
    replicas,
    'pause <REPLICA>',
    'start nothing by itself any more',
    async (client, replica, { reason }) => {
      await client.call('pauseReplica', { params: { id: replica.replica_id }, body: { reason: reason ?? null } })
      return `Paused ${nameOf(replica)}. It still syncs when asked: kagami sync ${nameOf(replica)}`
    },
  ).option('--reason <TEXT>', 'why, for the others')
  decision(replicas, 'resume <REPLICA>', 'let a paused replica go on', async (client, replica) => {
    await client.call('resumeReplica', { params: { id: replica.replica_id } })
    return `Resumed ${nameOf(replica)}`
  })
  decision<ApiOptions & { to?: string }>(
    replicas,
    'rollback <REPLICA>',
    'put an earlier tree in place (publish = "swap") and pause the replica',
    async (client, replica, { to }) => {
      await client.call('rollbackReplica', {
        params: { id: replica.replica_id },
        body: { generation: generationOf(to) },
      })
      remark(`Once it is right again: kagami replicas resume ${nameOf(replica)}`)
      return (
        `${nameOf(replica)} goes back to ${to === undefined ? 'the tree before' : `generation ${to}`}, and is ` +
        'paused so that the next sync does not undo it'
      )
    },
  ).option('--to <GENERATION>', 'number of the tree (default: the one before the present)')
}

/** Adds `pause` and `resume` to `resources`. */
export function addMirrorPauses(resources: Command): void {
  apiCommand<WithReason>(
    resources,
    'pause <NAME>',
    'pause every replica of a mirror',
    async ({ client, options, args: [id = ''] }) => {
      await client.call('pauseResource', { params: { id }, body: { reason: options.reason ?? null } })
      if (options.json) return printJson({ name: id, paused: true })
      process.stdout.write(`Paused every replica of ${id}\n`)
    },
  ).option('--reason <TEXT>', 'why, for the others')
  apiCommand<ApiOptions>(
    resources,
    'resume <NAME>',
    'let every replica of a mirror go on',
    async ({ client, options, args: [id = ''] }) => {
      await client.call('resumeResource', { params: { id } })
      if (options.json) return printJson({ name: id, paused: false })
      process.stdout.write(`Resumed every replica of ${id}\n`)
    },
  )
}

function generationOf(text: string | undefined): number | null {
  if (text === undefined) return null
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw new ConfigError(
    `"${text}" is no generation`,
    'Generations are numbers: kagami replicas get NAME@WORKER shows the present one.',
  )
}

type Act<O extends ApiOptions> = (client: Client, replica: Replica, options: O) => Promise<string>

function decision<O extends ApiOptions = ApiOptions>(
  parent: Command,
  usage: string,
  description: string,
  act: Act<O>,
): Command {
  return apiCommand<O>(parent, usage, description, async ({ client, options, args: [id = ''] }) => {
    const replica = await client.call('getReplica', { params: { id } })
    const said = await act(client, replica, options)
    if (options.json)
      return printJson({ replica_id: replica.replica_id, name: replica.name, worker_id: replica.worker_id, said })
    process.stdout.write(`${said}\n`)
  })
}

function nameOf(replica: Replica): string {
  return `${replica.name}@${replica.worker_name}`
}
