// reports.ts — Reads finished syncs from the stream in batches; acknowledges each only after it is in the database.
import type { JsMsg } from '@nats-io/jetstream'
import { EVENTS_CONSUMER, EVENTS_STREAM, SyncReport } from '@kagami/protocol'
import { decode, pause, WireError, type Bus, type Logger } from '@kagami/runtime'
import type { Store } from '../store/store.ts'

const BATCH = 200
const RETRY_MS = 1000

/** Reads until `signal` aborts. `onStored` gets the reports that were new. */
export async function consumeReports(parts: {
  bus: Bus
  store: Store
  logger: Logger
  signal: AbortSignal
  ownerOf(replicaId: string): string | null
  onStored(reports: SyncReport[]): void
}): Promise<void> {
  let said = false
  while (!parts.signal.aborted) {
    try {
      await consumeBatch(parts)
      said = false
    } catch (error) {
      if (parts.signal.aborted) return
      if (!said)
        parts.logger.warn(
          { reason: (error as Error).message },
          'cannot take in reports just now; they wait in the stream and on the workers',
        )
      said = true
      await pause(RETRY_MS, parts.signal)
    }
  }
}

async function consumeBatch({
  bus,
  store,
  logger,
  signal,
  ownerOf,
  onStored,
}: Parameters<typeof consumeReports>[0]): Promise<void> {
  const consumer = await bus.stream.consumers.get(EVENTS_STREAM, EVENTS_CONSUMER)
  while (!signal.aborted) {
    // Short waits: a consumer that vanished shows at the next fetch, not never, and a stop is not held up.
    const first = await consumer.next({ expires: 1000 })
    if (!first) {
      if (!bus.connected) throw new Error('NATS is not reached')
      continue
    }
    const messages = [first]
    if (first.info.pending > 0) {
      const more = await consumer.fetch({ max_messages: Math.min(BATCH, first.info.pending), expires: 1000 })
      for await (const message of more) messages.push(message)
    }
    try {
      await keepAll(messages, { store, logger, ownerOf, onStored })
    } catch (error) {
      // Else they would come again only when the time to acknowledge them is over.
      for (const message of messages) message.nak(RETRY_MS)
      throw error
    }
  }
}

type Keeping = Pick<Parameters<typeof consumeReports>[0], 'store' | 'logger' | 'ownerOf' | 'onStored'>

async function keepAll(messages: readonly JsMsg[], { onStored, ...parts }: Keeping) {
  const { store } = parts
  const good: { message: JsMsg; report: SyncReport }[] = []
  for (const message of messages) {
    const report = await readOrBury(message, parts)
    if (report) good.push({ message, report })
  }
  if (good.length === 0) return
  const added = await store.addReports(good.map(({ report }) => report))
  for (const { message } of good) message.ack()
  const fresh = good.map(({ report }) => report).filter((report) => added.has(report.sync_id))
  if (fresh.length > 0) onStored(fresh)
}

/** A message nobody can use is kept where people see it, and does not come again. */
async function readOrBury(
  message: JsMsg,
  { store, logger, ownerOf }: Omit<Keeping, 'onStored'>,
): Promise<SyncReport | null> {
  try {
    const report = decode(SyncReport, message.data)
    const sender = message.subject.split('.')[2]
    if (report.worker_id !== sender) throw new WireError(`worker ${sender} reports as ${report.worker_id}`)
    const holder = ownerOf(report.replica_id)
    if (holder !== null && holder !== sender)
      throw new WireError(`worker ${sender} reports on a replica of worker ${holder}`)
    return report
  } catch (error) {
    if (!(error instanceof WireError)) throw error
    logger.warn({ subject: message.subject, reason: error.message }, 'put a report aside that cannot be used')
    await store.addDeadLetter({
      subject: message.subject,
      body: message.string(),
      reason: error.message,
      at: new Date(),
    })
    message.term()
    return null
  }
}
