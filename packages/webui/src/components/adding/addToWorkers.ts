// addToWorkers.ts — Adds a replica to each of several workers: what one refuses does not keep the others from it.
import { problemOf, type Problem } from '../../api.ts'

/** What became of it on one worker. */
export interface AddResult {
  readonly worker_id: string
  /** Its name. */
  readonly worker: string
  /** Name of the replica. */
  readonly name: string
  /** Null: it was not added. */
  readonly replica_id: string | null
  readonly problem: Problem | null
}

/** Adds it to one worker after the other. Never throws: `problemOf` makes a problem of what `add` throws. */
export async function addToWorkers(
  name: string,
  workers: readonly { worker_id: string; name: string }[],
  add: (workerId: string) => Promise<string>,
): Promise<AddResult[]> {
  const results: AddResult[] = []
  for (const { worker_id, name: worker } of workers) {
    try {
      results.push({ worker_id, worker, name, replica_id: await add(worker_id), problem: null })
    } catch (error) {
      results.push({ worker_id, worker, name, replica_id: null, problem: problemOf(error) })
    }
  }
  return results
}
