// backoff.ts — How long to wait before the next attempt. Pure.

/** Milliseconds to wait after `tries` failed attempts: 1, 2, 4 … 30 s, ±25 % by `random` in [0, 1). */
export function backOff(tries: number, random: number): number {
  const base = Math.min(30_000, 1000 * 2 ** Math.min(tries, 10))
  return Math.round(base * (0.75 + random * 0.5))
}
