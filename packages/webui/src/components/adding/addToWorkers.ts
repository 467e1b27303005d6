// addToWorkers.ts — Adds a replica to each of several workers: what one refuses does not keep the others from it.
import type { Problem } from '../../api.ts'

/** What became of it on one worker. */
export interface AddResult {
  readonly worker_id: string
  /** Its name. */
  readonly worker: string
  /** Null: it was not added. */
  readonly replica_id: string | null
  readonly problem: Problem | null
}

/** Adds it to one worker after the other. Never throws: `describe` makes a problem of what `add` throws. */
export async function addToWorkers(
  workers: readonly { worker_id: string; name: string }[],
  add: (workerId: string) => Promise<string>,
  describe: (error: unknown) => Problem,
): Promise<AddResult[]> {
  const results: AddResult[] = []
  for (const { worker_id, name: worker } of workers) {
    try {
      results.push({ worker_id, worker, replica_id: await add(worker_id), problem: null })
    } catch (error) {
      results.push({ worker_id, worker, replica_id: null, problem: describe(error) })
    }
  }
  return results
}
