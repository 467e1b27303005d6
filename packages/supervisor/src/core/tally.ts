// tally.ts — Counters by key, updated with every change, so that reading a number does not need a walk over the fleet.

/** Counts by key, to read. A key with count 0 is absent. */
export interface Counts {
  readonly total: number
  get(key: string): number
  toRecord(): Record<string, number>
}

/** Counts by key. */
export interface Tally extends Counts {
  move(from: string | null, to: string | null): void
}

/** An empty tally. */
export function createTally(): Tally {
  const counts = new Map<string, number>()
  let total = 0
  function add(key: string, by: number) {
    const next = (counts.get(key) ?? 0) + by
    if (next === 0) counts.delete(key)
    else counts.set(key, next)
    total += by
  }
  return {
    get total() {
      return total
    },
    get: (key) => counts.get(key) ?? 0,
    move(from, to) {
      if (from === to) return
      if (from !== null) add(from, -1)
      if (to !== null) add(to, 1)
    },
    toRecord: () => Object.fromEntries(counts),
  }
}
