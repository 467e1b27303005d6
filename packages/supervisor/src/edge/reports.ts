// reports.ts — Reads reports of finished syncs from the stream, in batches. Each is acknowledged after it is in the
// database.
import type { Consumer, JsMsg } from '@nats-io/jetstream'
import { EVENTS_CONSUMER, EVENTS_STREAM, SyncReport } from '@kagami/protocol'
import { decode, pause, WireError, type Bus, type Logger } from '@kagami/runtime'
import type { Store } from '../store/store.ts'

const BATCH = 200
const RETRY_MS = 1000
/** Longest wait for the next report, ms. Short, so that a missing consumer is noticed, and a stop does not wait. */
const WAIT_MS = 1000

/** What reading reports needs. */
export interface ReportParts {
  readonly bus: Bus
  readonly store: Store
  readonly logger: Logger
  /** Aborting it ends the reading. */
  readonly signal: AbortSignal
  /** When the stream was created. */
  streamCreatedAt(): string | null
  /** The worker that has a replica; null when it is not known. */
  ownerOf(replicaId: string): string | null
  /** Called with the reports that were new. */
  onStored(reports: SyncReport[]): void
}

/** Reads and stores reports until `signal` aborts. */
export async function consumeReports(parts: ReportParts): Promise<void> {
  let logged = false
  while (!parts.signal.aborted) {
    try {
      await consumeUntilError(parts, () => (logged = false))
    } catch (error) {
      if (parts.signal.aborted) return
      if (!logged)
        parts.logger.warn(
          { reason: (error as Error).message },
          'cannot take in reports now; they wait in the stream and on the workers',
        )
      logged = true
      await pause(RETRY_MS, parts.signal)
    }
  }
}

/** Returns when `signal` aborts; throws when NATS or the database fails. Calls `onBatch` after each stored batch. */
async function consumeUntilError(parts: ReportParts, onBatch: () => void): Promise<void> {
  const { bus, signal } = parts
  const consumer = await bus.stream.consumers.get(EVENTS_STREAM, EVENTS_CONSUMER)
  let coming = readBatch(consumer)
  try {
    while (!signal.aborted) {
      const messages = await coming
      if (messages.length === 0 && !bus.connected) throw new Error('NATS is not reached')
      // The next ones arrive while these are stored.
      coming = readBatch(consumer)
      if (messages.length === 0) continue
      try {
        await storeBatch(messages, parts)
      } catch (error) {
        giveBack(messages)
        throw error
      }
      onBatch()
    }
  } finally {
    // A question that is still open would take reports from whoever asks next.
    await coming.then(giveBack, () => {})
  }
}

/** The reports that wait, as many as one batch has; none when there is none for a while. */
function readBatch(consumer: Consumer): Promise<JsMsg[]> {
  const reading = (async () => {
    const first = await consumer.next({ expires: WAIT_MS })
    if (!first) return []
    const messages = [first]
    if (first.info.pending > 0) {
      const more = await consumer.fetch({ max_messages: Math.min(BATCH, first.info.pending), expires: WAIT_MS })
      for await (const message of more) messages.push(message)
    }
    return messages
  })()
  // Who awaits it hears of it; until then nobody may.
  reading.catch(() => {})
  return reading
}

/** Without this they would be delivered again only when the time to acknowledge them is over. */
function giveBack(messages: readonly JsMsg[]): void {
  for (const message of messages) message.nak(RETRY_MS)
}

async function storeBatch(messages: readonly JsMsg[], parts: ReportParts): Promise<void> {
  const usable: { message: JsMsg; report: SyncReport }[] = []
  const unusable: JsMsg[] = []
  for (const message of messages) {
    const report = await readReport(message, parts)
    if (report) usable.push({ message, report })
    else unusable.push(message)
  }
  const stream = parts.streamCreatedAt()
  const seen = stream === null ? null : { stream, sequence: Math.max(...messages.map((message) => message.seq)) }
  const added = await parts.store.addReports(
    usable.map(({ report }) => report),
    seen,
  )
  for (const { message } of usable) message.ack()
  for (const message of unusable) message.term()
  const reports = usable.map(({ report }) => report).filter((report) => added.has(report.sync_id))
  if (reports.length > 0) parts.onStored(reports)
}

/** The report in a message. One that cannot be used is stored apart; null is returned. */
async function readReport(
  message: JsMsg,
  { store, logger, ownerOf }: Pick<ReportParts, 'store' | 'logger' | 'ownerOf'>,
): Promise<SyncReport | null> {
  try {
    const report = decode(SyncReport, message.data)
    const sender = message.subject.split('.')[2]
    if (report.worker_id !== sender) throw new WireError(`worker ${sender} reports as ${report.worker_id}`)
    const owner = ownerOf(report.replica_id)
    if (owner !== null && owner !== sender)
      throw new WireError(`worker ${sender} reports on a replica of worker ${owner}`)
    return report
  } catch (error) {
    if (!(error instanceof WireError)) throw error
    logger.warn({ subject: message.subject, reason: error.message }, 'set aside a report that cannot be used')
    const letter = { subject: message.subject, body: message.string(), reason: error.message, at: new Date() }
    await store.addDeadLetter(letter)
    return null
  }
}
