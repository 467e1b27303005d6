// disk.ts — Counts what a copy has on the disk, where that may be more than the upstream lists: rsync is called from
// the copy to itself, and names what the rules leave out. Changes nothing.
import { lstatSync, type Stats } from 'node:fs'
import { join } from 'node:path'
import { hasDiskOwn, pathBytes, showName } from '../../names.ts'
import { callOnCopy, type RsyncUpstream } from './call.ts'
import { createItemFormat } from './lines.ts'
import { deletesExcluded, ruledOutFlags } from './options.ts'
import { createStatistics, readStatistics, rsyncFailure } from './output.ts'

const NAMED = 3
/** Lines in the log. */
const LOGGED = 200

/** What is on the disk; sizes of files and links, in bytes. */
export interface DiskCount {
  readonly files: number
  readonly sizeBytes: number
  /** Of it, what the rules leave out. */
  readonly ruledOut: SomeFiles
  /** Paths that the rules leave out, a folder's with a slash at its end. */
  readonly ruledOutPaths: ReadonlySet<string>
}

/** A number of files and links, with the first by name. */
export interface SomeFiles {
  readonly count: number
  readonly sizeBytes: number
  readonly names: readonly string[]
}

/** A copy that has nothing yet. */
export const EMPTY_DISK: DiskCount = {
  files: 0,
  sizeBytes: 0,
  ruledOut: { count: 0, sizeBytes: 0, names: [] },
  ruledOutPaths: new Set(),
}

/** Counts a copy. What it may not look at is not in the numbers. Throws SyncFailure. */
export async function countDisk(upstream: RsyncUpstream, folder: string): Promise<DiskCount> {
  const items = createItemFormat()
  const statistics = createStatistics()
  const paths = new Set<string>()
  const { refused, options } = upstream
  const how = { diskOwn: hasDiskOwn(folder), leave: refused.map(({ below }) => below) }
  const flags = ['--dry-run', '--stats', `--out-format=${items.format}`, ...ruledOutFlags(options, how)]
  const exit = await callOnCopy(upstream, flags, folder, (line, stream) => {
    if (stream !== 'stdout') return true
    const item = items.read(line)
    if (item?.change === '*deleting' && item.name !== null) paths.add(item.name)
    if (item) return false
    readStatistics(line, statistics)
    return false
  })
  if (exit.code !== 0 && exit.code !== 23 && exit.code !== 24) throw rsyncFailure(exit)
  const ruledOut = createFilesCounter()
  let files = statistics.files ?? 0
  for (const path of paths) if (!path.endsWith('/') && ruledOut.add(folder, path)) files++
  const found = ruledOut.result()
  return {
    files,
    sizeBytes: (statistics.sizeBytes ?? 0) + found.sizeBytes,
    ruledOut: found,
    ruledOutPaths: paths,
  }
}

/** Bytes of a file or link of a folder; 0 for another kind, and when nothing is there. */
export function bytesAt(folder: string, path: string): number {
  const found = lookAt(folder, path)
  return found && !found.isDirectory() ? found.size : 0
}

/** Whether something is at a path. */
export const isThere = (folder: string, path: string): boolean => lookAt(folder, path) !== undefined

/** Adds up files and links that are there. */
export function createFilesCounter() {
  const names: string[] = []
  let [count, sizeBytes] = [0, 0]
  return {
    /** Whether a regular file is there. */
    add(folder: string, path: string): boolean {
      const found = lookAt(folder, path)
      if (!found || found.isDirectory()) return false
      count++
      sizeBytes += found.size
      const at = names.findIndex((name) => path < name)
      if (at >= 0) names.splice(at, 0, path)
      else if (names.length < LOGGED) names.push(path)
      if (names.length > LOGGED) names.pop()
      return found.isFile()
    },
    result: (): SomeFiles => ({ count, sizeBytes, names }),
  }
}

/** What cannot be looked at is told by rsync itself. */
function lookAt(folder: string, path: string): Stats | undefined {
  try {
    return lstatSync(pathBytes(join(folder, path)), { throwIfNoEntry: false })
  } catch {
    return undefined
  }
}

/** What stays in a copy because its options say so, in one line for the report; null when nothing does. */
export function describeStaying(
  { context, options }: RsyncUpstream,
  ruledOut: SomeFiles | null,
  unfit: SomeFiles,
): string | null {
  const excluded = deletesExcluded(options) ? null : ruledOut
  const said = [
    describe(excluded, {
      what: 'that exclude or filters leave out',
      becomes: 'stay in the copy',
      cure: 'delete_excluded = true deletes them',
    }),
    describe(unfit, {
      what: 'over max-size or under min-size',
      becomes: 'stay in the copy and are not updated',
      cure: 'exclude them, with delete_excluded, to delete them',
    }),
  ].filter((one) => one !== null)
  for (const { names } of [excluded, unfit].filter((one) => one !== null))
    for (const name of names) context.log(`stays though the options leave it out: ${showName(name)}`)
  return said.join('; ') || null
}

function describe(
  files: SomeFiles | null,
  { what, becomes, cure }: { what: string; becomes: string; cure: string },
): string | null {
  if (files === null || files.count === 0) return null
  const { count, sizeBytes, names } = files
  const more = count > NAMED ? ', …' : ''
  const examples = names.slice(0, NAMED).map(showName).join(', ')
  return `${count} files ${what} ${becomes}, ${sizeBytes} bytes (${examples}${more}): ${cure}`
}
