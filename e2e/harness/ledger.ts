// ledger.ts — The syncs that workers started, read from their disks, to compare with the history of the supervisor.
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Client, Sync } from '@kagami/protocol'
import { readJsonIfThere } from '@kagami/runtime'
import type { Place } from './place.ts'

export interface Ledger {
  /** Ids of all syncs that ever started, by the records that workers write before a sync, and by the logs. */
  readonly started: ReadonlySet<string>
  /** Number of reports that wait on the disks. */
  waiting(): number
}

const LOOK_MS = 100

/** Watches the logs of these workers all the time, because a worker keeps only the last 20 of a replica. */
export function openLedger(place: Place, dataDirs: readonly string[]): Ledger {
  const started = new Set<string>()
  const look = () => {
    for (const dir of dataDirs) {
      const logs = join(dir, '.kagami', 'logs')
      for (const syncId of runningSyncs(join(dir, '.kagami', 'replicas'))) started.add(syncId)
      for (const replica of listDirectory(logs))
        for (const file of listDirectory(join(logs, replica))) if (file.endsWith('.log')) started.add(file.slice(0, -4))
    }
  }
  const timer = setInterval(look, LOOK_MS)
  place.onEnd(() => clearInterval(timer))
  return {
    get started() {
      look()
      return started
    },
    waiting: () =>
      dataDirs.reduce(
        (sum, dir) =>
          sum + listDirectory(join(dir, '.kagami', 'spool')).filter((file) => file.endsWith('.json')).length,
        0,
      ),
  }
}

/** Syncs that are running, or were running when the worker was killed. They may not have a log yet. */
function runningSyncs(replicas: string): string[] {
  return listDirectory(replicas)
    .filter((file) => file.endsWith('.json'))
    .flatMap((file) => {
      const kept = readJsonIfThere(join(replicas, file)) as { life?: { syncId?: string } } | null
      return kept?.life?.syncId ?? []
    })
}

/**
 * Compares with the history. `missing` syncs started and are not in it; `unknown` ones are in it and never started.
 * Throws when the history has a sync twice.
 */
export async function compareWithHistory(
  ledger: Ledger,
  api: Client,
): Promise<{ history: Map<string, Sync>; missing: string[]; unknown: string[] }> {
  // Copied before the history is read: a sync that starts while the pages are read is not missing.
  const started = [...ledger.started]
  const history = await readHistory(api)
  return {
    history,
    missing: started.filter((id) => !history.has(id)),
    unknown: [...history.keys()].filter((id) => !ledger.started.has(id)),
  }
}

/** Reads the whole history, page by page. Throws when a sync is in it twice. */
export async function readHistory(api: Client): Promise<Map<string, Sync>> {
  const all = new Map<string, Sync>()
  let cursor: string | null = null
  do {
    const page: { items: Sync[]; next_cursor: string | null } = await api.call('listSyncs', {
      query: { state: 'finished', limit: 500, ...(cursor ? { cursor } : {}) },
    })
    for (const sync of page.items) {
      if (all.has(sync.sync_id)) throw new Error(`the history has sync ${sync.sync_id} twice`)
      all.set(sync.sync_id, sync)
    }
    cursor = page.next_cursor
  } while (cursor)
  return all
}

function listDirectory(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory) : []
}
