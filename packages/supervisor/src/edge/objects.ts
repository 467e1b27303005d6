// objects.ts — The streams and buckets the fleet needs on NATS, made and kept as nats.md §2.2 describes. Works from
// nats-server 2.9.10 on.
import {
  AckPolicy,
  DiscardPolicy,
  jetstreamManager,
  JetStreamApiError,
  RetentionPolicy,
  StorageType,
  type JetStreamManager,
} from '@nats-io/jetstream'
import { Kvm, type KV } from '@nats-io/kv'
import { DESIRED_BUCKET, EVENTS_CONSUMER, EVENTS_STREAM } from '@kagami/protocol'
import type { Bus } from '@kagami/runtime'

const SECOND_NS = 1_000_000_000
const STREAM_NOT_FOUND = 10_059
const CONSUMER_NOT_FOUND = 10_014
const INSUFFICIENT_STORAGE = 10_047
/** What finished syncs may take on NATS's disk, bytes; less where it has less. */
const EVENTS_BYTES = 1024 ** 3
const EVENTS_BYTES_MIN = 8 * 1024 ** 2

/** Each written document is repeated on its worker's hint subject. */
const REPUBLISH = { src: `$KV.${DESIRED_BUCKET}.>`, dest: 'kagami.desired.>' }

export interface Objects {
  readonly desired: KV
  /** Whether the bucket was made just now, so that everything must be written to it. */
  readonly fresh: boolean
  /** When the stream of reports was made: another one has lost what the former one held. */
  readonly stream: string
}

/** Makes what is missing and corrects what differs. */
export async function ensureObjects(bus: Bus): Promise<Objects> {
  const manager = await jetstreamManager(bus.connection, { timeout: 5000 })
  const fresh = !(await streamExists(manager, `KV_${DESIRED_BUCKET}`))
  const desired = await new Kvm(bus.connection).create(DESIRED_BUCKET, {
    history: 1,
    storage: StorageType.File,
    allow_direct: true,
    republish: REPUBLISH,
    description: 'What the fleet wants of each worker',
  })
  await ensureRepublish(manager)
  await ensureEvents(manager)
  const { created } = await manager.streams.info(EVENTS_STREAM)
  return { desired, fresh, stream: created }
}

/** Has every report that the stream still holds read again: the database takes in those it lacks. */
export async function readReportsAgain(bus: Bus): Promise<void> {
  const manager = await jetstreamManager(bus.connection, { timeout: 5000 })
  await manager.consumers.delete(EVENTS_STREAM, EVENTS_CONSUMER)
  await ensureEvents(manager)
}

async function streamExists(manager: JetStreamManager, name: string): Promise<boolean> {
  try {
    await manager.streams.info(name)
    return true
  } catch (error) {
    if (error instanceof JetStreamApiError && error.code === STREAM_NOT_FOUND) return false
    throw error
  }
}

/** The bucket is a stream; the hints come from its republish rule, by the document's key alone. */
async function ensureRepublish(manager: JetStreamManager) {
  const { config } = await manager.streams.info(`KV_${DESIRED_BUCKET}`)
  if (config.republish?.dest === REPUBLISH.dest) return
  await manager.streams
    .update(`KV_${DESIRED_BUCKET}`, { ...config, republish: REPUBLISH, allow_direct: true })
    .catch((error: unknown) => {
      // A bucket somebody made by hand may not allow the change; workers then read every minute.
      if (!(error instanceof JetStreamApiError)) throw error
    })
}

async function ensureEvents(manager: JetStreamManager) {
  const config = {
    name: EVENTS_STREAM,
    subjects: ['kagami.evt.*.>'],
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    discard: DiscardPolicy.Old,
    max_age: 7 * 86_400 * SECOND_NS,
    max_bytes: EVENTS_BYTES,
    duplicate_window: 600 * SECOND_NS,
    max_consumers: 64,
    description: 'Finished syncs',
  }
  const exists = await streamExists(manager, EVENTS_STREAM)
  await asLargeAsFits(EVENTS_BYTES, (max_bytes) =>
    exists
      ? manager.streams.update(EVENTS_STREAM, { ...config, max_bytes })
      : manager.streams.add({ ...config, max_bytes }),
  )
  const consumer = {
    durable_name: EVENTS_CONSUMER,
    ack_policy: AckPolicy.Explicit,
    ack_wait: 30 * SECOND_NS,
    max_ack_pending: 500,
    max_deliver: -1,
  }
  try {
    await manager.consumers.info(EVENTS_STREAM, EVENTS_CONSUMER)
    await manager.consumers.update(EVENTS_STREAM, EVENTS_CONSUMER, consumer)
  } catch (error) {
    if (!(error instanceof JetStreamApiError) || error.code !== CONSUMER_NOT_FOUND) throw error
    await manager.consumers.add(EVENTS_STREAM, consumer)
  }
}

/**
 * JetStream reserves a stream's size: a small disk, or one that was nearly full when nats-server started, gets a
 * smaller stream rather than none.
 */
async function asLargeAsFits(bytes: number, make: (bytes: number) => Promise<unknown>): Promise<void> {
  try {
    await make(bytes)
  } catch (error) {
    if (!(error instanceof JetStreamApiError) || error.code !== INSUFFICIENT_STORAGE || bytes / 2 < EVENTS_BYTES_MIN)
      throw error
    await asLargeAsFits(bytes / 2, make)
  }
}
