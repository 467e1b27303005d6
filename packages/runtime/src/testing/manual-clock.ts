// manual-clock.ts — A clock that only moves when a test moves it.
import type { Clock } from '../clock.ts'

/** A clock that stands still until `advance` is called, which runs the due tasks in order. */
export function createManualClock(start = new Date('2026-01-01T00:00:00Z')): Clock & { advance(ms: number): void } {
  let elapsed = 0
  let tasks: { due: number; task: () => void }[] = []
  return {
    now: () => new Date(start.getTime() + elapsed),
    monotonicMs: () => elapsed,
    after(ms, task) {
      const entry = { due: elapsed + Math.max(0, ms), task }
      tasks.push(entry)
      return () => {
        tasks = tasks.filter((other) => other !== entry)
      }
    },
    advance(ms) {
      const until = elapsed + ms
      for (;;) {
        const next = tasks.filter((entry) => entry.due <= until).sort((a, b) => a.due - b.due)[0]
        if (!next) break
        tasks = tasks.filter((entry) => entry !== next)
        elapsed = next.due
        next.task()
      }
      elapsed = until
    },
  }
}
