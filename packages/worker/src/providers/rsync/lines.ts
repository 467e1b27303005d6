// lines.ts — Tells what rsync itself says of entries from what the upstream says: every itemized line carries a mark
// that only this call knows. Names come back as bytes. Pure but for the random mark.
import { randomBytes } from 'node:crypto'
import { bytesOf, nameOfBytes } from '../../names.ts'

/** What a report says where nothing was deleted, because of an error. */
export const UNREAD = 'part of the upstream could not be read, so nothing was deleted'
/** What a report says where nothing was deleted, because of a change of the upstream. */
export const VANISHED =
  'a folder vanished from the upstream while it was read, so nothing was deleted; the next sync catches up'

/** How wide rsync prints `%i`. */
const CHANGE_WIDTH = 11

/** One itemized line. */
export interface Item {
  /** What rsync does: `*deleting`, or what `--itemize-changes` prints. */
  readonly change: string
  /** The path, a folder's with a slash at its end; null when the line was too long to be kept whole. */
  readonly name: string | null
  /** When it was modified upstream, Unix seconds; null when that is not told. */
  readonly modified: number | null
}

export interface ItemFormat {
  /** For `--out-format`; times are in the zone of the program. */
  readonly format: string
  /** The item of a line; null for every other line. */
  read(line: string): Item | null
}

/** A format for one call. */
export function createItemFormat(): ItemFormat {
  const mark = randomBytes(12).toString('hex')
  const start = mark.length + 1
  return {
    // A name may end in spaces, which are not kept at the end of a line.
    format: `${mark} %i %n;%M`,
    read(line) {
      if (!line.startsWith(`${mark} `)) return null
      const change = line.slice(start, start + CHANGE_WIDTH).trimEnd()
      const [, name, time] = /^(.*);(\d+\/\d\d\/\d\d-\d\d:\d\d:\d\d)$/s.exec(line.slice(start + CHANGE_WIDTH + 1)) ?? []
      if (name === undefined || time === undefined) return { change, name: null, modified: null }
      return { change, name: readName(name), modified: readTime(time) }
    },
  }
}

function readTime(printed: string): number | null {
  const ms = Date.parse(`${printed.replaceAll('/', '-').replace(/-(?=\d\d:)/, 'T')}Z`)
  return Number.isNaN(ms) ? null : ms / 1000
}

/** The name that rsync prints with `\#351` for each byte that is not printable ASCII. */
export function readName(printed: string): string {
  if (!printed.includes('\\#')) return printed
  const bytes = printed.replace(/\\#([0-3][0-7]{2})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)))
  return nameOfBytes(Buffer.from(bytes, 'latin1'))
}

/** Something that is left out; of its size, rsync counts `bytes` all the same. */
export interface LeftOutEntry {
  readonly name: string
  readonly why: string
  readonly bytes: number
}

/** What rsync says it leaves out; null for another line. */
export function readLeftOut(line: string): LeftOutEntry | null {
  const link = /^ignoring unsafe symlink "(.*?)" -> "(.*)"$/.exec(line)
  if (link)
    return {
      name: readName(link[1]!),
      why: 'a link that leads out of the tree',
      bytes: bytesOf(readName(link[2]!)).length,
    }
  const other = /^skipping non-regular file "(.*)"$/.exec(line)?.[1]
  return other === undefined ? null : { name: readName(other), why: 'neither file, folder nor link', bytes: 0 }
}

/** The file of the upstream that rsync says a limit of sizes leaves out; null for another line. */
export function readUnfit(line: string): string | null {
  const name = /^(.*) is (?:over max-size|under min-size)$/s.exec(line)?.[1]
  return name === undefined ? null : readName(name)
}

/** Whether rsync says that something could not be read, so that what is missing may still be there. */
export function tellsUnread(line: string): 'error' | 'vanished' | null {
  if (line.startsWith('IO error encountered')) return 'error'
  return line.startsWith('directory has vanished: ') ? 'vanished' : null
}
