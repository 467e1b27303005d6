// ledger.ts — What workers say on their own disks that they synced, compared with what the history has.
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Client, Sync } from '@kagami/protocol'
import { readJsonIfThere } from '@kagami/runtime'
import type { Place } from './place.ts'

export interface Ledger {
  /** Ids of all syncs that ever began, by what the workers wrote down before each, and by its log. */
  readonly begun: ReadonlySet<string>
  /** Reports that wait on the disks. */
  waiting(): number
}

const LOOK_MS = 100

/** Watches the logs of these workers, because each keeps only the last 20 of a replica. */
export function keepLedger(place: Place, dataDirs: readonly string[]): Ledger {
  const begun = new Set<string>()
  const look = () => {
    for (const dir of dataDirs) {
      const logs = join(dir, '.kagami', 'logs')
      for (const syncId of takenUp(join(dir, '.kagami', 'replicas'))) begun.add(syncId)
      for (const replica of listed(logs))
        for (const file of listed(join(logs, replica))) if (file.endsWith('.log')) begun.add(file.slice(0, -4))
    }
  }
  const timer = setInterval(look, LOOK_MS)
  place.also(() => clearInterval(timer))
  return {
    get begun() {
      look()
      return begun
    },
    waiting: () =>
      dataDirs.reduce(
        (sum, dir) => sum + listed(join(dir, '.kagami', 'spool')).filter((file) => file.endsWith('.json')).length,
        0,
      ),
  }
}

/** Syncs that run, or ran when the worker was killed: one may have no log yet. */
function takenUp(replicas: string): string[] {
  return listed(replicas)
    .filter((file) => file.endsWith('.json'))
    .flatMap((file) => {
      const kept = readJsonIfThere(join(replicas, file)) as { life?: { syncId?: string } } | null
      return kept?.life?.syncId ?? []
    })
}

/** What the history lacks of the syncs that began, and what it has that never did. Throws when it has a sync twice. */
export async function compared(
  ledger: Ledger,
  api: Client,
): Promise<{ history: Map<string, Sync>; missing: string[]; unknown: string[] }> {
  // Taken before the history is read: what begins while its pages come is not missing.
  const begun = [...ledger.begun]
  const history = await wholeHistory(api)
  return {
    history,
    missing: begun.filter((id) => !history.has(id)),
    unknown: [...history.keys()].filter((id) => !ledger.begun.has(id)),
  }
}

/** The whole history, page by page. Throws when a sync is in it twice. */
export async function wholeHistory(api: Client): Promise<Map<string, Sync>> {
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

function listed(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory) : []
}
