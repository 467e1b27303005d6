// grouped.ts — Many small writes as few transactions: the first is done at once, and those that come soon after one
// another together. Each caller hears of its own, after the commit.

/** Who comes this soon after a write, ms, waits as long for others. */
const WINDOW_MS = 20
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
      if (performance.now() - lastMs < WINDOW_MS) setTimeout(() => void runWaiting(), WINDOW_MS)
      else setImmediate(() => void runWaiting())
    })
}
