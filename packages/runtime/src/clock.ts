// clock.ts — Time as something handed in. Only this file touches the machine's clock and timers.

/** The present and the future, injectable. Long waits are exact: no timer overflow. */
export interface Clock {
  now(): Date
  /** Milliseconds that never jump when the wall clock does. */
  monotonicMs(): number
  /** Calls `task` once after `ms`; the returned function cancels it. */
  after(ms: number, task: () => void): () => void
}

/** setTimeout fires at once for anything above this, so longer waits are re-armed. */
const TIMER_MAX_MS = 2 ** 31 - 1

/** A wall clock that is off by this against the monotonic one was set by somebody, ms. */
const JUMP_MS = 2000

/** The machine's own clock. Its timers do not keep the process alive. */
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
 * Tells by how many ms the wall clock was set, soon after it was; small corrections are left alone. Returns the way to
 * stop.
 */
export function onClockJump(clock: Clock, tell: (byMs: number) => void): () => void {
  const offset = () => clock.now().getTime() - clock.monotonicMs()
  let known = offset()
  return every(clock, 1000, () => {
    const byMs = Math.round(offset() - known)
    if (Math.abs(byMs) < JUMP_MS) return
    known += byMs
    tell(byMs)
  })
}

/** Resolves after `ms`, or at once when `signal` aborts. Keeps the process alive meanwhile. */
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
