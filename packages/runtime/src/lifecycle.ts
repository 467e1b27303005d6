// lifecycle.ts — How a program ends: signals, and the death of the parent that started it.
import { pause } from './clock.ts'

/** Resolves with the reason when the process is asked to stop. A second signal ends it at once. */
export function stopRequested(): Promise<string> {
  return new Promise((resolve) => {
    let asked = false
    const ask = (signal: string) => {
      if (asked) process.exit(130)
      asked = true
      resolve(signal)
    }
    process.on('SIGINT', () => ask('SIGINT'))
    process.on('SIGTERM', () => ask('SIGTERM'))
    process.on('SIGHUP', () => ask('SIGHUP'))
    if (process.env['npm_lifecycle_event'] || process.env['KAGAMI_LAUNCHED']) watchParent(() => ask('parent died'))
  })
}

/** npm and the launcher cannot pass SIGKILL on; an orphan notices it by its new parent. */
function watchParent(onDeath: () => void) {
  const parent = process.ppid
  const timer = setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(timer)
    onDeath()
  }, 1000)
  timer.unref()
}

/** Runs `stop` but waits no longer than `graceMs`; says whether it ended in time. */
export async function stopWithin(graceMs: number, stop: () => Promise<void>): Promise<boolean> {
  const abort = new AbortController()
  const ended = await Promise.race([stop().then(() => true), pause(graceMs, abort.signal).then(() => false)])
  abort.abort()
  return ended
}
