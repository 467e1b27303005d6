// sealing.ts — Credentials that an early version kept in clear: sealed as soon as the worker has a key, and their old
// bytes removed from database and bucket. Nothing else may keep them, so that a backup of today has none.
import { JetStreamApiError, jetstreamManager } from '@nats-io/jetstream'
import { DESIRED_BUCKET, type ReplicaSpec } from '@kagami/protocol'
import { sealAuth, type Bus } from '@kagami/runtime'
import { putWorker } from '../core/fleet.ts'
import type { Services } from '../services.ts'
import type { WorkerRecord } from '../store/store.ts'

const MESSAGE_NOT_FOUND = 10_037

const isClear = ({ auth }: Pick<ReplicaSpec, 'auth'>): boolean => auth != null && auth.type !== 'sealed'

/** Whether a record has credentials in clear. */
export function hasClear({ replicas }: Pick<WorkerRecord, 'replicas'>): boolean {
  return replicas.some(isClear)
}

/** The record with its credentials sealed; the same record when there are none in clear, or no key yet. */
export async function withSealed(record: WorkerRecord): Promise<WorkerRecord> {
  const { worker_id, sealing_key } = record
  if (!sealing_key || !hasClear(record)) return record
  const replicas = await Promise.all(
    record.replicas.map(async (spec) => (isClear(spec) ? sealAuth(spec, worker_id, sealing_key) : spec)),
  )
  return { ...record, replicas, rev: record.rev + 1 }
}

/**
 * Seals what a database of an early version has in clear. Workers that have not announced a key yet keep it until they
 * join.
 */
export async function sealStored(services: Services): Promise<void> {
  const { fleet, store, clock, logger } = services
  const sealed: string[] = []
  for (const { record } of fleet.workers.values()) {
    const next = await withSealed(record)
    if (next === record) continue
    await store.saveWorker(next)
    putWorker(fleet, next, clock.now().getTime())
    sealed.push(next.name)
  }
  if (sealed.length === 0) return
  await store.eraseRemains()
  logger.info({ workers: sealed }, 'credentials that an early version kept in clear are sealed now, and erased')
}

/**
 * Overwrites the bytes of a document in the store of NATS, which else stay until NATS writes its file anew. `sequence`:
 * the revision of the entry in the bucket.
 */
export async function eraseDocument(bus: Bus, sequence: number): Promise<void> {
  const manager = await jetstreamManager(bus.connection, { timeout: 5000 })
  try {
    await manager.streams.deleteMessage(`KV_${DESIRED_BUCKET}`, sequence, true)
  } catch (error) {
    if (!(error instanceof JetStreamApiError) || error.code !== MESSAGE_NOT_FOUND) throw error
  }
}

/** Whether the text of a document has credentials in clear. */
export function isClearText(text: string): boolean {
  try {
    const { replicas } = JSON.parse(text) as { replicas?: readonly Pick<ReplicaSpec, 'auth'>[] }
    return Array.isArray(replicas) && replicas.some((spec) => isClear(spec))
  } catch {
    return false
  }
}
