// decisions.ts — kagami replicas approve | reject | pause | resume | rollback | verify | kept | restore | rename, and
// pause and resume of a whole mirror.
import type { Client, KeptFiles, Replica } from '@kagami/protocol'
import { ConfigError } from '@kagami/runtime/config'
import type { Command } from 'commander'
import { printJson, printTable, remark } from '../output.ts'
import type { ApiOptions } from '../session.ts'
import { age, size } from '../words.ts'
import { apiCommand } from './api.ts'

type WithReason = ApiOptions & { reason?: string }

/** Adds the decisions about one replica to `replicas`. */
export function addReplicaDecisions(replicas: Command): void {
  addHoldDecisions(replicas)
  addAdoption(replicas)
  addDecision<WithReason>(
    replicas,
    'pause <REPLICA>',
    'stop the schedule of a replica',
    async (client, replica, { reason }) => {
      await client.call('pauseReplica', { params: { id: replica.replica_id }, body: { reason: reason ?? null } })
      return `Paused ${nameOf(replica)}. It still syncs on request: kagami sync ${nameOf(replica)}`
    },
  ).option('--reason <TEXT>', 'why, shown to other operators')
  addDecision(replicas, 'resume <REPLICA>', 'resume the schedule of a paused replica', async (client, replica) => {
    await client.call('resumeReplica', { params: { id: replica.replica_id } })
    return `Resumed ${nameOf(replica)}`
  })
  addDecision<ApiOptions & { to?: string }>(
    replicas,
    'rollback <REPLICA>',
    'publish an earlier tree again (publish = "swap") and pause the replica',
    async (client, replica, { to }) => {
      await client.call('rollbackReplica', {
        params: { id: replica.replica_id },
        body: { generation: generationOf(to) },
      })
      const tree = to === undefined ? 'the previous tree' : `generation ${to}`
      remark(`Once the upstream is right again: kagami replicas resume ${nameOf(replica)}`)
      return `${nameOf(replica)} goes back to ${tree} and is paused, so that the next sync does not undo it`
    },
  ).option('--to <GENERATION>', 'number of the tree (default: the one before the current tree)')
  addFileRequests(replicas)
}

/** What changes or proves the files of one replica. */
function addFileRequests(replicas: Command): void {
  addDecision(
    replicas,
    'verify <REPLICA>',
    'look at the whole copy of a replica, and fetch anew what is damaged',
    async (client, replica) => {
      await client.call('verifyReplica', { params: { id: replica.replica_id } })
      remark(`What it finds is in its log: kagami logs -f ${nameOf(replica)}`)
      return `${nameOf(replica)} is looked at as a whole; readers go on reading it meanwhile`
    },
  ).addHelpText(
    'after',
    `
git: every object is read and its checksum computed; git-lfs: those of LFS too. rsync: both sides compute the checksum
of every file. http: every file is downloaded anew and compared. What is damaged or missing is replaced.`,
  )
  addKept(replicas)
  addDecision(
    replicas,
    'restore <REPLICA> <ID>',
    'give readers back a ref that the upstream lost (git, keep_history), and pause the replica',
    async (client, replica, _options, id = '') => {
      await client.call('restoreReplica', { params: { id: replica.replica_id }, body: { id } })
      remark(`Once the upstream is right again: kagami replicas resume ${nameOf(replica)}`)
      return `${id} is given back to readers of ${nameOf(replica)}, paused so that the next sync does not undo it`
    },
  )
  addDecision(
    replicas,
    'rename <REPLICA> <NAME>',
    'give a replica that was added by the API another name; its files follow',
    async (client, replica, _options, name = '') => {
      await client.call('renameReplica', { params: { id: replica.replica_id }, body: { name } })
      remark(`Readers find it under the new name once its next sync has begun: kagami logs -f ${name}`)
      return `${nameOf(replica)} is called ${name}@${replica.worker_name} now`
    },
  )
}

function addKept(replicas: Command): void {
  apiCommand<ApiOptions>(
    replicas,
    'kept <REPLICA>',
    'what the upstream lost and the copy still has: refs (git, keep_history), files (rsync and http, keep_deleted)',
    async ({ client, options, args: [id = ''] }) => {
      const replica = await client.call('getReplica', { params: { id } })
      const { count, refs } = replica.kept ?? { count: 0, refs: [] }
      const files = replica.kept_files ?? null
      if (options.json) return printJson({ count, refs, files })
      if (files) return printKeptFiles(files)
      if (count === 0) return remark(`Nothing is kept of ${nameOf(replica)} that its upstream lost.`)
      printTable(
        ['ID', 'COMMIT', 'LOST', 'KEPT UNTIL'],
        refs.map(({ id: kept, commit, lost_at, until }) => [
          kept,
          commit.slice(0, 12),
          age(lost_at),
          until.slice(0, 10),
        ]),
      )
      const more = count > refs.length ? `The newest ${refs.length} of ${count}. ` : ''
      remark(`${more}Give one back to readers: kagami replicas restore ${nameOf(replica)} ID`)
    },
  )
}

