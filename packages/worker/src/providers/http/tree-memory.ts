// tree-memory.ts — What is remembered of a tree between runs: the listing entry and validators of each file. Losing it
// costs requests, never files.
import { RESERVED } from '../../names.ts'
import { appendFileSync, mkdirSync, readFileSync } from 'node:fs'
import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Kagami's own folder in staging; no file of an upstream may have this name at the top. */
export const STATE_FOLDER = RESERVED.http
const HEADER = 'kagami-http-tree 1'
/** Lines after which other work in the process gets its turn. */
const BREATHE_EVERY = 20_000

/** One file as it was downloaded. */
export interface KnownFile {
  readonly size: number
  /** Seconds since 1970 of the file here. */
  readonly mtime: number
  /** What the listing said about it then. */
  readonly stamp: string
  readonly etag: string
  readonly modified: string
  /** It was so new when it was downloaded that it may have changed again within the resolution of the listing. */
  readonly fresh: boolean
}

/** A folder of the upstream as it was read whole. */
export interface KnownFolder {
  /** What the folder above says about it; empty when that gives no time. */
  readonly stamp: string
  /** Its entries, those that cannot be mirrored too. */
  readonly count: number
  /** It was so new that it may have changed again within the resolution of the listing. */
  readonly fresh: boolean
}

/** What is known of the listings of a tree. */
export interface KnownListing {
  readonly folders: ReadonlyMap<string, KnownFolder>
  /** The format of the listings; null when it is not known. */
  readonly format: string | null
  /** Whether sizes and times in them agreed with the files. */
  readonly trusted: boolean
}

export interface TreeMemory {
  /** Files that are downloaded and not published yet. */
  readonly newFolder: string
  /** Where large downloads grow. */
  readonly partsFolder: string
  /** What is known of published files and, taking precedence, of downloaded ones. */
  load(): Promise<{ known: Map<string, KnownFile>; fetched: Map<string, KnownFile> }>
  loadListing(): Promise<KnownListing>
  keepListing(listing: KnownListing): Promise<void>
  /** Records a downloaded file, so that an interrupted run need not download it again; written in batches. */
  note(path: string, known: KnownFile): void
  flush(): void
  /**
   * Writes everything anew for the address and forgets unpublished downloads; with `parts`, except those that can be
   * continued.
   */
  keep(known: ReadonlyMap<string, KnownFile>, still: { parts: boolean; address: string }): Promise<void>
  /** Removes everything; before a first publish, because staging becomes the tree. */
  drop(): Promise<void>
}

/** The address whose tree an earlier run published; null when none did. */
export function treeAddress(staging: string): string | null {
  try {
    return readFileSync(join(staging, STATE_FOLDER, 'address'), 'utf8')
  } catch {
    return null
  }
}

/** The memory of the tree at `base`; nothing is remembered of another address. */
export function createTreeMemory(staging: string, base: string): TreeMemory {
  const folder = join(staging, STATE_FOLDER)
  const file = join(folder, 'tree')
  const journal = join(folder, 'journal')
  const newFolder = join(folder, 'new')
  const listing = join(folder, 'listing.json')
  let pending: string[] = []
  const flush = () => {
    if (pending.length === 0) return
    mkdirSync(folder, { recursive: true })
    appendFileSync(journal, `${pending.join('\n')}\n`)
    pending = []
  }
  return {
    newFolder,
    partsFolder: join(folder, 'parts'),
    flush,
    async load() {
      return { known: await readKnown(file, base), fetched: await readKnown(journal, base) }
    },
    loadListing: () => readListing(listing, base),
    async keepListing({ folders, format, trusted }) {
      mkdirSync(folder, { recursive: true })
      await writeFile(`${listing}.tmp`, JSON.stringify({ base, format, trusted, folders: [...folders] }))
      await rename(`${listing}.tmp`, listing)
    },
    note(path, known) {
      if (pending.length === 0) pending.push(`${HEADER} ${base}`)
      if (pending.push(lineOf(path, known)) > 500) flush()
    },
    async keep(known, { parts, address }) {
      mkdirSync(folder, { recursive: true })
      await writeFile(join(folder, 'address'), address)
      const lines = [`${HEADER} ${base}`]
      for (const [path, one] of known) lines.push(lineOf(path, one))
      await writeFile(`${file}.tmp`, `${lines.join('\n')}\n`)
      await rename(`${file}.tmp`, file)
      pending = []
      await rm(journal, { force: true })
      await rm(newFolder, { recursive: true, force: true })
      if (!parts) await rm(join(folder, 'parts'), { recursive: true, force: true })
    },
    drop: () => rm(folder, { recursive: true, force: true }),
  }
}

function lineOf(path: string, { size, mtime, stamp, etag, modified, fresh }: KnownFile): string {
  return [writePath(path), size, mtime, clean(stamp), clean(etag), clean(modified), fresh ? 1 : 0].join('\t')
}

/** A path on a line of a text file: as JSON where it could not stand there as it is. */
const writePath = (path: string) => (path.isWellFormed() && !/^"|[\t\n\r]/.test(path) ? path : JSON.stringify(path))
const readPath = (text: string) => (text.startsWith('"') ? (JSON.parse(text) as string) : text)

const clean = (text: string) => text.replace(/[\t\r\n]/g, ' ')

/** Whether the same is known of the same files. */
export function isSameKnown(before: ReadonlyMap<string, KnownFile>, now: ReadonlyMap<string, KnownFile>): boolean {
  if (before.size !== now.size) return false
  for (const [path, known] of now) if (before.get(path) !== known) return false
  return true
}

/** Whether the same is known of the same folders. */
export function isSameFolders(before: KnownListing['folders'], now: KnownListing['folders']): boolean {
  if (before.size !== now.size) return false
  for (const [path, { stamp, count, fresh }] of now) {
    const old = before.get(path)
    if (!old || old.stamp !== stamp || old.count !== count || old.fresh !== fresh) return false
  }
  return true
}

async function readKnown(file: string, base: string): Promise<Map<string, KnownFile>> {
  const known = new Map<string, KnownFile>()
  const text = await readFile(file, 'utf8').catch(() => '')
  let ours = false
  let count = 0
  for (let at = 0, end = text.indexOf('\n'); end >= 0; at = end + 1, end = text.indexOf('\n', at)) {
    const line = text.slice(at, end)
    if (line.startsWith(HEADER)) ours = line === `${HEADER} ${base}`
    else if (ours) remember(known, line)
    if (++count % BREATHE_EVERY === 0) await yieldToEventLoop()
  }
  return known
}

function remember(known: Map<string, KnownFile>, line: string): void {
  const fields = line.split('\t')
  if (fields.length !== 7) return
  const [path, size, mtime, stamp, etag, modified, fresh] = fields as [
    string,
    string,
    string,
    string,
    string,
    string,
    string,
  ]
  known.set(readPath(path), { size: Number(size), mtime: Number(mtime), stamp, etag, modified, fresh: fresh === '1' })
}

/** Lets everything else in the process have its turn. */
export function yieldToEventLoop(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

async function readListing(file: string, base: string): Promise<KnownListing> {
  try {
    const kept = JSON.parse(await readFile(file, 'utf8')) as {
      base: string
      format: string | null
      trusted: boolean
      folders: [string, KnownFolder][]
    }
    if (kept.base === base) return { ...kept, folders: new Map(kept.folders) }
  } catch {
    // A lost memory costs requests, never files.
  }
  return { format: null, trusted: false, folders: new Map() }
}
