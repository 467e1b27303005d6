// readLog.ts — Reads a log piece by piece, and splits it into lines.
import { api } from '../../api.ts'

/** Bytes of one piece while the log is written. */
export const PIECE_BYTES = 65_536
/** The largest piece the server sends, bytes. */
export const PIECE_MAX_BYTES = 262_144
const encoder = new TextEncoder()

export interface LogPiece {
  readonly text: string
  /** Offset of the next piece, bytes. */
  readonly next: number
  /** Size of the log so far, bytes. */
  readonly size: number
  readonly running: boolean
}
interface LogRequest {
  readonly syncId: string
  readonly signal: AbortSignal
}

/** Bytes of a text in UTF-8. */
export const byteLength = (text: string): number => encoder.encode(text).length

/** The piece of at most `limit` bytes at `offset`; a negative offset counts from the end. */
export async function readPiece(request: LogRequest, offset: number, limit: number): Promise<LogPiece> {
  const answer = await api.call('syncLog', {
    params: { id: request.syncId },
    query: { offset, limit },
    signal: request.signal,
  })
  const header = (name: string, fallback: number): number => Number(answer.headers.get(name) ?? fallback)
  const next = header('x-log-next-offset', Math.max(0, offset) + byteLength(answer.text))
  return {
    text: answer.text,
    next,
    size: header('x-log-size', next),
    running: answer.headers.get('x-log-running') === 'true',
  }
}

/** The whole log, read again from its beginning. */
export async function readWholeLog(request: LogRequest): Promise<string> {
  let text = ''
  let offset = 0
  for (;;) {
    const piece = await readPiece(request, offset, PIECE_MAX_BYTES)
    text += piece.text
    if (piece.next <= offset || piece.next >= piece.size) return text
    offset = piece.next
  }
}

/** The lines as a terminal shows them: without colours, and without what a carriage return has overwritten. */
export function linesOf(text: string): string[] {
  const lines = text.split('\n').map(visiblePart)
  if (lines.at(-1) === '') lines.pop()
  return lines
}

/** Whether a tool wrote this line as an error: the log says `E` after the time. */
export const isErrorLine = (line: string): boolean => /^\d\d:\d\d:\d\d\.\d{3} E /.test(line)

function visiblePart(line: string): string {
  const plain = line.replace(/\u001b\[[0-9;?]*[A-Za-z]/g, '').replace(/\r+$/, '')
  return plain.slice(plain.lastIndexOf('\r') + 1)
}
