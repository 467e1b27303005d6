// enrol.ts — New workers on a locked NATS: their requests for credentials, answered. Admission stays what it is
// everywhere: people decide.
import { enrolProof, type Enrol, type EnrolReply, type Join } from '@kagami/protocol'
import { hashOfJoinSecret, isUserKey, signedByUser } from '@kagami/runtime'
import { joined } from '../core/records.ts'
import { enrolment } from '../core/enrolment.ts'
import { putWorker, setPresence } from '../core/fleet.ts'
import { noChanges } from '../core/entries.ts'
import type { WorkerRecord } from '../store/store.ts'
import type { Core } from '../supervisor.ts'
import type { Accounts } from './accounts.ts'
import { documentOf } from './projection.ts'

/** Starts answering; returns the way to stop. Nothing is answered where NATS is open. */
export function listenToNewcomers(core: Core): () => void {
  const { accounts, bus } = core
  return accounts
    ? bus.answer('enrol', null, (asked, { workerId: publicKey }) => answer(core, accounts, { ...asked, publicKey }))
    : () => {}
}

async function answer(
  core: Core,
  accounts: Accounts,
  asked: Enrol & { publicKey: string },
): Promise<EnrolReply | null> {
  const { publicKey, join } = asked
  core.traffic.message(core.clock.now().getTime())
  if (!isUserKey(publicKey) || !signedByUser(publicKey, enrolProof(publicKey, asked), asked.signature)) return null
  return core.inTurn(join.worker_id, async () => {
    const about = { worker_id: join.worker_id, public_key: publicKey, jwt: null }
    const problem = await bind(core, asked)
    if (problem) {
      core.logger.warn(
        { worker_id: join.worker_id, host: join.hostname, reason: problem },
        'refused credentials to a worker',
      )
      return { ...about, status: 'refused', reason: problem }
    }
    const record = await meet(core, join)
    const jwt = record.admission === 'approved' ? await accounts.sign(join.worker_id, publicKey) : null
    return { ...about, status: record.admission, reason: record.reason, jwt }
  })
}

/** Binds id and key; says in one sentence why they cannot be. */
async function bind(core: Core, { token, join, publicKey }: Enrol & { publicKey: string }): Promise<string | null> {
  const { store, clock } = core
  const now = clock.now()
  const known = {
    keys: await store.findKeys(join.worker_id, publicKey),
    token: await store.findJoinToken(hashOfJoinSecret(token)),
  }
  const decided = enrolment({ workerId: join.worker_id, publicKey }, known, now)
  if (decided.verdict === 'refused') return decided.reason
  if (decided.verdict === 'bound') return null
  const entry = {
    at: now.toISOString(),
    actor: 'worker',
    remote: null,
    action: 'enrol',
    target: join.worker_id,
    detail: `key ${publicKey}, token ${decided.tokenId}`,
    result: 'ok',
  }
  const claimed = await store.claimKey(
    { public_key: publicKey, worker_id: join.worker_id, claimed_at: now.toISOString(), revoked_at: null },
    decided.tokenId,
    entry,
  )
  return claimed ? null : 'this join token was used up just now'
}

/**
 * The worker as the fleet sees it while it waits: what it says of itself, and that it is there. Which of its processes
 * counts is settled when it joins.
 */
async function meet(core: Core, join: Join): Promise<WorkerRecord> {
  const now = core.clock.now()
  const known = core.fleet.workers.get(join.worker_id)
  const met = joined(known?.record ?? null, join, { autoApprove: core.config.auto_approve, now })
  const record = known ? { ...met, instance: known.record.instance, rev: known.record.rev } : { ...met, instance: null }
  const same = JSON.stringify(record) === JSON.stringify(known?.record)
  if (!same) await core.store.saveWorker(record)
  const worker = putWorker(core.fleet, record, now.getTime())
  if (!known)
    core.logger.info(
      { worker_id: join.worker_id, name: record.name, admission: record.admission },
      'a worker asks for credentials for the first time',
    )
  worker.heardMs = core.clock.monotonicMs()
  worker.lastSeenAt = now.toISOString()
  if (!same) core.projection.put(documentOf(record, core.term))
  const changes = setPresence(core.fleet, worker, 'online', now.getTime())
  core.apply({ ...noChanges(), ...changes, workers: new Set([worker]) })
  return record
}
