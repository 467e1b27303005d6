// services.ts — The services of a supervisor without those that use the network, with a clock that is moved by hand.
// No assertions.
import { join } from 'node:path'
import { createLogger } from '@kagami/runtime'
import { createManualClock } from '@kagami/runtime/testing/manual-clock'
import { changesToStore, storedReader } from '../core/changes.ts'
import { createFleet } from '../core/fleet.ts'
import { createTraffic } from '../core/telemetry.ts'
import { createFeed } from '../live/feed.ts'
import { createPublisher } from '../live/publisher.ts'
import type { Services } from '../services.ts'
import { openSqlStore } from '../store/sql.ts'
import { createSampleWriter } from '../store/sample-writer.ts'
import { createStateWriter } from '../store/state-writer.ts'
import type { Store, WorkerRecord } from '../store/store.ts'

/** Opens them on a fresh SQLite database in `dir`, at `start`. `watch` may see each call of the store. */
export async function openServices(
  dir: string,
  watch: (store: Store) => Store = (store) => store,
  start = new Date(),
): Promise<{ services: Services; clock: ReturnType<typeof createManualClock> }> {
  const logger = createLogger('supervisor', { LOG_LEVEL: 'error' })
  const clock = createManualClock(start)
  const opened = await openSqlStore(`sqlite://${join(dir, 'supervisor.db')}?mode=rwc`, logger)
  await opened.prepare(() => ({ workers: [], replicas: [], leftOut: 0 }))
  const store = watch(opened)
  const fleet = createFleet()
  const stateWriter = createStateWriter({ store, clock, logger, read: storedReader(fleet) })
  const sampleWriter = createSampleWriter({ store, clock, logger })
  const feed = createFeed('test')
  const publisher = createPublisher({ fleet, feed, clock })
  const services: Partial<Services> = {
    clock,
    logger,
    store,
    fleet,
    stateWriter,
    sampleWriter,
    feed,
    publisher,
    traffic: createTraffic(),
    term: 1,
    tombstones: new Set(),
    unacknowledged: new Map(),
    recordChanges(changes) {
      stateWriter.record(changesToStore(changes))
      publisher.publishChanges(changes)
    },
  }
  return { services: services as Services, clock }
}

/** The record of an approved worker; its process is `<id>-i`. */
export const recordOf = (workerId: string): WorkerRecord => ({
  worker_id: workerId,
  name: workerId,
  admission: 'approved',
  reason: null,
  first_seen_at: '2026-11-23T00:00:00Z',
  decided_at: null,
  decided_by: null,
  version: '0.1.0',
  hostname: 'host',
  http_addr: '0.0.0.0:8080',
  data_dir: '/data',
  older_wire: false,
  kinds: [],
  instance: `${workerId}-i`,
  rev: 1,
  replicas: [],
  removed: [],
  syncs: [],
  paused: [],
  last_seen_at: null,
})
