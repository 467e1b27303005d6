// single.ts — Fetches one file of an rsync upstream: one small request, whatever the tree has.
import { existsSync, mkdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { addressOf, callRsync, type RsyncContext } from '../rsync/call.ts'
import { createStatistics, readStatistics, rsyncFailure } from '../rsync/output.ts'

/** What is fetched, and where to. */
export interface SingleFile {
  /** Below the upstream. */
  readonly path: string
  /** Made when it is missing. What is there of the file already is not fetched again. */
  readonly folder: string
  /** A larger file is none. */
  readonly maxBytes: number
  readonly compress?: boolean
}

/**
 * Fetches the file, with its time; null: the upstream answers, and has no such file, or none that it lets us read.
 * Throws SyncFailure.
 */
export async function fetchFile(
  context: RsyncContext,
  { path, folder, maxBytes, compress = false }: SingleFile,
): Promise<{ path: string; bytes: number } | null> {
  mkdirSync(folder, { recursive: true })
  const found = await addressOf(context)
  const upstream = { ...found, context, options: context.options, address: `${found.address}${path}`, compress }
  const flags = ['--times', '--copy-links', '--chmod=F0600', `--max-size=${maxBytes}`, '--stats', '--no-h']
  const statistics = createStatistics()
  const onLine = (line: string, stream: string) => {
    readStatistics(line, statistics)
    return stream === 'stderr'
  }
  const exit = await callRsync(upstream, (packed) => [...packed, ...flags], folder, { onLine })
  if (exit.code !== 0 && exit.code !== 23) throw rsyncFailure(exit)
  const file = join(folder, basename(path))
  return exit.code === 23 || !existsSync(file) ? null : { path: file, bytes: statistics.received ?? 0 }
}
