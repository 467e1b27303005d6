// dice.ts — Randomness that can be had again: a seed, printed with every failure, and what is drawn from it.

export interface Dice {
  /** Printed by the test; `KAGAMI_SEED` gives it again. */
  readonly seed: number
  /** A whole number of `from` to `to`, both included. */
  whole(from: number, to: number): number
  /** One of these. */
  one<T>(of: readonly T[]): T
}

/** Dice with the seed of `KAGAMI_SEED`, or a new one. */
export function throwDice(seed = Number(process.env['KAGAMI_SEED'] ?? Date.now() % 1_000_000)): Dice {
  let state = seed >>> 0
  // mulberry32: small, and good enough to choose whom to kill.
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
  const whole = (from: number, to: number) => from + Math.floor(next() * (to - from + 1))
  return { seed, whole, one: (of) => of[whole(0, of.length - 1)]! }
}