function addHoldDecisions(replicas: Command): void {
  const holdOf = (replica: Replica) => ({
    params: { id: replica.replica_id },
    body: { hold_id: replica.hold?.hold_id ?? null },
  })
  addDecision(
    replicas,
    'approve <REPLICA>',
    'approve what a held sync would do: delete, fetch files of a missing disk anew, take over files; it runs at once',
    async (client, replica) => {
      await client.call('approveHold', holdOf(replica))
      remark(`Follow: kagami logs -f ${nameOf(replica)}`)
      const { reason, removed, total } = replica.hold ?? { reason: null, removed: 0, total: 0 }
      if (reason === 'foreign_files') return adopted(replica)
      if (reason === 'missing_disk') return `Approved: the files of ${nameOf(replica)} are fetched anew`
      return `Approved: ${removed} of ${total} entries of ${nameOf(replica)} may be deleted, once`
    },
  )
  addDecision(
    replicas,
    'reject <REPLICA>',
    'reject the deletions of a held sync; nothing is deleted',
    async (client, replica) => {
      await client.call('rejectHold', holdOf(replica))
      if (replica.hold?.reason === 'foreign_files')
        return `Rejected: the files in the folder of ${nameOf(replica)} stay`
      return replica.hold?.reason === 'missing_disk'
        ? `Rejected: nothing of ${nameOf(replica)} is fetched. It syncs again once its disk is back`
        : `Rejected: nothing of ${nameOf(replica)} is deleted. It syncs again once the upstream has recovered`
    },
  )
}

/** What the files in a folder would become is in the hold, so nothing is asked once more. */
function addAdoption(replicas: Command): void {
  addDecision(
    replicas,
    'adopt <REPLICA>',
    'take over the files of something else that are in the folder of a replica; its sync has shown what changes',
    async (client, replica) => {
      const { hold } = replica
      if (hold?.reason !== 'foreign_files')
        throw new ConfigError(
          `${nameOf(replica)} has found no files of something else in its folder; nothing was done`,
          `Its sync finds them, and is then held: kagami sync ${nameOf(replica)}`,
        )
      await client.call('approveHold', { params: { id: replica.replica_id }, body: { hold_id: hold.hold_id } })
      remark(`Follow: kagami logs -f ${nameOf(replica)}`)
      return adopted(replica)
    },
  )
}

function adopted(replica: Replica): string {
  const { removed, total } = replica.hold ?? { removed: 0, total: 0 }
  return `${nameOf(replica)} takes over the files in its folder; ${removed} of ${total} entries may be deleted, once`
}

/** Adds `pause` and `resume` to `resources`. */
export function addMirrorDecisions(resources: Command): void {
  apiCommand<WithReason>(
    resources,
    'pause <NAME>',
    'stop the schedule of every replica of a mirror',
    async ({ client, options, args: [id = ''] }) => {
      await client.call('pauseResource', { params: { id }, body: { reason: options.reason ?? null } })
      if (options.json) return printJson({ name: id, paused: true })
      process.stdout.write(`Paused every replica of ${id}\n`)
    },
  ).option('--reason <TEXT>', 'why, shown to other operators')
  apiCommand<ApiOptions>(
    resources,
    'resume <NAME>',
    'resume the schedule of every replica of a mirror',
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
    'Generations are numbers: kagami replicas get NAME@WORKER shows the current one.',
  )
}

/** Makes the call; returns the sentence that is printed. */
type Decide<O extends ApiOptions> = (client: Client, replica: Replica, options: O, more?: string) => Promise<string>

function addDecision<O extends ApiOptions = ApiOptions>(
  parent: Command,
  usage: string,
  description: string,
  decide: Decide<O>,
): Command {
  return apiCommand<O>(parent, usage, description, async ({ client, options, args: [id = '', more] }) => {
    const replica = await client.call('getReplica', { params: { id } })
    const said = await decide(client, replica, options, more)
    if (options.json)
      return printJson({ replica_id: replica.replica_id, name: replica.name, worker_id: replica.worker_id, said })
    process.stdout.write(`${said}\n`)
  })
}

function nameOf(replica: Replica): string {
  return `${replica.name}@${replica.worker_name}`
}

function printKeptFiles({ count, size_bytes, files }: KeptFiles): void {
  printTable(
    ['FILE', 'KEPT UNTIL'],
    files.map(({ path, until }) => [path, until]),
  )
  const more = count > files.length ? `The first ${files.length} of ${count} files` : `${count} files`
  remark(`${more}, ${size(size_bytes)} in all. The first sync after its end deletes each of them.`)
}
