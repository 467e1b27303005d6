// dice.ts — Random numbers that can be repeated: they come from a seed, which is printed with every failure.

export interface Dice {
  /** Printed by the test. Set `KAGAMI_SEED` to it to repeat the run. */
  readonly seed: number
  /** A whole number from `from` to `to`, both included. */
  whole(from: number, to: number): number
  /** One of these values. */
  pick<T>(of: readonly T[]): T
}

/** Creates dice with the seed in `KAGAMI_SEED`, or a new one. */
export function createDice(seed = Number(process.env['KAGAMI_SEED'] ?? Date.now() % 1_000_000)): Dice {
  let state = seed >>> 0
  // mulberry32: small, and good enough to choose which program to kill.
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
  const whole = (from: number, to: number) => from + Math.floor(next() * (to - from + 1))
  return { seed, whole, pick: (of) => of[whole(0, of.length - 1)]! }
}
