// spool.ts — Reports of finished syncs, on disk until the stream has them. The last of those stay, in case the stream
// is lost before the database has them.
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { SyncReport } from '@kagami/protocol'
import {
  copyOfLine,
  logDamage,
  openStateFile,
  sealedJson,
  writeDurably,
  type Logger,
  type StateFile,
  type StateForm,
} from '@kagami/runtime'

/**
 * Reports kept after the stream has them: a day of 80 replicas that sync every hour. The answer to a join says when the
 * stream was created; a worker that knew another stream sends these again.
 */
export const KEEP_SENT = 2000

export interface Spool {
  /**
   * Keeps a report; when this returns it survives a crash. A report the disk refuses is logged and sent from memory,
   * and lost if this process ends before.
   */
  keep(report: SyncReport): void
  /** Whether a sync's report is in the spool. */
  holds(syncId: string): boolean
  /** Sends everything kept, oldest first, until `send` fails; sent reports are moved aside. One run at a time. */
  flush(send: (report: SyncReport) => Promise<boolean>): Promise<void>
  /**
   * Says which stream there is now. True when it is another one than before: then the last reports wait to be sent
   * again.
   */
  setStream(name: string): boolean
  readonly size: number
}

/** Opens the spool of a worker with what earlier runs left. A damaged file is logged and set aside. */
export function openSpool(directory: string, logger: Logger): Spool {
  const waiting = new Map<string, SyncReport>()
  const sent = openSent(join(directory, 'sent'), logger)
  const load = (file: string) => {
    const report = fileOf(join(directory, file), logger).read()
    if (report) waiting.set(report.sync_id, report)
  }
  listed(directory).forEach(load)
  let flushing: Promise<void> | null = null
  async function drain(send: (report: SyncReport) => Promise<boolean>) {
    for (const [syncId, report] of waiting) {
      if (!(await send(report))) return
      sent.put(join(directory, `${syncId}.json`), `${syncId}.json`)
      waiting.delete(syncId)
    }
  }
  return {
    keep(report) {
      waiting.set(report.sync_id, report)
      write(join(directory, `${report.sync_id}.json`), report, logger)
    },
    holds: (syncId) => waiting.has(syncId),
    flush(send) {
      flushing ??= drain(send).finally(() => {
        flushing = null
      })
      return flushing
    },
    setStream(name) {
      if (!sent.isOther(name)) return false
      const again = sent.restoreAll(directory)
      again.forEach(load)
      sent.remember(name)
      if (again.length > 0)
        logger.warn(
          { reports: again.length },
          'the stream of reports was created anew; the last reports are sent again',
        )
      return again.length > 0
    },
    get size() {
      return waiting.size
    },
  }
}

const form = sealedJson(SyncReport)
const checked = copyOfLine((text) => text !== '')

/** Streams are called by the instant they were created at; earlier versions wrote it without a checksum. */
const streamForm: StateForm<string> = {
  write: checked.write,
  read: (text) => checked.read(text) ?? (/^\d{4}-\d\d-\d\dT[\d:.]{8,}Z$/.test(text.trim()) ? text.trim() : null),
}

/** A report is written once, so it has no version before it. */
function fileOf(path: string, logger: Logger): StateFile<SyncReport> {
  return openStateFile({
    path,
    form,
    onDamage: logDamage(logger),
    without: 'the report of that sync is missing in the history, unless the supervisor has it already',
  })
}

function write(file: string, report: SyncReport, logger: Logger): void {
  try {
    writeDurably(file, form.write(report))
  } catch (error) {
    logger.error(
      { sync_id: report.sync_id, reason: (error as Error).message },
      'the report of a sync cannot be written to data_dir; it is sent from memory, and lost if the worker ' +
        'ends before. Check the disk',
    )
  }
}

/**
 * The reports the stream has, oldest first. Nothing here is flushed: a report that reappears after a crash is sent
 * twice and counts once.
 */
function openSent(directory: string, logger: Logger) {
  const files = listed(directory)
  let damaged = false
  const stream = openStateFile<string>({
    path: join(directory, 'stream'),
    form: streamForm,
    onDamage(damage) {
      damaged = true
      logDamage(logger)(damage)
    },
    without: 'the last reports are sent again, and each counts once',
  })
  // No stream is called so: then it is another one than before.
  let known = stream.read() ?? (damaged ? '' : null)
  mkdirSync(directory, { recursive: true })
  return {
    put(from: string, file: string) {
      // A report that could not be written has no file.
      if (!existsSync(from)) return
      try {
        renameSync(from, join(directory, file))
        files.push(file)
        while (files.length > KEEP_SENT) rmSync(join(directory, files.shift()!), { force: true })
      } catch (error) {
        logger.warn(
          { file: from, reason: (error as Error).message },
          'a report that the stream has cannot be moved aside; it is sent again at the next start, and counts once',
        )
      }
    },
    isOther: (name: string) => known !== name,
    remember(name: string) {
      known = name
      try {
        stream.write(name)
      } catch (error) {
        logger.warn(
          { file: stream.path, reason: (error as Error).message },
          'the name of the stream cannot be kept; after a restart the last reports are sent again, and count once',
        )
      }
    },
    restoreAll(to: string): string[] {
      const again = known === null ? [] : files.splice(0)
      for (const file of again) renameSync(join(directory, file), join(to, file))
      return again
    },
  }
}

function listed(directory: string): string[] {
  try {
    return readdirSync(directory)
      .filter((file) => file.endsWith('.json'))
      .sort()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}
