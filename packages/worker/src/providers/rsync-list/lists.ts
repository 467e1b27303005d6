// lists.ts — Lists of millions of entries on the disk: read, sorted by the bytes of their paths, compared. Nothing of a
// list's size is held in memory.
import { createReadStream, createWriteStream, renameSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import type { RunCommand } from '../../provider.ts'
import { ListProblem, parserFor, type EntryLine, type ListParser } from './formats.ts'

const CHUNK_BYTES = 1024 * 1024
/** Most text that a list may have, packed or not. */
const TEXT_MAX = 8 * 1024 ** 3
const LINE_MAX = 64 * 1024
/** Memory of the program that sorts. */
const SORT_MEMORY = '64M'

/** How many entries a list has. */
export interface ListCounts {
  readonly files: number
  /** With links, without folders. */
  readonly entries: number
  /** Of files and links. */
  readonly sizeBytes: number
}

/** Writes the entries of a published list, sorted, into `into`. Throws ListProblem, and what `run` throws. */
export async function sortList({ source, into }: { source: string; into: string }, run: RunCommand): Promise<void> {
  const unsorted = `${into}.unsorted`
  try {
    await pipeline(textOf(source), writtenEntries, createWriteStream(unsorted, { highWaterMark: CHUNK_BYTES }))
    const flags = ['-S', SORT_MEMORY, '-T', dirname(into), '-o', into, '--', unsorted]
    const exit = await run('sort', flags, { silent: true, env: { LC_ALL: 'C' } })
    if (exit.code !== 0) throw new ListProblem(`it could not be sorted: ${exit.tail.split('\n').at(-1)}`)
  } finally {
    rmSync(unsorted, { force: true })
  }
}

async function* textOf(source: string): AsyncGenerator<Buffer> {
  const file = createReadStream(source, { highWaterMark: CHUNK_BYTES })
  if (!source.endsWith('.gz')) return yield* file
  const gunzip = createGunzip({ chunkSize: CHUNK_BYTES })
  const feeding = pipeline(file, gunzip)
  feeding.catch(() => {})
  try {
    yield* gunzip
  } catch (error) {
    throw new ListProblem(`it cannot be unpacked: ${(error as Error).message}`)
  }
  await feeding
}

async function* writtenEntries(text: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let parser: ListParser | null = null
  let bytes = 0
  for await (const lines of linesOf(text)) {
    let written = ''
    for (const line of lines) {
      bytes += line.length + 1
      parser ??= parserFor(line)
      const entry = parser.read(line)
      if (entry !== null) written += `${entry}\n`
    }
    if (bytes > TEXT_MAX) throw new ListProblem(`it is larger than ${TEXT_MAX / 1024 ** 3} GiB`)
    if (written !== '') yield Buffer.from(written, 'latin1')
  }
  if (!parser) throw new ListProblem('it is empty')
  parser.end()
}

/** Lines with one character for each byte, as many as come at once. The last one must end too. */
async function* linesOf(text: AsyncIterable<Buffer>): AsyncGenerator<string[]> {
  let rest = ''
  for await (const chunk of text) {
    const lines = (rest + chunk.toString('latin1')).split('\n')
    rest = lines.pop()!
    if (rest.length > LINE_MAX) throw new ListProblem('it has a line without end')
    yield lines
  }
  if (rest !== '') throw new ListProblem('it ends in the middle of a line')
}

/** A difference: an entry that was, one that is, or both. */
export type OnDifference = (before: EntryLine | null, now: EntryLine | null) => void

/** Compares two sorted lists; `onDifference` hears of each path that is not the same in both, in the order of paths. */
export async function compareLists(
  before: string,
  now: string,
  onDifference: OnDifference,
): Promise<{ before: ListCounts; now: ListCounts }> {
  const [old, fresh] = [createCursor(before), createCursor(now)]
  try {
    for (;;) {
      if (old.isDrained()) await old.fill()
      if (fresh.isDrained()) await fresh.fill()
      if (old.line() === null && fresh.line() === null) break
      walkBuffered(old, fresh, onDifference)
    }
  } finally {
    await old.close()
    await fresh.close()
  }
  return { before: old.counts(), now: fresh.counts() }
}

/** As far as both lists were read. */
function walkBuffered(old: Cursor, fresh: Cursor, onDifference: OnDifference): void {
  while (!old.isDrained() && !fresh.isDrained()) {
    const [was, is] = [old.line(), fresh.line()]
    if (was === is) {
      if (was === null) return
      old.next()
      fresh.next()
      continue
    }
    const order = was === null ? 1 : is === null ? -1 : comparePaths(was, is)
    onDifference(order <= 0 ? was : null, order >= 0 ? is : null)
    if (order <= 0) old.next()
    if (order >= 0) fresh.next()
  }
}

/** As `sort` orders lines: the NUL behind a path is below every other byte. */
function comparePaths(one: EntryLine, other: EntryLine): number {
  const [path, otherPath] = [one.slice(0, one.indexOf('\0')), other.slice(0, other.indexOf('\0'))]
  return path === otherPath ? 0 : path < otherPath ? -1 : 1
}

interface Cursor {
  /** The present line; null after the last one. Only when it is not drained. */
  line(): EntryLine | null
  next(): void
  /** Whether more has to be read first. */
  isDrained(): boolean
  fill(): Promise<void>
  /** Of the lines that were passed. */
  counts(): ListCounts
  close(): Promise<void>
}

function createCursor(file: string): Cursor {
  const batches = linesOf(createReadStream(file, { highWaterMark: CHUNK_BYTES }))
  const counts = { files: 0, entries: 0, sizeBytes: 0 }
  let lines: string[] = []
  let at = 0
  let ended = false
  return {
    line: () => lines[at] ?? null,
    next() {
      const line = lines[at++]!
      const end = line.indexOf('\0')
      const kind = line.charCodeAt(end + 1)
      if (kind === FOLDER) return
      counts.entries++
      if (kind === FILE) counts.files++
      counts.sizeBytes += Number(line.slice(end + 2, line.indexOf('\0', end + 1)))
    },
    isDrained: () => at >= lines.length && !ended,
    async fill() {
      while (at >= lines.length && !ended) {
        const { value, done } = await batches.next()
        ended = done === true
        lines = value ?? []
        at = 0
      }
    },
    counts: () => ({ ...counts }),
    close: async () => void (await batches.return(undefined)),
  }
}

const FOLDER = 'd'.charCodeAt(0)
const FILE = 'f'.charCodeAt(0)

/** Replaces lines of a sorted list, none of which may get another path. */
export async function rewriteList(file: string, lineOf: (line: EntryLine) => EntryLine): Promise<void> {
  const written = `${file}.written`
  await pipeline(
    createReadStream(file, { highWaterMark: CHUNK_BYTES }),
    async function* (chunks: AsyncIterable<Buffer>) {
      for await (const lines of linesOf(chunks))
        if (lines.length > 0) yield Buffer.from(lines.map((line) => `${lineOf(line)}\n`).join(''), 'latin1')
    },
    createWriteStream(written),
  )
  renameSync(written, file)
}
