// trials.ts — Has a worker try an upstream. Decides nothing, and saves only that it was asked for.
import { Refusal, TRIAL_SECONDS, type NewTrial, type ReplicaSpec, type SealedAuth, type Trial } from '@kagami/protocol'
import { newId, sealAuth } from '@kagami/runtime'
import { addedSpec } from '../core/edits.ts'
import type { WorkerEntry } from '../core/entries.ts'
import { checkInterval, checkKind, checkOptions, checkUpstream } from '../core/new-replica.ts'
import { requireApproved, requireCapability } from '../core/records.ts'
import type { Services } from '../services.ts'
import { auditEntry } from './save.ts'
import type { Caller, TrialCommands } from './types.ts'

/** A worker ends a trial itself; then its answer has to arrive. */
const ANSWER_MS = (TRIAL_SECONDS + 5) * 1000

/** The command that tries an upstream. */
export function createTrialCommands(services: Services): TrialCommands {
  return { tryUpstream: (workerId, request, by) => tryUpstream(services, workerId, { request, by }) }
}

async function tryUpstream(
  services: Services,
  workerId: string,
  { request, by }: { request: NewTrial; by: Caller },
): Promise<Trial> {
  const worker = requireApproved(services.fleet.workers.get(workerId), workerId)
  const { name } = worker.record
  requireCapability(worker, 'try')
  checkKind(worker, request)
  checkUpstream(worker, request)
  checkInterval(request.interval_secs)
  checkOptions(worker, request)
  const { kind, upstream, options } = request
  const sealed = await sealedFor(worker, request)
  const audit = auditEntry(services, by, { action: 'try_upstream', target: workerId, detail: `${kind} ${upstream}` })
  await services.store.addAudit(audit)
  const question = { ...sealed, kind, upstream, options: options ?? {} }
  const reply = await services.bus.request('try', workerId, question, ANSWER_MS)
  if (reply?.trial) return reply.trial
  if (!reply)
    throw new Refusal(
      'worker_unreachable',
      `worker ${name} did not answer; whether it can reach ${upstream} is unknown`,
    )
  throw new Refusal(
    'conflict',
    `worker ${name} tries ${reply.busy_with ?? 'another upstream'} just now, and one at a time`,
    null,
    `It takes ${TRIAL_SECONDS} s at most: try again then.`,
  )
}

interface Sealed {
  readonly replica_id: string
  readonly auth: SealedAuth | null
}

/** The credentials to try with, sealed for the worker: those given, or those of the replica that is named. */
async function sealedFor(worker: WorkerEntry, request: NewTrial): Promise<Sealed> {
  const { record } = worker
  const { kind, upstream, auth, replica_id: named } = request
  if (named !== undefined && named !== null && !worker.replicas.get(named) && !addedSpec(worker, named))
    throw new Refusal('no_such_replica', `worker ${record.name} has no replica ${named}`, 'replica_id')
  const kept = auth === undefined && typeof named === 'string' ? named : null
  const replicaId = kept ?? newId()
  // Sealed for one upstream: the worker opens them for no other.
  const given = kept === null ? (auth ?? null) : (addedSpec(worker, kept)?.auth ?? null)
  if (given === null || given.type === 'sealed') return { replica_id: replicaId, auth: given }
  if (!record.sealing_key)
    throw new Refusal('conflict', `worker ${record.name} has no key to seal credentials with: upgrade it first`, 'auth')
  const own = { replica_id: replicaId, name: 'trial', kind, upstream, interval_secs: null, labels: {}, options: {} }
  const spec: ReplicaSpec = { ...own, auth: given, origin: 'api' }
  const { auth: sealed } = await sealAuth(spec, record.worker_id, record.sealing_key)
  if (sealed?.type !== 'sealed') throw new Error('credentials were not sealed')
  return { replica_id: replicaId, auth: sealed }
}
