// objects.ts — The streams and buckets the fleet needs on NATS, made and kept as nats.md §2.2 describes. Works from nats-server 2.9.10 on.
import { AckPolicy, DiscardPolicy, jetstreamManager, JetStreamApiError, RetentionPolicy, StorageType, type JetStreamManager } from '@nats-io/jetstream'
import { Kvm, type KV } from '@nats-io/kv'
import { DESIRED_BUCKET, EVENTS_CONSUMER, EVENTS_STREAM } from '@kagami/protocol'
import type { Bus } from '@kagami/runtime'

const SECOND_NS = 1_000_000_000
const STREAM_NOT_FOUND = 10_059
const CONSUMER_NOT_FOUND = 10_014

/** Each written document is repeated on its worker's hint subject. */
const REPUBLISH = { src: `$KV.${DESIRED_BUCKET}.>`, dest: 'kagami.desired.>' }

export interface Objects {
  readonly desired: KV
  /** Whether the bucket was made just now, so that everything must be written to it. */
  readonly fresh: boolean
}

/** Makes what is missing and corrects what differs. */
export async function ensureObjects(bus: Bus): Promise<Objects> {
  const manager = await jetstreamManager(bus.connection, { timeout: 5000 })
  const fresh = !(await streamExists(manager, `KV_${DESIRED_BUCKET}`))
  const desired = await new Kvm(bus.connection).create(DESIRED_BUCKET, {
    history: 1, storage: StorageType.File, allow_direct: true, republish: REPUBLISH,
    description: 'What the fleet wants of each worker',
  })
  await ensureRepublish(manager)
  await ensureEvents(manager)
  return { desired, fresh }
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
  await manager.streams.update(`KV_${DESIRED_BUCKET}`, { ...config, republish: REPUBLISH, allow_direct: true }).catch((error: unknown) => {
    // A bucket somebody made by hand may not allow the change; workers then read every minute.
    if (!(error instanceof JetStreamApiError)) throw error
  })
}

async function ensureEvents(manager: JetStreamManager) {
  const config = {
    name: EVENTS_STREAM, subjects: ['kagami.evt.*.>'], retention: RetentionPolicy.Limits, storage: StorageType.File, discard: DiscardPolicy.Old,
    max_age: 7 * 86_400 * SECOND_NS, max_bytes: 1024 ** 3, duplicate_window: 600 * SECOND_NS, max_consumers: 64, description: 'Finished syncs',
  }
  if (await streamExists(manager, EVENTS_STREAM)) await manager.streams.update(EVENTS_STREAM, config)
  else await manager.streams.add(config)
  const consumer = { durable_name: EVENTS_CONSUMER, ack_policy: AckPolicy.Explicit, ack_wait: 30 * SECOND_NS, max_ack_pending: 500, max_deliver: -1 }
  try {
    await manager.consumers.info(EVENTS_STREAM, EVENTS_CONSUMER)
    await manager.consumers.update(EVENTS_STREAM, EVENTS_CONSUMER, consumer)
  } catch (error) {
    if (!(error instanceof JetStreamApiError) || error.code !== CONSUMER_NOT_FOUND) throw error
    await manager.consumers.add(EVENTS_STREAM, consumer)
  }
}
