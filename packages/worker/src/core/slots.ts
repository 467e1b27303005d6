// slots.ts — Decides which waiting syncs may start: slots per worker and per upstream host. Gives the others a reason
// to wait.
import { sshUpstreamOf } from '@kagami/protocol'

export interface Waiting {
  readonly id: string
  readonly host: string
  readonly since: Date
  /** Somebody requested it: it goes before what the schedule wants. */
  readonly asked: boolean
}

export interface Limits {
  readonly perWorker: number
  readonly perHost: number
}

export interface Turn {
  readonly start: readonly string[]
  /** Those that keep waiting, in order; positions count from 1. */
  readonly wait: readonly { id: string; position: number; reason: string }[]
}

/**
 * Assigns free slots: requested syncs first, then the oldest. `running` holds the upstream host of each running sync.
 */
export function assignSlots(waiting: readonly Waiting[], running: readonly string[], limits: Limits): Turn {
  const order = [...waiting].sort(
    (a, b) => Number(b.asked) - Number(a.asked) || a.since.getTime() - b.since.getTime() || (a.id < b.id ? -1 : 1),
  )
  const busy = new Map<string, number>()
  for (const host of running) busy.set(host, (busy.get(host) ?? 0) + 1)
  let free = limits.perWorker - running.length
  const start: string[] = []
  const wait: { id: string; position: number; reason: string }[] = []
  for (const entry of order) {
    const onHost = busy.get(entry.host) ?? 0
    if (free > 0 && onHost < limits.perHost) {
      start.push(entry.id)
      busy.set(entry.host, onHost + 1)
      free--
      continue
    }
    const reason =
      onHost >= limits.perHost
        ? `${onHost} of ${limits.perHost} syncs from ${entry.host || 'this upstream'} are running`
        : `${limits.perWorker} of ${limits.perWorker} slots are in use`
    wait.push({ id: entry.id, position: wait.length + 1, reason })
  }
  return { start, wait }
}

/** The host an upstream is counted under. */
export function hostOf(upstream: string): string {
  return URL.parse(upstream)?.host ?? sshUpstreamOf(upstream)?.host ?? ''
}
