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
  systemClock,
  writeDurably,
  type Logger,
  type StateFile,
  type StateForm,
} from '@kagami/runtime'
import { createKeeper, type Keeper } from './keeper.ts'

/**
 * Reports kept after the stream has them: a day of 80 replicas that sync every hour. The answer to a join says when the
 * stream was created; a worker that knew another stream sends these again.
 */
export const KEEP_SENT = 2000
/** Reports kept in memory alone, while the disk refuses them and the stream is not reached. */
const KEEP_IN_MEMORY = 2000

export interface Spool {
  /**
   * Keeps a report; when this returns it survives a crash. A report the disk refuses is sent from memory, written as
   * soon as the disk takes it, and lost if this process ends before.
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
export function openSpool(
  directory: string,
  logger: Logger,
  keeper: Keeper = createKeeper({ clock: systemClock, logger, folder: directory }),
): Spool {
  const waiting = new Map<string, SyncReport>()
  const sent = openSent({ directory: join(directory, 'sent'), logger, keeper })
  const load = (path: string) => {
    const report = fileOf(path, logger).read()
    if (report) waiting.set(report.sync_id, report)
  }
  for (const file of listed(directory)) load(join(directory, file))
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
      // One that was sent meanwhile needs no file.
      const write = () =>
        waiting.has(report.sync_id) && writeDurably(join(directory, `${report.sync_id}.json`), form.write(report))
      keeper.write(keyOf(report.sync_id), write)
      forgetOldest(waiting, keeper, logger)
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

const keyOf = (syncId: string) => `report ${syncId}`

/** Of the reports that are only in memory, the oldest go beyond a number; the newest of each replica stays. */
function forgetOldest(waiting: Map<string, SyncReport>, keeper: Keeper, logger: Logger): void {
  if (keeper.waiting <= KEEP_IN_MEMORY) return
  const unwritten = [...waiting.values()].filter(({ sync_id }) => keeper.waits(keyOf(sync_id)))
  const newest = new Map(unwritten.map((report) => [report.replica_id, report.sync_id]))
  const older = unwritten.filter(({ replica_id, sync_id }) => newest.get(replica_id) !== sync_id)
  const gone = older.slice(0, Math.max(0, unwritten.length - KEEP_IN_MEMORY))
  for (const { sync_id } of gone) {
    waiting.delete(sync_id)
    keeper.write(keyOf(sync_id), () => {})
  }
  if (gone.length > 0)
    logger.warn(
      { reports: gone.length },
      `neither disk nor stream takes reports: the oldest beyond ${KEEP_IN_MEMORY} are missing in the history`,
    )
}

/**
 * The reports the stream has, oldest first. Nothing here is flushed: a report that reappears after a crash is sent
 * twice and counts once.
 */
function openSent({ directory, logger, keeper }: { directory: string; logger: Logger; keeper: Keeper }) {
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
  return {
    put(from: string, file: string) {
      files.push(file)
      while (files.length > KEEP_SENT) {
        const oldest = join(directory, files.shift()!)
        keeper.write(`sent ${oldest}`, () => rmSync(oldest, { force: true }))
      }
      keeper.write(`sent ${file}`, () => {
        // A report that could not be written has no file.
        if (!existsSync(from)) return
        mkdirSync(directory, { recursive: true })
        renameSync(from, join(directory, file))
      })
    },
    isOther: (name: string) => known !== name,
    remember(name: string) {
      known = name
      keeper.write('stream', () => stream.write(name))
    },
    /** Where they are then: one that the disk does not let go stays among those that were sent. */
    restoreAll(to: string): string[] {
      if (known === null) return []
      return files.splice(0).flatMap((file) => {
        const from = join(directory, file)
        if (!existsSync(from)) return []
        try {
          renameSync(from, join(to, file))
          return [join(to, file)]
        } catch {
          return [from]
        }
      })
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
