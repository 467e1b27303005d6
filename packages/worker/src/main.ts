// main.ts — `kagami run worker`: configuration → worker → until stopped.
import {
  createLogger,
  diskProblem,
  exitCodeFor,
  keepHeapSmall,
  stopRequested,
  systemClock,
  type Values,
} from '@kagami/runtime'
import { loadWorkerConfig } from './config/config.ts'
import { providersOf } from './providers/index.ts'
import { startWorker, type RunningWorker, type WorkerParts } from './worker.ts'

/** Runs a worker until it is stopped, rejected or terminated. Resolves with the exit code. Throws ConfigError. */
export async function runWorker(
  options: { file?: string | undefined; flags?: Values; toolPath?: readonly string[] } = {},
): Promise<number> {
  keepHeapSmall()
  const logger = createLogger('worker')
  const config = loadWorkerConfig(options)
  const stopped = stopRequested()
  const stop = new AbortController()
  void stopped.then(() => stop.abort())
  const worker = await startHere({
    config,
    providers: providersOf(config),
    clock: systemClock,
    logger,
    signal: stop.signal,
    ...(options.toolPath ? { toolPath: options.toolPath } : {}),
  })
  if (!worker) return exitCodeFor(await stopped)
  const ending = await Promise.race([stopped, worker.ended])
  if (typeof ending === 'string') logger.info({ signal: ending }, 'stopping; running syncs get a moment to finish')
  else
    logger.warn(
      { reason: ending.reason ?? undefined },
      `${ending.why} by the supervisor; stopping. Files stay where they are`,
    )
  await worker.stop()
  return typeof ending === 'string' ? exitCodeFor(ending) : 0
}

/** What a disk says no to is no fault in the worker. */
async function startHere(parts: WorkerParts): Promise<RunningWorker | null> {
  try {
    return await startWorker(parts)
  } catch (error) {
    throw diskProblem(error) ?? error
  }
}
