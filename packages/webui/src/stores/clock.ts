// clock.ts — The server's time, ticking here. Ages are counted from it, never from the browser's own clock.
import { defineStore } from 'pinia'
import { ref } from 'vue'

/** Two hands: `fast` moves every second, `slow` every ten, so that old ages cost nothing. Milliseconds, server time. */
export const useClock = defineStore('clock', () => {
  let offset = 0
  const fast = ref(Date.now())
  const slow = ref(Date.now())
  let beats = 0
  const move = (): void => {
    fast.value = Date.now() + offset
    if (beats % 10 === 0) slow.value = fast.value
    beats += 1
  }
  window.setInterval(move, 1000)

  /** Learns the server's time from an instant it just said. */
  function learn(serverTime: string): void {
    const at = Date.parse(serverTime)
    if (Number.isNaN(at)) return
    offset = at - Date.now()
    beats = 0
    move()
  }

  /** Milliseconds since an instant; negative in the future. Ticks at the pace the age needs. */
  function ageOf(at: string): number {
    const then = Date.parse(at)
    const age = slow.value - then
    return Math.abs(age) < 100_000 ? fast.value - then : age
  }
  return { fast, slow, learn, ageOf }
})
