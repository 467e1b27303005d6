// filters.ts — The options that choose replicas, as the filters of their list.
import { healthOrder, type ReplicaQuery } from '@kagami/protocol'
import type { Command } from 'commander'
import { healthsOf } from './words.ts'

/** What the options give. */
export interface FilterOptions {
  health?: string
  worker?: string
  kind?: string
  cause?: string
  label?: string
}

/** Adds them to a command; `label` is the word for the one that chooses by a label. */
export function addFilterOptions(command: Command, label = '--label <KEY=VALUE>'): Command {
  return command
    .option('--health <WORDS>', healthOrder.join(', '))
    .option('--worker <WORKER>', 'only on this worker')
    .option('--kind <KINDS>', 'kinds of upstream, such as git, rsync, http')
    .option('--cause <REASON>', 'reason of the last failure')
    .option(label, 'only with this label')
}

/** The filters that are given. Throws ConfigError for a word that is no health. */
export function filtersOf({ health, worker, kind, cause, label }: FilterOptions): ReplicaQuery {
  healthsOf('--health', health)
  const given = Object.entries({ health, worker, kind, cause, label }).filter(([, text]) => text !== undefined)
  return Object.fromEntries(given)
}
