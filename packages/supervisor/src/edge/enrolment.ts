// enrolment.ts — Answers requests for credentials on a locked NATS. A join token lets a worker ask; people decide about
// its admission, as everywhere.
import { enrolProof, type Enrol, type EnrolReply, type Join } from '@kagami/protocol'
import { isUserKey, secretHash, signedByUser } from '@kagami/runtime'
import { documentOf } from '../core/document.ts'
import { decideEnrolment } from '../core/enrolment.ts'
import { noChanges } from '../core/changes.ts'
import { putWorker, setPresence } from '../core/fleet.ts'
import { findMissingDisk } from '../core/place.ts'
import { withJoin } from '../core/records.ts'
import type { Accounts, Services } from '../services.ts'
import type { WorkerRecord } from '../store/store.ts'

/** A request, with the public key that its subject names. */
type EnrolRequest = Enrol & { readonly publicKey: string }

/** Starts answering. Returns how to stop. */
export function answerEnrolments(services: Services, accounts: Accounts): () => void {
  return services.bus.answer('enrol', null, (request, { workerId: publicKey }) =>
    answerEnrolment(services, accounts, { ...request, publicKey }),
  )
}

/** Null, which sends no answer, when the request is not signed by the key it names. */
async function answerEnrolment(
  services: Services,
  accounts: Accounts,
  request: EnrolRequest,
): Promise<EnrolReply | null> {
  const { publicKey, join } = request
  services.traffic.countMessage(services.clock.now().getTime())
  if (!isUserKey(publicKey) || !signedByUser(publicKey, enrolProof(publicKey, request), request.signature)) return null
  return services.runInTurn(join.worker_id, async () => {
    const reply = { worker_id: join.worker_id, public_key: publicKey, jwt: null }
    const problem = await claimKey(services, request)
    if (problem) {
      services.logger.warn(
        { worker_id: join.worker_id, host: join.hostname, reason: problem },
        'refused credentials to a worker',
      )
      return { ...reply, status: 'refused', reason: problem }
    }
    const record = await recordApplicant(services, join)
    const jwt = record.admission === 'approved' ? await accounts.sign(join.worker_id, publicKey) : null
    return { ...reply, status: record.admission, reason: record.reason, jwt }
  })
}

/** Records that the key belongs to the worker id; returns one sentence when it cannot. */
async function claimKey(services: Services, { token, join, publicKey }: EnrolRequest): Promise<string | null> {
  const { store, clock } = services
  const now = clock.now()
  const known = {
    keys: await store.findKeys(join.worker_id, publicKey),
    token: await store.findJoinToken(secretHash(token)),
  }
  const decision = decideEnrolment({ workerId: join.worker_id, publicKey }, known, now)
  if (decision.verdict === 'refused') return decision.reason
  if (decision.verdict === 'bound') return null
  const audit = {
    at: now.toISOString(),
    actor: 'worker',
    remote: null,
    action: 'enrol',
    target: join.worker_id,
    detail: `key ${publicKey}, token ${decision.tokenId}`,
    result: 'ok',
  }
  const claimed = await store.claimKey(
    { public_key: publicKey, worker_id: join.worker_id, claimed_at: now.toISOString(), revoked_at: null },
    decision.tokenId,
    audit,
  )
  return claimed ? null : 'another worker has just used this join token for the last time'
}

/**
 * Saves and shows the worker while it waits for credentials: what it announces, and that it is online. Which of its
 * processes is the one that counts is decided when it joins; but of one whose disk seems to be missing it is this one,
 * because an approval to begin anew is for the process that waits.
 */
async function recordApplicant(services: Services, join: Join): Promise<WorkerRecord> {
  const { clock, fleet, config, store, documents, logger } = services
  const now = clock.now()
  const known = fleet.workers.get(join.worker_id)
  const missingDisk = findMissingDisk(fleet, join)
  const autoApprove = config.auto_approve && missingDisk === null
  const announced = withJoin(known?.record ?? null, join, { autoApprove, now, missingDisk })
  const record = missingDisk !== null && known ? announced : { ...announced, ...processOf(known?.record) }
  const same = JSON.stringify(record) === JSON.stringify(known?.record)
  if (!same) await store.saveWorker(record)
  const worker = putWorker(fleet, record, now.getTime())
  if (!known)
    logger.info(
      { worker_id: join.worker_id, name: record.name, admission: record.admission },
      'a worker asks for credentials for the first time',
    )
  worker.lastSeenMs = clock.monotonicMs()
  worker.lastSeenAt = now.toISOString()
  if (!same) documents.write(documentOf(record, services.term))
  const changes = setPresence(fleet, worker, 'online', now.getTime())
  services.recordChanges({ ...noChanges(), ...changes, workers: new Set([worker]) })
  return record
}

/** The process that counts, and the document for it, until this one joins. */
const processOf = (known: WorkerRecord | undefined) =>
  known ? { instance: known.instance, rev: known.rev } : { instance: null }
