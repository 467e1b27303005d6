// wait.ts — Waiting for something to become true, never for time to pass.
import { setTimeout as pause } from 'node:timers/promises'

/**
 * How long anything is waited for, ms: one bound for all tests, generous enough for a machine that is several times
 * slower and has other work. A test that gives a smaller one says that the product promises it.
 */
export const PATIENCE_MS = 120_000

/**
 * Calls `probe` until it returns something, and returns that. The error after `timeoutMs` shows the last thing seen.
 */
export async function until<T>(
  what: string,
  probe: () => Promise<T | null | undefined | false> | T | null | undefined | false,
  options: { timeoutMs?: number; seen?: () => unknown } = {},
): Promise<T> {
  const deadline = Date.now() + (options.timeoutMs ?? PATIENCE_MS)
  let last: unknown = 'nothing'
  for (;;) {
    try {
      const value = await probe()
      if (value) return value
    } catch (error) {
      last = error
    }
    if (Date.now() > deadline) {
      const seen = options.seen ? JSON.stringify(await options.seen(), null, 1) : String(last)
      throw new Error(`waited in vain until ${what}; last seen: ${seen.slice(0, 4000)}`)
    }
    await pause(40)
  }
}
