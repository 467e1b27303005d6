// backoff.ts — How long to wait before trying again. Pure.

/** Milliseconds before try `tries` + 1: 1, 2, 4 … 30 s, spread by ±25 % with `random` in [0, 1). */
export function backOff(tries: number, random: number): number {
  const base = Math.min(30_000, 1000 * 2 ** Math.min(tries, 10))
  return Math.round(base * (0.75 + random * 0.5))
}
