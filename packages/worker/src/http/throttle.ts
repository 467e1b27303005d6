// throttle.ts — Keeps what is received to so many bytes a second, over all connections of a run: pauses a connection
// that is ahead.
import type { Socket } from 'node:net'

export interface Throttle {
  /** Counts received bytes; returns the milliseconds in which no more should be received. */
  took(bytes: number): number
}

/** Time that was not used may be caught up with, ms. */
const CREDIT_MS = 100

/** A throttle of so many KiB a second; null when 0, which is no limit. */
export function createThrottle(kibPerSecond: number, now = () => performance.now()): Throttle | null {
  if (kibPerSecond === 0) return null
  let readyAt = 0
  return {
    took(bytes) {
      const at = now()
      readyAt = Math.max(readyAt, at - CREDIT_MS) + (bytes * 1000) / (kibPerSecond * 1024)
      return Math.max(0, readyAt - at)
    },
  }
}

/** Pauses what delivered the bytes for as long as the throttle says. */
export function slowDown(
  throttle: Throttle | null | undefined,
  bytes: number,
  flow: { pause(): void; resume(): void },
): void {
  const wait = throttle?.took(bytes) ?? 0
  if (wait < 1) return
  flow.pause()
  setTimeout(() => flow.resume(), wait)
}

/** A socket that is paused; its silence meanwhile is none of the upstream's. */
export function flowOf(socket: Socket, idleMs: number): { pause(): void; resume(): void } {
  return {
    pause: () => void socket.setTimeout(0).pause(),
    resume: () => void (socket.destroyed || socket.setTimeout(idleMs).resume()),
  }
}
