// grouped.ts — Many small writes as few transactions: each is done at once, but in a burst several together. Each
// caller hears of its own, after the commit.

/** Writes that come this soon after one another, ms, are a burst … */
const WINDOW_MS = 20
/** … from so many on. What belongs to a burst waits as long for others; what somebody asked for is done at once. */
const BURST_MIN = 4
/** Writes of one transaction. */
const AT_ONCE = 250

interface Waiting<T> {
  readonly write: T
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** Groups writes. `run` does several in one transaction; when it fails, each is tried alone, and fails alone. */
export function groupWrites<T>(run: (writes: readonly T[]) => Promise<void>): (write: T) => Promise<void> {
  let waiting: Waiting<T>[] = []
  let isPlanned = false
  let lastMs = -Infinity
  let inARow = 0
  async function runGroup(group: readonly Waiting<T>[]) {
    try {
      await run(group.map(({ write }) => write))
      for (const { resolve } of group) resolve()
    } catch (error) {
      if (group.length === 1) return group[0]!.reject(error)
      // Together: where the database is away, each would otherwise wait for those before it.
      await Promise.all(group.map((one) => runGroup([one])))
    }
  }
  async function runWaiting() {
    isPlanned = false
    const all = waiting
    waiting = []
    for (let from = 0; from < all.length; from += AT_ONCE) await runGroup(all.slice(from, from + AT_ONCE))
    lastMs = performance.now()
  }
  return (write) =>
    new Promise((resolve, reject) => {
      waiting.push({ write, resolve, reject })
      if (isPlanned) return
      isPlanned = true
      inARow = performance.now() - lastMs < WINDOW_MS ? inARow + 1 : 0
      if (inARow >= BURST_MIN) setTimeout(() => void runWaiting(), WINDOW_MS)
      else setImmediate(() => void runWaiting())
    })
}
