// log.ts — The log file of one run: written while it runs, bounded, read in pieces. Knows neither tools nor NATS.
import { closeSync, mkdirSync, openSync, readdirSync, readSync, rmSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { LogReply } from '@kagami/protocol'
import { escapeBytes } from '../names.ts'
import { cleanLine } from '../programs/lines.ts'
import { isSafeId, paths } from '../tree/paths.ts'
import type { Mask } from './credentials.ts'

const KEEP_LOGS = 20
const MAX_BYTES = 4 * 1024 * 1024
/** Lines kept from the end of the output when the log is full. */
const LAST_LINES = 200
const FLUSH_MS = 250
const FLUSH_BYTES = 64 * 1024

export interface RunLog {
  /** One line: `I` for what happens, `E` for an error a tool wrote. */
  line(level: 'I' | 'E', text: string): void
  /** Writes what is still held back and closes the file. Returns what the system refused; null: all is written. */
  close(): unknown
}

export interface RunLogOptions {
  readonly dataDir: string
  readonly replicaId: string
  readonly syncId: string
  readonly mask: Mask
  readonly now: () => Date
  /** Bytes before lines are dropped. */
  readonly maxBytes?: number
}

/** Opens the log of a run and removes the oldest of its replica beyond 20. Throws when the file cannot be made. */
export function createRunLog(options: RunLogOptions): RunLog {
  const { dataDir, replicaId, syncId, mask, now, maxBytes = MAX_BYTES } = options
  const folder = paths.logs(dataDir, replicaId)
  mkdirSync(folder, { recursive: true })
  prune(folder, KEEP_LOGS - 1)
  const file = createBufferedFile(paths.log(dataDir, replicaId, syncId))
  const last: string[] = []
  let written = 0
  let dropped = 0
  file.write(`${now().toISOString()} sync ${syncId} of replica ${replicaId}\n`)
  return {
    line(level, text) {
      const line = `${now().toISOString().slice(11, 23)} ${level} ${mask(escapeBytes(cleanLine(text)))}\n`
      written += Buffer.byteLength(line)
      if (written <= maxBytes && dropped === 0) return file.write(line)
      last.push(line)
      dropped++
      if (last.length > LAST_LINES) last.shift()
    },
    close() {
      const lost = dropped - last.length
      if (lost > 0) file.write(`… ${lost} lines were dropped: the log is limited to ${maxBytes} bytes\n`)
      for (const line of last) file.write(line)
      return file.close()
    },
  }
}

function createBufferedFile(path: string): { write(text: string): void; close(): unknown } {
  const handle = openSync(path, 'a', 0o640)
  let refused: unknown = null
  let waiting = ''
  let timer: NodeJS.Timeout | undefined
  const flush = () => {
    clearTimeout(timer)
    timer = undefined
    const text = waiting
    waiting = ''
    try {
      if (text !== '') writeSync(handle, text)
    } catch (error) {
      // A full disk must not end a sync: its report says what happened.
      refused ??= error
    }
  }
  return {
    write(text) {
      waiting += text
      if (waiting.length > FLUSH_BYTES) flush()
      else timer ??= setTimeout(flush, FLUSH_MS).unref()
    },
    close() {
      flush()
      try {
        closeSync(handle)
      } catch (error) {
        // A disk that is reached over a network may refuse only now.
        refused ??= error
      }
      return refused
    },
  }
}

function prune(folder: string, keep: number): void {
  const age = (entry: string) => statSync(join(folder, entry), { throwIfNoEntry: false })?.mtimeMs ?? 0
  const found = readdirSync(folder)
    .filter((entry) => entry.endsWith('.log'))
    .map((entry) => ({ entry, at: age(entry) }))
  for (const { entry } of found.sort((a, b) => b.at - a.at).slice(keep)) rmSync(join(folder, entry), { force: true })
}

export interface LogPiece {
  readonly dataDir: string
  readonly replica_id: string
  readonly sync_id: string
  /** Byte to start at; negative counts from the end. */
  readonly offset: number
  /** Bytes. */
  readonly limit: number
  /** Whether the run is still going on; only its owner knows. */
  readonly running?: boolean
}

/**
 * A piece of a log, never cut inside a character. `found: false` for unknown and impossible ids; throws only when the
 * disk fails.
 */
export function readLog(piece: LogPiece): LogReply {
  const running = piece.running ?? false
  const nothing: LogReply = { found: false, text: '', offset: 0, next_offset: 0, size_bytes: 0, running }
  if (!isSafeId(piece.replica_id) || !isSafeId(piece.sync_id)) return nothing
  const path = paths.log(piece.dataDir, piece.replica_id, piece.sync_id)
  const size = statSync(path, { throwIfNoEntry: false })?.size
  if (size === undefined) return nothing
  const from = Math.min(size, piece.offset < 0 ? Math.max(0, size + piece.offset) : piece.offset)
  const bytes = readBytes(path, from, Math.min(Math.max(piece.limit, 4), size - from))
  const start = leadingContinuation(bytes)
  const end = bytes.length - incompleteEnd(bytes.subarray(start))
  const text = bytes.subarray(start, end).toString('utf8')
  return { found: true, text, offset: from + start, next_offset: from + end, size_bytes: size, running }
}

function readBytes(path: string, from: number, length: number): Buffer {
  const handle = openSync(path, 'r')
  try {
    const bytes = Buffer.alloc(length)
    return bytes.subarray(0, readSync(handle, bytes, 0, length, from))
  } finally {
    closeSync(handle)
  }
}

const isContinuation = (byte: number | undefined) => byte !== undefined && (byte & 0xc0) === 0x80

/** Bytes at the start that belong to a character that began before. */
function leadingContinuation(bytes: Buffer): number {
  let count = 0
  while (count < 3 && isContinuation(bytes[count])) count++
  return count
}

/** Bytes at the end that belong to an incomplete character. */
function incompleteEnd(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0
    if (isContinuation(byte)) continue
    const needed = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1
    return needed > back ? back : 0
  }
  return 0
}
