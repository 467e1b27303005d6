// growth.ts — How fast disks fill, for lists and summaries: of each approved worker read from the store anew once an
// hour, a few at a time.
import { noChanges } from '../core/changes.ts'
import type { WorkerEntry } from '../core/entries.ts'
import { applySamples, diskSpan } from '../core/storage/disks.ts'
import type { Services } from '../services.ts'

/** What was read holds for this long, ms: samples come about as often. */
const HOLDS_MS = 3_600_000
/** Workers that are read in one go: everything else waits for it. */
const AT_ONCE = 25
/** Workers that are looked at in one go. */
const LOOKED_AT = 500

/** Reads growth. */
export interface GrowthReader {
  /** Reads that of the workers whose turn it is. A store that fails is asked again the next time. */
  read(): Promise<void>
}

/** The growth of the disks of a fleet; nothing is read yet. */
export function createGrowthReader(
  services: Pick<Services, 'fleet' | 'store' | 'clock' | 'recordChanges'>,
): GrowthReader {
  const { fleet, store, clock } = services
  const readMs = new WeakMap<WorkerEntry, number>()
  let reading = false
  let rest = fleet.workers.values()
  const isDue = (worker: WorkerEntry) =>
    worker.record.admission === 'approved' && clock.monotonicMs() - (readMs.get(worker) ?? -Infinity) >= HOLDS_MS
  /** Those among the next ones whose turn it is. After the last worker comes the first one again. */
  function takeDue(): WorkerEntry[] {
    const due: WorkerEntry[] = []
    for (let looked = 0; looked < LOOKED_AT && due.length < AT_ONCE; looked++) {
      const { value: worker, done } = rest.next()
      if (done) {
        rest = fleet.workers.values()
        break
      }
      if (isDue(worker)) due.push(worker)
    }
    return due
  }
  async function readSome(workers: readonly WorkerEntry[]) {
    const ids = workers.map(({ record }) => record.worker_id)
    const samples = await store.readDiskSamples(ids, diskSpan(clock.now().getTime()))
    const changes = noChanges()
    for (const worker of workers) {
      readMs.set(worker, clock.monotonicMs())
      if (applySamples(worker, samples.get(worker.record.worker_id) ?? [])) changes.workers.add(worker)
    }
    services.recordChanges(changes)
  }
  return {
    async read() {
      if (reading) return
      reading = true
      try {
        const due = takeDue()
        if (due.length > 0) await readSome(due)
      } catch {
        // The state writer says that the database fails.
      } finally {
        reading = false
      }
    },
  }
}
