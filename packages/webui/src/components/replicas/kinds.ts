// kinds.ts — Which kinds of upstream the fleet has, for menus. Pure.
import type { Replica, Worker } from '@kagami/protocol'

/** What is offered while nothing is known of the fleet. */
export const USUAL_KINDS: readonly string[] = ['git', 'rsync', 'http']

/** What is known of the fleet, as far as it is on screen. */
export interface KnownKinds {
  readonly workers: readonly Pick<Worker, 'kinds'>[]
  readonly replicas: readonly Pick<Replica, 'kind'>[]
  /** The kinds that are chosen now: they stay in the menu. */
  readonly chosen: readonly string[]
}

/** The kinds that workers announce, replicas have or somebody chose: the usual ones first, then by name. */
export function kindsOf({ workers, replicas, chosen }: KnownKinds): string[] {
  const known = [
    ...workers.flatMap((worker) => worker.kinds.map(({ kind }) => kind)),
    ...replicas.map(({ kind }) => kind),
  ]
  const all = new Set([...(known.length > 0 ? known : USUAL_KINDS), ...chosen])
  const usual = USUAL_KINDS.filter((kind) => all.has(kind))
  return [...usual, ...[...all].filter((kind) => !usual.includes(kind)).toSorted()]
}
