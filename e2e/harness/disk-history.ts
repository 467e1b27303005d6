// disk-history.ts — Days in which a worker said how full its disk was, before a supervisor starts: kept by the
// writer of the supervisor itself, on a clock that runs through them.
import { FORECAST_DAYS, type Storage } from '@kagami/protocol'
import { createLogger } from '@kagami/runtime'
import { createManualClock } from '@kagami/runtime/testing/manual-clock'
import { createSampleWriter } from '@kagami/supervisor/store/sample-writer'
import type { Store } from '@kagami/supervisor/store/store'

const HOUR_MS = 3_600_000

/**
 * Has the worker say each hour of the last 14 days, up to six hours ago, what `storageAt` returns for the day, 0 to 14;
 * with null it is silent.
 */
export async function keepDiskHistory(
  store: Store,
  workerId: string,
  storageAt: (day: number) => Storage | null,
): Promise<void> {
  const clock = createManualClock(new Date(Date.now() - FORECAST_DAYS * 24 * HOUR_MS))
  const writer = createSampleWriter({ store, clock, logger: createLogger('test', { LOG_LEVEL: 'silent' }) })
  for (let hour = 0; hour < FORECAST_DAYS * 24 - 6; hour++) {
    const storage = storageAt(hour / 24)
    if (storage) writer.record(workerId, storage)
    clock.advance(HOUR_MS)
    await writer.flush()
  }
  await writer.stop()
}
