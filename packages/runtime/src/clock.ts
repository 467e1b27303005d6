// clock.ts — Time and timers as an object that is passed in, so that tests can replace it.

/** The time, and timers. Timers may be longer than setTimeout allows. */
export interface Clock {
  now(): Date
  /** Milliseconds that never jump when the wall clock does. */
  monotonicMs(): number
  /** Calls `task` once after `ms`; the returned function cancels it. */
  after(ms: number, task: () => void): () => void
}

/** setTimeout fires at once for longer times, so these are waited for in steps. */
const TIMER_MAX_MS = 2 ** 31 - 1

/** When wall clock and monotonic clock differ by this much more than before, ms, the wall clock was set. */
const JUMP_MS = 2000

/** The clock of the computer. Its timers do not keep the process alive. */
export const systemClock: Clock = {
  now: () => new Date(),
  monotonicMs: () => performance.now(),
  after(ms, task) {
    const due = performance.now() + Math.max(0, Number.isFinite(ms) ? ms : TIMER_MAX_MS)
    let timer: NodeJS.Timeout
    const arm = () => {
      const left = due - performance.now()
      timer = left > TIMER_MAX_MS ? setTimeout(arm, TIMER_MAX_MS) : setTimeout(task, Math.max(0, left))
      timer.unref()
    }
    arm()
    return () => clearTimeout(timer)
  },
}

/** Calls `task` every `ms` until the returned function is called. */
export function every(clock: Clock, ms: number, task: () => void): () => void {
  let cancel = clock.after(ms, function again() {
    task()
    cancel = clock.after(ms, again)
  })
  return () => cancel()
}

/**
 * Calls `listener` soon after the wall clock was set, with the difference in ms. Small corrections are ignored. Returns
 * how to stop.
 */
export function onClockJump(clock: Clock, listener: (byMs: number) => void): () => void {
  const offset = () => clock.now().getTime() - clock.monotonicMs()
  let known = offset()
  return every(clock, 1000, () => {
    const byMs = Math.round(offset() - known)
    if (Math.abs(byMs) < JUMP_MS) return
    known += byMs
    listener(byMs)
  })
}

/** Resolves after `ms`, or as soon as `signal` aborts. Keeps the process alive until then. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve()
    const done = () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal?.addEventListener('abort', done)
  })
}
