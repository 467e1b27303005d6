// spool.ts — Reports of finished syncs, on disk until the stream has them. A report is removed only after the acknowledgement.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { checkFor, SyncReport } from '@kagami/protocol'
import { readJsonIfThere, removeDurably, writeDurably, type Logger } from '@kagami/runtime'

export interface Spool {
  /** Keeps a report; when this returns it survives a crash. */
  keep(report: SyncReport): void
  /** Whether a sync's report is here. */
  holds(syncId: string): boolean
  /** Sends everything kept, oldest first, until `send` fails; what was sent is removed. One run at a time. */
  flush(send: (report: SyncReport) => Promise<boolean>): Promise<void>
  readonly size: number
}

/** Opens the spool of a worker and takes up what earlier runs left. A damaged file is named in the log and set aside. */
export function openSpool(directory: string, logger: Logger): Spool {
  const waiting = new Map<string, SyncReport>()
  const check = checkFor(SyncReport)
  for (const file of listed(directory)) {
    const report = readJsonIfThere(join(directory, file))
    if (check.ok(report)) waiting.set(report.sync_id, report)
    else logger.error({ file: join(directory, file) }, 'a report in the spool cannot be read; it is left where it is')
  }
  let flushing: Promise<void> | null = null
  async function drain(send: (report: SyncReport) => Promise<boolean>) {
    for (const [syncId, report] of waiting) {
      if (!(await send(report))) return
      removeDurably(join(directory, `${syncId}.json`))
      waiting.delete(syncId)
    }
  }
  return {
    keep(report) {
      writeDurably(join(directory, `${report.sync_id}.json`), JSON.stringify(report))
      waiting.set(report.sync_id, report)
    },
    holds: (syncId) => waiting.has(syncId),
    flush(send) {
      flushing ??= drain(send).finally(() => {
        flushing = null
      })
      return flushing
    },
    get size() {
      return waiting.size
    },
  }
}

function listed(directory: string): string[] {
  try {
    return readdirSync(directory).filter((file) => file.endsWith('.json')).sort()
  } catch {
    return []
  }
}
