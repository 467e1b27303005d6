// jetstream.ts — The stream of reports and the bucket of desired documents: created when they are missing, and
// corrected when they differ. Works with nats-server 2.9.10 and newer.
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
/** Largest size of the stream of reports, bytes; smaller where the disk of NATS is smaller. */
const EVENTS_BYTES = 1024 ** 3
const EVENTS_BYTES_MIN = 8 * 1024 ** 2

/** NATS repeats each document on a subject of its worker, as a hint to read the bucket. */
const REPUBLISH = { src: `$KV.${DESIRED_BUCKET}.>`, dest: 'kagami.desired.>' }

/** What the supervisor uses of JetStream. */
export interface JetStreamObjects {
  readonly bucket: KV
  /** When the stream of reports was created: a stream that was created again has lost its reports. */
  readonly streamCreatedAt: string
}

/** Creates what is missing and corrects what differs. */
export async function ensureJetStream(bus: Bus): Promise<JetStreamObjects> {
  const manager = await jetstreamManager(bus.connection, { timeout: 5000 })
  const bucket = await new Kvm(bus.connection).create(DESIRED_BUCKET, {
    history: 1,
    storage: StorageType.File,
    allow_direct: true,
    republish: REPUBLISH,
    description: 'What the fleet wants of each worker',
  })
  await ensureRepublish(manager)
  await ensureReports(manager)
  const { created } = await manager.streams.info(EVENTS_STREAM)
  return { bucket, streamCreatedAt: created }
}

/** Up to which sequence of the stream reports were confirmed as stored, and up to which they are gone from it. */
export async function confirmedReports(bus: Bus): Promise<{ confirmed: number; gone: number }> {
  const manager = await jetstreamManager(bus.connection, { timeout: 5000 })
  const [{ ack_floor }, { state }] = await Promise.all([
    manager.consumers.info(EVENTS_STREAM, EVENTS_CONSUMER),
    manager.streams.info(EVENTS_STREAM),
  ])
  return { confirmed: ack_floor.stream_seq, gone: Math.max(0, state.first_seq - 1) }
}

/** Reads every report of the stream again: the database adds those it does not have. */
export async function readReportsAgain(bus: Bus): Promise<void> {
  const manager = await jetstreamManager(bus.connection, { timeout: 5000 })
  await manager.consumers.delete(EVENTS_STREAM, EVENTS_CONSUMER)
  await ensureReports(manager)
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

/** The bucket is a stream, and its republish rule sends the hints. */
async function ensureRepublish(manager: JetStreamManager) {
  const { config } = await manager.streams.info(`KV_${DESIRED_BUCKET}`)
  if (config.republish?.dest === REPUBLISH.dest) return
  await manager.streams
    .update(`KV_${DESIRED_BUCKET}`, { ...config, republish: REPUBLISH, allow_direct: true })
    .catch((error: unknown) => {
      // A bucket that was created by hand may not allow the change. Workers then read their documents every minute.
      if (!(error instanceof JetStreamApiError)) throw error
    })
}

async function ensureReports(manager: JetStreamManager) {
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
  await createAsLargeAsFits(EVENTS_BYTES, (max_bytes) =>
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
 * JetStream reserves a stream's size. When the disk is small, or was nearly full when nats-server started, the stream
 * is created with half the size, and half of that, rather than not at all.
 */
async function createAsLargeAsFits(bytes: number, make: (bytes: number) => Promise<unknown>): Promise<void> {
  try {
    await make(bytes)
  } catch (error) {
    if (!(error instanceof JetStreamApiError) || error.code !== INSUFFICIENT_STORAGE || bytes / 2 < EVENTS_BYTES_MIN)
      throw error
    await createAsLargeAsFits(bytes / 2, make)
  }
}
