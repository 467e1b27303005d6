// reconcile.ts — Brings NATS up to date with the database, at the start and after every reconnect: streams, the bucket,
// the documents in it.
import type { KV } from '@nats-io/kv'
import { pause } from '@kagami/runtime'
import { documentOf } from '../core/document.ts'
import { putWorker } from '../core/fleet.ts'
import { findLag } from '../core/lag.ts'
import type { Services } from '../services.ts'
import { Superseded } from '../store/store.ts'
import { readVersions, type DocumentWriter } from './document-writer.ts'
import { confirmedReports, ensureJetStream, readReportsAgain } from './jetstream.ts'

const RETRY_MS = 1000
/** How long a worker has to answer a request for a full heartbeat, ms. */
const ANSWER_MS = 2000

/** Reconciles now and after every reconnect. Resolves after the first success. */
export function reconcileOnConnect(services: Services, writer: DocumentWriter): Promise<void> {
  let running: Promise<void> | null = null
  let termChecked = false
  const reconcileUntilDone = async () => {
    for (let logged = false; ; logged = true) {
      try {
        await services.store.checkTerm()
        const { bucket, streamCreatedAt } = await ensureJetStream(services.bus)
        noteStream(services, streamCreatedAt)
        if (!termChecked) await exceedWhatWasSeen(services, bucket)
        termChecked = true
        writer.useBucket(bucket)
        await writer.reconcile([...services.fleet.workers.keys()], (id) => {
          const record = services.fleet.workers.get(id)?.record
          return record && !record.older_wire ? documentOf(record, services.term) : null
        })
        return
      } catch (error) {
        if (services.bus.connection.isClosed() || error instanceof Superseded) return
        if (!logged)
          services.logger.warn(
            { reason: (error as Error).message },
            /jetstream is not enabled/i.test((error as Error).message)
              ? 'NATS runs without JetStream: no command or report arrives; trying again. Start it with -js'
              : 'JetStream, or the database, cannot be used yet; trying again',
          )
        await pause(RETRY_MS)
      }
    }
  }
  const reconcile = () => (running ??= reconcileUntilDone().finally(() => (running = null)))
  services.bus.onConnection((connected) => connected && void reconcile())
  return reconcile()
}

/**
 * A stream that was created again has lost its reports. Workers learn it from the answer to their next join, and then
 * send their last reports again.
 */
function noteStream(services: Services, createdAt: string) {
  const known = services.streamCreatedAt
  if (known === createdAt) return
  services.streamCreatedAt = createdAt
  if (known === null) return
  services.logger.warn('the stream of reports was created again: workers are asked to send their last reports again')
  for (const worker of services.fleet.workers.values())
    if (worker.presence !== 'lost' && !worker.record.older_wire)
      void services.bus.request('refresh', worker.record.worker_id, {}, ANSWER_MS)
}

/**
 * A database that was restored from a backup, or created again, knows less than the fleet has seen: an earlier term, an
 * earlier revision of a document, or fewer reports than it has confirmed. It wins, but counts on from what was seen, or
 * workers would ignore what we write; and the reports of the last days are read again.
 */
async function exceedWhatWasSeen(services: Services, bucket: KV): Promise<void> {
  const [documents, reports, seen] = await Promise.all([
    readVersions(bucket),
    confirmedReports(services.bus),
    services.store.reportsSeen(),
  ])
  const { term, fleet, streamCreatedAt: stream } = services
  const records = new Map([...fleet.workers.values()].map(({ record }) => [record.worker_id, record.rev]))
  const stored = seen === null ? null : seen.stream === stream ? seen.sequence : 0
  const lag = findLag({ term, records, documents, ...reports, stored })
  if (lag.term !== null) services.term = await services.store.nextTerm(lag.term)
  for (const [workerId, rev] of lag.revisions)
    await services.runInTurn(workerId, () => raiseRevision(services, workerId, rev))
  if (lag.reports) await readReportsAgain(services.bus)
  if (lag.restored)
    services.logger.warn(
      { term: services.term, because: lag.because },
      'the database knows less than the fleet has seen: it was restored or made anew. The database wins, and the ' +
        'history of the last days is read again',
    )
}

async function raiseRevision({ store, fleet, clock }: Services, workerId: string, rev: number): Promise<void> {
  const worker = fleet.workers.get(workerId)
  if (!worker || worker.record.rev >= rev) return
  const record = { ...worker.record, rev }
  await store.saveWorker(record)
  putWorker(fleet, record, clock.now().getTime())
}
