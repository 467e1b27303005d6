// gently.ts — Going through folders of any size a few entries at a time, so that neither the process nor the disk is
// busy with it alone. Paths are bytes.
import { opendir } from 'node:fs/promises'
import { pause } from '@kagami/runtime'

/** Entries that are looked at together. */
const BATCH = 16

/** Called after each few entries; it may wait, and may throw to give up. */
export type Rest = () => Promise<void>

/** The paths of the entries of a folder, a few at a time. Throws what opendir throws. */
export async function* batchesOf(folder: Buffer): AsyncGenerator<Buffer[]> {
  const prefix = Buffer.concat([folder, Buffer.from('/')])
  let batch: Buffer[] = []
  // The declared type leaves out that names are buffers in this encoding.
  for await (const { name } of await opendir(folder, { encoding: 'buffer' as BufferEncoding })) {
    batch.push(Buffer.concat([prefix, name as unknown as Buffer]))
    if (batch.length < BATCH) continue
    yield batch
    batch = []
  }
  if (batch.length > 0) yield batch
}

/** Rests three times as long as there was work: a quarter of one disk at most. Throws once `signal` aborts. */
export function restingMost(signal: AbortSignal): Rest {
  let workedFrom = performance.now()
  return async () => {
    await pause(3 * (performance.now() - workedFrom), signal)
    signal.throwIfAborted()
    workedFrom = performance.now()
  }
}
