// killed.ts — Tells that a program was killed from outside, and whether the kernel did it for want of memory.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { SyncFailure, type Exit } from '../provider.ts'

/** What a shell says of a program that got SIGKILL. */
const KILLED_CODE = 137
/** git and rsync run in several processes. What one says when another was killed, … */
const PART_KILLED = /^(?:error|fatal|rsync(?: error)?): [^"\n]*\b(?:died of|killed by|received) (?:signal 9|SIGKILL)/m
/** … and what it also says when another ended for other reasons. */
const PART_LOST = /^fatal: fetch-pack: invalid index-pack output|^rsync error: .*\(code (?:10|12|255)\)/m

const CGROUPS = '/sys/fs/cgroup'

/** How often the kernel has killed for want of memory, and the limit of memory of the worker's group in bytes. */
export interface MemoryLook {
  readonly kills: number | null
  /** Whether these were programs of the worker's own group. */
  readonly own: boolean
  readonly limit: number | null
}

/** Looks at the worker's own group of processes, otherwise at the whole machine; null where that cannot be read. */
export function lookAtMemory(): MemoryLook {
  const groups = readText('/proc/self/cgroup').split('\n')
  const pathOf = (pattern: RegExp) => groups.map((line) => pattern.exec(line)?.[1]).find((path) => path !== undefined)
  const [one, two] = [pathOf(/^\d+:(?:[\w,=]*,)?memory(?:,[\w,=]*)?:(.*)$/), pathOf(/^0::(.*)$/)]
  const folders = [
    ...(one === undefined ? [] : [join(CGROUPS, 'memory', one), join(CGROUPS, 'memory')]),
    ...(two === undefined ? [] : [join(CGROUPS, two)]),
  ]
  const files = folders.flatMap((folder) => [join(folder, 'memory.oom_control'), join(folder, 'memory.events')])
  const counts = files.map(countKills).filter((count) => count !== null)
  const limits = folders.flatMap((folder) => [join(folder, 'memory.limit_in_bytes'), join(folder, 'memory.max')])
  const limit = limits.map((file) => Number.parseInt(readText(file), 10)).find((bytes) => bytes < 2 ** 60)
  return { kills: counts[0] ?? countKills('/proc/vmstat'), own: counts.length > 0, limit: limit ?? null }
}

/** The failure of a program that was killed from outside, with the cure; null when it ended otherwise. */
export function killedFailure(command: string, exit: Exit, before: MemoryLook): SyncFailure | null {
  if (exit.code === 0) return null
  const killed = exit.signal === 'SIGKILL' || exit.code === KILLED_CODE || PART_KILLED.test(exit.tail)
  const { kills, own, limit } = lookAtMemory()
  const forMemory = kills !== null && before.kills !== null && kills > before.kills
  if (!killed && !(forMemory && (own || PART_LOST.test(exit.tail)))) return null
  const within = limit === null ? 'this machine has' : `it may have (${Math.round(limit / 2 ** 20)} MiB)`
  const why = forMemory
    ? `${command} was killed by the system (SIGKILL): it needed more memory than ${within}`
    : `${command} was killed (SIGKILL), not by Kagami: by somebody, or by the system for want of memory`
  return new SyncFailure('unknown', why, {
    tail: exit.tail,
    exitCode: exit.code,
    hint:
      'The published copy is as it was, and it is tried again. Give the worker more memory (MemoryMax= of its unit, ' +
      '--memory of its container), or run fewer syncs at once (slots). The system’s log names what was ' +
      'killed: journalctl -k.',
  })
}

function countKills(file: string): number | null {
  const found = /^oom_kill (\d+)$/m.exec(readText(file))?.[1]
  return found === undefined ? null : Number(found)
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    // Not every kernel has every file, and a container may hide them.
    return ''
  }
}
