// filters.ts — The options that choose replicas, as the filters of their list.
import { healthOrder, LAST_OK, type ReplicaQuery } from '@kagami/protocol'
import { ConfigError } from '@kagami/runtime/config'
import type { Command } from 'commander'
import { healthsOf } from './words.ts'

/** What the options give. */
export interface FilterOptions {
  health?: string
  worker?: string
  kind?: string
  upstream?: string
  cause?: string
  label?: string
  lastOk?: string
}

/** How to leave out what has a word: for the help of commands with filters. */
export const FILTERS_HELP = `
Filters take several words (failed,stale); "!" before one leaves out what has it: --health '!fresh' --worker '!sh-12'.`

/** Adds them to a command; `label` is the word for the one that chooses by a label. */
export function addFilterOptions(command: Command, label = '--label <KEY=VALUE>'): Command {
  return command
    .option('--health <WORDS>', healthOrder.join(', '))
    .option('--worker <WORKER>', 'only on this worker')
    .option('--kind <KINDS>', 'kinds of upstream, such as git, rsync, http')
    .option('--upstream <HOST>', 'only from this host')
    .option('--cause <REASON>', 'reason of the last failure')
    .option(label, 'only with this label')
    .option('--last-ok <AGE>', "'>24h': no good copy for so long; '<24h': one since; never")
}

/** The filters that are given. Throws ConfigError for a word that is no health, and for an age that is none. */
export function filtersOf({ lastOk, ...words }: FilterOptions): ReplicaQuery {
  const { health, worker, kind, upstream, cause, label } = words
  healthsOf('--health', health?.replaceAll(/(^|,)!/g, '$1'))
  if (lastOk !== undefined && !new RegExp(LAST_OK).test(lastOk))
    throw new ConfigError(`--last-ok: "${lastOk}" is no age`, "Write it so: '>24h', '<30m', '>7d', never.")
  const all = { health, worker, kind, upstream, cause, label, last_ok: lastOk }
  return Object.fromEntries(Object.entries(all).filter(([, text]) => text !== undefined))
}
