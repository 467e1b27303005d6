// sync.ts — Runs one sync as a worker does, in this process and without a fleet: limits, log, containment, provider,
// report.
import { providers } from '@kagami/worker'
import { replicaIdOf } from '@kagami/runtime'
import { createPaces } from '@kagami/worker/http/pace'
import { runSync } from '@kagami/worker/sync/run'

export interface Mirror {
  readonly name: string
  readonly kind: 'git' | 'rsync' | 'http'
  readonly upstream: string
  readonly options?: Readonly<Record<string, unknown>>
  /** What an earlier sync counted, as the worker remembers it; absent: nothing. */
  readonly files?: number
}

let number = 0
const paces = createPaces()

/** Syncs once and returns the milliseconds it took. Throws when it did not succeed. */
export async function syncOnce(dataDir: string, { options = {}, files, ...mirror }: Mirror): Promise<number> {
  const spec = {
    ...mirror,
    replica_id: replicaIdOf('bench', mirror.name),
    interval_secs: null,
    labels: {},
    options,
    origin: 'config' as const,
  }
  const job = {
    sync_id: `bench-${process.pid}-${number++}`,
    worker_id: 'bench',
    spec,
    trigger: 'manual' as const,
    request_id: null,
    timeoutSeconds: 3600,
    ...(files === undefined ? {} : { files }),
  }
  const started = performance.now()
  const report = await runSync(job, {
    providers,
    paces,
    dataDir,
    signal: new AbortController().signal,
    onProgress: () => {},
    now: () => new Date(),
  })
  const took = performance.now() - started
  if (report.outcome !== 'success')
    throw new Error(`the sync of ${mirror.name} ended ${report.outcome}: ${report.message}\n${report.tail ?? ''}`)
  return took
}
