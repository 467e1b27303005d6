// lifecycle.ts — When a program has to stop: on a signal, or when the program that started it is gone.
import { readFileSync } from 'node:fs'
import { pause } from './clock.ts'

/** A signal that comes again within this time, ms, is the same one: npm and the terminal both forward Ctrl-C. */
const SAME_SIGNAL_MS = 1500

const PARENT_DIED = 'parent died'

/** The exit code of a program that stopped for this reason: an end that nobody asked for is no success. */
export function exitCodeFor(reason: string): number {
  return reason === PARENT_DIED ? 1 : 0
}

/** Resolves with the reason when the process has to stop. A second signal ends the process at once. */
export function stopRequested(): Promise<string> {
  return new Promise((resolve) => {
    let firstAt: number | null = null
    const onSignal = (signal: string) => {
      if (firstAt !== null && performance.now() - firstAt > SAME_SIGNAL_MS) process.exit(130)
      firstAt ??= performance.now()
      resolve(signal)
    }
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => onSignal(signal))
    if (process.env['npm_lifecycle_event'] || process.env['KAGAMI_LAUNCHED']) watchParent(() => resolve(PARENT_DIED))
  })
}

/** Calls `onDeath` when npm or the launcher is gone: they cannot forward SIGKILL. */
function watchParent(onDeath: () => void) {
  const parent = process.ppid
  const watched = ancestors(parent)
  const timer = setInterval(() => {
    if (process.ppid === parent && !watched.some(isGone)) return
    clearInterval(timer)
    onDeath()
  }, 1000)
  timer.unref()
}

/** Without the means to look, as without file descriptors, nothing is known: then it is not gone. */
function isGone({ pid, startedAt }: Process): boolean {
  const now = readProcess(pid)
  return now === null || (now !== 'unknown' && now.startedAt !== startedAt)
}

interface Process {
  readonly pid: number
  readonly name: string
  readonly parent: number
  /** Start time in clock ticks: distinguishes a process from a later one with the same pid. */
  readonly startedAt: string
}

/** Our parent, and when that is a shell, through which npm runs scripts, the parent of the shell. */
function ancestors(parent: number): Process[] {
  const found: Process[] = []
  for (let next = readProcess(parent); next && next !== 'unknown'; next = readProcess(next.parent)) {
    found.push(next)
    if (!/^(sh|dash|bash|ash|busybox)$/.test(next.name)) break
  }
  return found
}

/** A process as /proc shows it; null when it is gone, or where there is no /proc; `unknown` when it cannot be read. */
function readProcess(pid: number): Process | 'unknown' | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name is in parentheses and may contain any character, so fields are counted from its end.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return {
      pid,
      name: stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')')),
      parent: Number(fields[1]),
      startedAt: fields[19] ?? '',
    }
  } catch (error) {
    return ['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '') ? null : 'unknown'
  }
}

/** Runs `stop` and waits at most `graceMs` for it. Returns true when it ended in time. */
export async function stopWithin(graceMs: number, stop: () => Promise<void>): Promise<boolean> {
  const abort = new AbortController()
  const ended = await Promise.race([stop().then(() => true), pause(graceMs, abort.signal).then(() => false)])
  abort.abort()
  return ended
}
