// place.ts — The place of a worker, its data_dir: taken by one worker at a time, and still there before anything is
// written. A disk that was unmounted leaves an empty folder behind.
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { every, lockFile, ownerOf, pause, readIfThere, type Clock, type Lock, type Logger } from '@kagami/runtime'
import { SyncFailure } from '../provider.ts'
import { paths } from './paths.ts'

/** How often a worker that waits looks again, and how often it says so, ms. */
const LOOK_EVERY_MS = 2000
const SAY_EVERY_MS = 60_000
/** How often the lock shows other machines that its owner lives, and how long they watch for that, ms. */
const TOUCH_EVERY_MS = 10_000
const WATCH_MS = 25_000

export interface Place {
  /** Whether `.kagami` is the one this worker took. Looks at the disk. */
  isThere(): boolean
  /**
   * Throws SyncFailure missing_disk unless data_dir is the one this worker took. One that was away and is back is taken
   * again.
   */
  check(workerId: string): Promise<void>
  release(): void
}

export interface PlaceParts {
  readonly dataDir: string
  readonly clock: Clock
  readonly logger: Logger
  /** Ends the wait for another worker. */
  readonly signal?: AbortSignal | undefined
}

/**
 * Takes a data_dir whose `.kagami` exists. While another worker has it, waits and says so; null when the signal ended
 * that. Throws what the disk says.
 */
export async function takePlace(parts: PlaceParts): Promise<Place | null> {
  const { dataDir, clock, logger } = parts
  const file = lockOf(dataDir)
  let lock = await waitForLock(parts)
  if (!lock) return null
  let taken = identityOf(dataDir)
  const stopTouching = every(clock, TOUCH_EVERY_MS, () => lock?.touch())
  const isThere = () => {
    try {
      return identityOf(dataDir) === taken
    } catch {
      return false
    }
  }
  return {
    isThere,
    async check(workerId) {
      if (isThere()) return
      const own = readIfThere(join(paths.own(dataDir), 'worker-id'))?.split('\n')[0]
      if (own !== workerId) throw missing(dataDir)
      const again = await lockFile(file)
      if (!again) throw new SyncFailure('local_conflict', `another worker uses ${dataDir} now: ${ownerOf(file)}`)
      lock?.release()
      lock = again
      taken = identityOf(dataDir)
      logger.info({ data_dir: dataDir }, 'data_dir is back; mirrors sync again')
    },
    release() {
      stopTouching()
      lock?.release()
    },
  }
}

const lockOf = (dataDir: string) => join(paths.own(dataDir), 'worker.lock')

function identityOf(dataDir: string): string {
  const { dev, ino } = statSync(paths.own(dataDir))
  return `${dev}:${ino}`
}

function missing(dataDir: string): SyncFailure {
  return new SyncFailure(
    'missing_disk',
    `${dataDir} is not the data_dir that this worker started with: its disk is not mounted, or was replaced`,
    {
      hint:
        'Nothing was deleted, nor published in its place. Mount the disk: the next sync goes on as before. If it is ' +
        'gone for good, restart the worker: it waits until somebody approves that it begins anew.',
    },
  )
}

async function waitForLock({ dataDir, logger, signal }: PlaceParts): Promise<Lock | null> {
  const file = lockOf(dataDir)
  for (let saidAt = -Infinity; !signal?.aborted; await pause(LOOK_EVERY_MS, signal)) {
    const lock = await lockFile(file)
    if (lock && (lock.left === null || (await isAbandoned(lock, { dataDir, logger, signal })))) return lock
    const owner = lock?.left ?? ownerOf(file)
    lock?.yield()
    if (performance.now() - saidAt < SAY_EVERY_MS) continue
    saidAt = performance.now()
    logger.warn(
      { data_dir: dataDir },
      `another worker uses data_dir ${dataDir}${owner ? `: ${owner}` : ''}. This one waits, and takes over when that ` +
        'one has ended. Give each worker a data_dir of its own',
    )
  }
  return null
}

/** Whether the one that had the lock under another kernel is silent: a network filesystem may not keep its lock. */
async function isAbandoned(
  lock: Lock,
  { dataDir, logger, signal }: Pick<PlaceParts, 'dataDir' | 'logger' | 'signal'>,
): Promise<boolean> {
  logger.info(
    { data_dir: dataDir, before: lock.left ?? undefined },
    `the last worker of data_dir did not say that it ended; looking for ${WATCH_MS / 1000} s whether it lives`,
  )
  const end = performance.now() + WATCH_MS
  while (performance.now() < end && !signal?.aborted) {
    await pause(LOOK_EVERY_MS, signal)
    if (!lock.isOurs()) return false
  }
  return !signal?.aborted
}
