// wait.ts — Waits until something is true, instead of for a fixed time.
import { setTimeout as pause } from 'node:timers/promises'

/**
 * Longest wait, ms: one bound for all tests, generous enough for a machine that is several times slower and busy. A
 * test with a smaller bound checks a promise of the product.
 */
export const PATIENCE_MS = 120_000

/**
 * Calls `probe` until it returns something, and returns that. After `timeoutMs` it throws, with what was seen and
 * thrown last.
 */
export async function until<T>(
  what: string,
  probe: () => Promise<T | null | undefined | false> | T | null | undefined | false,
  options: { timeoutMs?: number; seen?: () => unknown } = {},
): Promise<T> {
  const deadline = Date.now() + (options.timeoutMs ?? PATIENCE_MS)
  let last: Error | null = null
  for (;;) {
    try {
      const value = await probe()
      if (value) return value
    } catch (error) {
      last = error as Error
    }
    if (Date.now() > deadline) {
      const seen = options.seen ? JSON.stringify(await options.seen(), null, 1) : 'nothing'
      const thrown = last === null ? '' : `; last thrown: ${String(last).slice(0, 1000)}`
      throw new Error(`timed out while waiting until ${what}; last seen: ${seen.slice(0, 4000)}${thrown}`)
    }
    await pause(40)
  }
}
