// mirror.ts — A mirror as visitors see it: one state and the facts of its best copy, never which worker has it. Pure.
import { healthLooks, type Health, type ReplicaState } from '@kagami/protocol'
import type { ReplicaEntry, ResourceEntry } from '../core/entries.ts'
import { resourceOf } from '../core/views.ts'
import { publicUpstream } from './upstream.ts'

/** The state of a mirror for visitors. */
export type MirrorState = 'ok' | 'syncing' | 'late' | 'stale' | 'failed' | 'paused' | 'unknown' | 'new'

/** The states in which a visitor had better use another site. */
export const PROBLEMS: ReadonlySet<MirrorState> = new Set(['late', 'stale', 'failed', 'unknown'])

/** The health of a copy for visitors, the best one first: the best copy decides. */
const STATES: readonly (readonly [MirrorState, readonly Health[]])[] = [
  ['ok', ['fresh']],
  ['syncing', ['syncing', 'queued']],
  ['late', ['late', 'stuck']],
  ['stale', ['stale']],
  ['failed', ['failed', 'held']],
  ['paused', ['paused']],
  ['unknown', ['unknown']],
  ['new', ['new']],
]

/** The look of each state, that of the health which is most like it. */
export const stateLooks: Readonly<Record<MirrorState, { readonly glyph: string }>> = {
  ok: healthLooks.fresh,
  syncing: healthLooks.syncing,
  late: healthLooks.late,
  stale: healthLooks.stale,
  failed: healthLooks.failed,
  paused: healthLooks.paused,
  unknown: healthLooks.unknown,
  new: healthLooks.new,
}

/** A mirror with all that visitors are told. Times are RFC 3339, UTC. */
export interface Mirror {
  readonly name: string
  readonly state: MirrorState
  readonly isUpToDate: boolean
  readonly kinds: readonly string[]
  /** Workers that keep it. */
  readonly copies: number
  readonly succeededAt: string | null
  /** When the upstream had last changed what the newest copy has. */
  readonly contentAt: string | null
  readonly dueAt: string | null
  /** Whether a sync of it runs now. */
  readonly isRunning: boolean
  /** The place in the queue, from 1; null when no sync waits. */
  readonly queued: number | null
  readonly sizeBytes: number | null
  readonly upstream: string | null
  /** When its last sync, or the one that runs, started, and when the last one ended. */
  readonly startedAt: string | null
  readonly endedAt: string | null
}

/**
 * The state of a mirror, and whether one of its copies is up to date: synced within its interval, also while the next
 * sync runs or waits. Looks at numbers alone.
 */
export function stateOf({ healths, replicas }: ResourceEntry): { state: MirrorState; isUpToDate: boolean } {
  const [state] = STATES.find(([, words]) => words.some((health) => healths.get(health) > 0)) ?? ['new' as const]
  if (state !== 'syncing') return { state, isUpToDate: state === 'ok' }
  // A first sync has nothing to show yet; whatever other copies there are decides.
  const isUpToDate = replicas.values().some(({ health, succeededMs }) => isSyncing(health) && succeededMs !== null)
  if (isUpToDate) return { state, isUpToDate }
  const [other] = STATES.slice(2, -1).find(([, words]) => words.some((health) => healths.get(health) > 0)) ?? [state]
  return { state: other, isUpToDate }
}

function isSyncing(health: Health): boolean {
  return health === 'syncing' || health === 'queued'
}

/** All that visitors are told of a mirror. */
export function mirrorOf(resource: ResourceEntry): Mirror {
  const { name, kinds, replicas_total, newest_success_at, next_due_at, size_bytes } = resourceOf(resource)
  const best = newestOf(resource)?.state ?? null
  const running = resource.healths.get('syncing') > 0 ? runningOf(resource) : null
  return {
    name,
    ...stateOf(resource),
    kinds,
    copies: replicas_total,
    succeededAt: newest_success_at,
    contentAt: best?.content_at ?? null,
    dueAt: next_due_at,
    isRunning: running !== null,
    queued: resource.healths.get('queued') > 0 ? queuedOf(resource) : null,
    sizeBytes: size_bytes,
    upstream: best && publicUpstream(best.upstream),
    startedAt: running?.current?.started_at ?? best?.last_sync?.started_at ?? null,
    endedAt: best?.last_sync?.ended_at ?? null,
  }
}

/** The state of a replica of which a sync runs; null: there is none. */
function runningOf({ replicas }: ResourceEntry): ReplicaState | null {
  return replicas.values().find(({ health }) => health === 'syncing')?.state ?? null
}

/** The replica with the newest copy; without any copy the first one. */
function newestOf({ replicas }: ResourceEntry): ReplicaEntry | null {
  let newest: ReplicaEntry | null = null
  for (const entry of replicas)
    if (!newest || (entry.succeededMs ?? -Infinity) > (newest.succeededMs ?? -Infinity)) newest = entry
  return newest
}

/** The foremost place of its replicas in the queues of their workers; null when none is known. */
function queuedOf({ replicas }: ResourceEntry): number | null {
  let first: number | null = null
  for (const entry of replicas) {
    const position = entry.health === 'queued' ? (entry.state.queue?.position ?? 0) : 0
    if (position > 0) first = Math.min(first ?? Infinity, position)
  }
  return first
}
