// clock.ts — The server's time. Ages are computed from it, never from the browser's own clock, which may be wrong.
import { defineStore } from 'pinia'
import { ref } from 'vue'

/** A clock that differs by less is right: what the server sends has been on its way. */
const WRONG_MS = 500

/** Server time, Unix ms: `fast` changes every second, `slow` every ten, so that few texts are drawn again. */
export const useClock = defineStore('clock', () => {
  let offset = 0
  const fast = ref(Date.now())
  const slow = ref(Date.now())
  let ticks = 0
  const tick = (): void => {
    fast.value = Date.now() + offset
    if (ticks % 10 === 0) slow.value = fast.value
    ticks += 1
  }
  window.setInterval(tick, 1000)

  /** Sets the clock to an instant the server has just sent; nothing is drawn again while it was right. */
  function set(serverTime: string): void {
    const now = Date.parse(serverTime) - Date.now()
    if (!(Math.abs(now - offset) > WRONG_MS)) return
    offset = now
    ticks = 0
    tick()
  }

  /** Milliseconds since an instant; negative in the future. Young ages change every second, old ones every ten. */
  function ageOf(at: string): number {
    const then = Date.parse(at)
    const age = slow.value - then
    return Math.abs(age) < 100_000 ? fast.value - then : age
  }
  return { fast, slow, set, ageOf }
})
