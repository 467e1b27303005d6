// readLog.ts — Pieces of a log over the wire, and what lines they make.
import { api } from '../../api.ts'

/** Bytes asked for at once while following. */
export const PIECE = 65_536
/** Most the server gives at once, bytes. */
export const PIECE_MAX = 262_144
const encoder = new TextEncoder()

export interface LogPiece {
  readonly text: string
  readonly next: number
  readonly size: number
  readonly running: boolean
}
type Reader = { syncId: string; signal: AbortSignal }

/** Bytes that a text takes on the wire. */
export const byteLength = (text: string): number => encoder.encode(text).length

/** The piece of at most `limit` bytes at `offset`; a negative offset counts from the end. */
export async function pieceOf(reader: Reader, offset: number, limit: number): Promise<LogPiece> {
  const answer = await api.call('syncLog', {
    params: { id: reader.syncId },
    query: { offset, limit },
    signal: reader.signal,
  })
  const header = (name: string, otherwise: number): number => Number(answer.headers.get(name) ?? otherwise)
  const next = header('x-log-next-offset', Math.max(0, offset) + byteLength(answer.text))
  return {
    text: answer.text,
    next,
    size: header('x-log-size', next),
    running: answer.headers.get('x-log-running') === 'true',
  }
}

/** The whole log, fetched anew from its beginning. */
export async function wholeOf(reader: Reader): Promise<string> {
  let all = ''
  let offset = 0
  for (;;) {
    const got = await pieceOf(reader, offset, PIECE_MAX)
    all += got.text
    if (got.next <= offset || got.next >= got.size) return all
    offset = got.next
  }
}

/** Lines as a terminal leaves them: what a carriage return wrote over is gone, colours are taken out. */
export function linesOf(text: string): string[] {
  const lines = text.split('\n').map(settled)
  if (lines.at(-1) === '') lines.pop()
  return lines
}

function settled(line: string): string {
  const plain = line.replace(/\u001b\[[0-9;?]*[A-Za-z]/g, '').replace(/\r+$/, '')
  return plain.slice(plain.lastIndexOf('\r') + 1)
}
