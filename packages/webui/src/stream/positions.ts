// positions.ts — Where in the stream a client was, and when. Who asks for more topics continues from a while ago: what
// it has just fetched may have changed since, unheard. Pure.

interface Position {
  readonly id: string
  readonly atMs: number
}

export interface Positions {
  add(id: string, atMs: number): void
  /** Forgets what was before: the stream has begun anew. */
  clear(): void
  /** The last event that came at `atMs` or before, else the oldest that is known; empty: none yet. */
  lastAt(atMs: number): string
}

/** Remembers positions of the last `keepMs`, at most one every `stepMs`. */
export function createPositions(keepMs: number, stepMs = 1000): Positions {
  let known: Position[] = []
  return {
    add(id, atMs) {
      if (known.length > 0 && atMs - known.at(-1)!.atMs < stepMs) return
      known.push({ id, atMs })
      // One that is older stays: nothing may have happened for long.
      while (known.length > 1 && known[1]!.atMs <= atMs - keepMs) known.shift()
    },
    clear: () => void (known = []),
    lastAt: (atMs) => (known.findLast((one) => one.atMs <= atMs) ?? known[0])?.id ?? '',
  }
}
