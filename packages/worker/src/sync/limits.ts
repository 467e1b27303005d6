// limits.ts — What ends a run from outside: a request to stop, its time limit, a stall, a disk that fills up. Tells
// afterwards which it was.
import { fullDisk } from '../tree/space.ts'

/** Longest time a timer can wait, ms; a longer one would fire at once. */
const TIMER_MAX_MS = 2 ** 31 - 1
/** How often the disk is looked at, ms. */
const DISK_EVERY_MS = 2000

export type Cause = 'timed_out' | 'stalled' | 'disk_full'

export interface RunLimits {
  /** Aborted by a stop or by a limit. */
  readonly signal: AbortSignal
  /** Which limit was hit; null when none was. */
  readonly cause: Cause | null
  /** Resets the stall timer: something moved. */
  touch(): void
  /** Runs work of the worker's own that may be silent for long, without counting that as a stall. */
  quietly<T>(work: () => Promise<T>): Promise<T>
  /** Runs work that moves something whenever `look` returns another number than before. */
  watching<T>(look: () => number, work: () => Promise<T>): Promise<T>
  end(): void
}

/** Watches a run until `end`. Seconds; 0 means no limit. */
export function createRunLimits(options: {
  stop: AbortSignal
  timeoutSeconds: number
  stallSeconds: number
  dataDir: string
}): RunLimits {
  const own = new AbortController()
  let cause: Cause | null = null
  let moved = performance.now()
  let quiet = 0
  const hit = (why: Cause) => {
    cause ??= why
    own.abort(why)
  }
  const stallMs = options.stallSeconds * 1000
  const timers: NodeJS.Timeout[] = []
  if (options.timeoutSeconds > 0)
    timers.push(setTimeout(() => hit('timed_out'), Math.min(options.timeoutSeconds * 1000, TIMER_MAX_MS)))
  if (stallMs > 0)
    timers.push(
      setInterval(() => quiet === 0 && performance.now() - moved > stallMs && hit('stalled'), lookEveryMs(stallMs)),
    )
  timers.push(setInterval(() => fullDisk(options.dataDir) && hit('disk_full'), DISK_EVERY_MS))
  const touch = () => void (moved = performance.now())
  return {
    signal: AbortSignal.any([options.stop, own.signal]),
    get cause() {
      return cause
    },
    touch,
    async quietly(work) {
      quiet++
      try {
        return await work()
      } finally {
        quiet--
        touch()
      }
    },
    async watching(look, work) {
      let last = look()
      const watch = () => {
        const now = look()
        if (now !== last) touch()
        last = now
      }
      const timer = stallMs > 0 ? setInterval(watch, lookEveryMs(stallMs)) : undefined
      try {
        return await work()
      } finally {
        clearInterval(timer)
      }
    },
    end: () => timers.forEach((timer) => clearTimeout(timer)),
  }
}

const lookEveryMs = (stallMs: number) => Math.min(stallMs / 4, 5000)
