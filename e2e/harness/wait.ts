// wait.ts — Waiting for something to become true, never for time to pass.
import { setTimeout as pause } from 'node:timers/promises'

/**
 * Asks again and again until `probe` gives something, and returns it. When it never does, the error shows the last
 * thing seen.
 */
export async function until<T>(
  what: string,
  probe: () => Promise<T | null | undefined | false> | T | null | undefined | false,
  options: { timeoutMs?: number; seen?: () => unknown } = {},
): Promise<T> {
  const deadline = Date.now() + (options.timeoutMs ?? 20_000)
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
