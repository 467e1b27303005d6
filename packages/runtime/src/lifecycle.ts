// lifecycle.ts — How a program ends: signals, and the death of the parent that started it.
import { readFileSync } from 'node:fs'
import { pause } from './clock.ts'

/** A signal that comes again this soon, ms, is the same one: npm and the terminal both send Ctrl-C on. */
const SAME_SIGNAL_MS = 1500

/** Resolves with the reason when the process is asked to stop. A second signal, later on, ends it at once. */
export function stopRequested(): Promise<string> {
  return new Promise((resolve) => {
    let askedAt: number | null = null
    const ask = (signal: string) => {
      if (askedAt !== null && performance.now() - askedAt > SAME_SIGNAL_MS) process.exit(130)
      askedAt ??= performance.now()
      resolve(signal)
    }
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => ask(signal))
    if (process.env['npm_lifecycle_event'] || process.env['KAGAMI_LAUNCHED']) watchParent(() => resolve('parent died'))
  })
}

/** npm and the launcher cannot pass SIGKILL on; whoever they started notices that they are gone. */
function watchParent(onDeath: () => void) {
  const parent = process.ppid
  const watched = starters(parent)
  const timer = setInterval(() => {
    const alive = process.ppid === parent && watched.every(({ pid, born }) => processOf(pid)?.born === born)
    if (alive) return
    clearInterval(timer)
    onDeath()
  }, 1000)
  timer.unref()
}

interface Process {
  readonly pid: number
  readonly name: string
  readonly parent: number
  /** Start time in clock ticks: tells a process from a later one with its number. */
  readonly born: string
}

/**
 * Who started us: our parent, and beyond a shell in between (npm runs scripts through one) the one who started that.
 */
function starters(parent: number): Process[] {
  const found: Process[] = []
  for (let next = processOf(parent); next; next = processOf(next.parent)) {
    found.push(next)
    if (!/^(sh|dash|bash|ash|busybox)$/.test(next.name)) break
  }
  return found
}

/** A process as /proc shows it; null when it is gone, or where there is no /proc. */
function processOf(pid: number): Process | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name stands in brackets and may hold anything, so fields are counted from its end.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return {
      pid,
      name: stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')')),
      parent: Number(fields[1]),
      born: fields[19] ?? '',
    }
  } catch {
    return null
  }
}

/** Runs `stop` but waits no longer than `graceMs`; says whether it ended in time. */
export async function stopWithin(graceMs: number, stop: () => Promise<void>): Promise<boolean> {
  const abort = new AbortController()
  const ended = await Promise.race([stop().then(() => true), pause(graceMs, abort.signal).then(() => false)])
  abort.abort()
  return ended
}
