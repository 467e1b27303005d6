// replicaViews.ts — The views that the list of replicas always has: everything, and one for each health. Pure.
import { healthLooks, healthOrder, type Health, type Summary } from '@kagami/protocol'
import type { SystemView } from './ViewBar.vue'

/** Those that are always there, in this order, and what they are called where that is not the word of the health. */
const NAMED: Readonly<Partial<Record<Health, string | null>>> = {
  failed: 'view.failing',
  stale: null,
  stuck: null,
  syncing: 'view.running',
  queued: null,
  new: 'view.never',
  paused: null,
}

/**
 * The views, with the counts of a summary. Other healths are there while a replica has them, or while they are `on`.
 */
export function replicaViews(summary: Summary | null, on: string, t: (key: string) => string): SystemView[] {
  const counts = summary?.health_counts
  const named = Object.keys(NAMED) as Health[]
  const others = healthOrder.filter((health) => !(health in NAMED) && (counts?.[health] || on === health))
  const all = { health: '', label: t('act.all'), look: null, n: summary?.replicas_total ?? null }
  return [
    all,
    ...[...named, ...others].map((health) => ({
      health,
      label: t(NAMED[health] ?? healthLooks[health].words),
      look: healthLooks[health],
      n: counts ? (counts[health] ?? 0) : null,
    })),
  ]
}
