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

/** What arrived together, and is stored together. */
interface Batch {
  readonly messages: JsMsg[]
  readonly usable: { message: JsMsg; report: SyncReport }[]
  readonly unusable: { message: JsMsg; reason: string }[]
}

/** Returns when `signal` aborts; throws when NATS or the database fails. Calls `onBatch` after each stored batch. */
async function consumeUntilError(parts: ReportParts, onBatch: () => void): Promise<void> {
  const { bus, signal } = parts
  const consumer = await bus.stream.consumers.get(EVENTS_STREAM, EVENTS_CONSUMER)
  let coming = readBatch(consumer, parts, 0)
  try {
    while (!signal.aborted) {
      const batch = await coming
      const last = batch.messages.at(-1)
      if (!last && !bus.connected) throw new Error('NATS is not reached')
      // The next ones arrive while these are stored.
      coming = readBatch(consumer, parts, last?.info.pending ?? 0)
      if (!last) continue
      try {
        await storeBatch(batch, parts)
      } catch (error) {
        giveBack(batch)
        throw error
      }
      onBatch()
    }
  } finally {
    // A question that is still open would take reports from whoever asks next.
    await coming.then(giveBack, () => {})
  }
}

/**
 * The reports that wait, as many as one batch has; none when there is none for a while. `waiting`: how many wait for
 * certain, so that they are asked for at once and not after the first of them.
 */
function readBatch(consumer: Consumer, parts: ReportParts, waiting: number): Promise<Batch> {
  const batch: Batch = { messages: [], usable: [], unusable: [] }
  const reading = (async () => {
    try {
      let more = waiting
      if (more === 0) {
        const first = await consumer.next({ expires: WAIT_MS })
        if (first) addMessage(batch, first, parts)
        more = first?.info.pending ?? 0
      }
      const max_messages = Math.min(BATCH - batch.messages.length, more)
      if (max_messages > 0)
        for await (const message of await consumer.fetch({ max_messages, expires: WAIT_MS }))
          addMessage(batch, message, parts)
      return batch
    } catch (error) {
      giveBack(batch)
      throw error
    }
  })()
  // Who awaits it hears of it; until then nobody may.
  reading.catch(() => {})
  return reading
}

/** Without this they would be delivered again only when the time to acknowledge them is over. */
function giveBack({ messages }: Batch): void {
  for (const message of messages) message.nak(RETRY_MS)
}

async function storeBatch({ messages, usable, unusable }: Batch, parts: ReportParts): Promise<void> {
  for (const { message, reason } of unusable) await setAside(message, reason, parts)
  const stream = parts.streamCreatedAt()
  const seen = stream === null ? null : { stream, sequence: Math.max(...messages.map((message) => message.seq)) }
  const added = await parts.store.addReports(
    usable.map(({ report }) => report),
    seen,
  )
  for (const { message } of usable) message.ack()
  for (const { message } of unusable) message.term()
  // One that came twice in a batch is new once.
  const reports = usable.map(({ report }) => report).filter((report) => added.delete(report.sync_id))
  if (reports.length > 0) parts.onStored(reports)
}

/** Checks a message as it arrives, while those before it are stored. */
function addMessage(batch: Batch, message: JsMsg, parts: ReportParts): void {
  batch.messages.push(message)
  try {
    batch.usable.push({ message, report: readReport(message, parts) })
  } catch (error) {
    if (!(error instanceof WireError)) throw error
    batch.unusable.push({ message, reason: error.message })
  }
}

/** The report in a message. Throws WireError when it cannot be used. */
function readReport(message: JsMsg, { ownerOf }: Pick<ReportParts, 'ownerOf'>): SyncReport {
  const report = decode(SyncReport, message.data)
  const sender = message.subject.split('.')[2]
  if (report.worker_id !== sender) throw new WireError(`worker ${sender} reports as ${report.worker_id}`)
  const owner = ownerOf(report.replica_id)
  if (owner !== null && owner !== sender)
    throw new WireError(`worker ${sender} reports on a replica of worker ${owner}`)
  return report
}

/** Stores apart a message that cannot be used. */
async function setAside(message: JsMsg, reason: string, { store, logger }: ReportParts): Promise<void> {
  logger.warn({ subject: message.subject, reason }, 'set aside a report that cannot be used')
  await store.addDeadLetter({ subject: message.subject, body: message.string(), reason, at: new Date() })
}
