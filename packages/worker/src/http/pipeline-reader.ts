// pipeline-reader.ts — Cuts the bytes of a pipelined connection into responses. Knows no socket; reports what it cannot
// read.
import { Truncated } from './message.ts'
import type { PipelinedRequest } from './pipeline-request.ts'
import { parseHead } from './socket.ts'

const HEAD_MAX_BYTES = 64 * 1024

export interface ReaderEvents {
  /** The request whose response comes next. */
  current(): PipelinedRequest | undefined
  /** The current request has its whole response. `staysOpen`: the connection can be used further. */
  completed(staysOpen: boolean): void
  /**
   * The response cannot be read simply; `always`: such a server will send more of them. The connection is of no use any
   * more.
   */
  unusual(request: PipelinedRequest, always: boolean): void
  broken(error: Error): void
}

export interface ResponseReader {
  /** Reads a piece; false when nothing more is to be read. */
  read(piece: Buffer): boolean
  /** Whether the body of the current response has begun. */
  inBody(): boolean
}

interface ReaderState {
  readonly events: ReaderEvents
  /** The start of a head whose end has not come. */
  rest: Buffer | null
  /** Bytes of the body still to come. */
  left: number
  inBody: boolean
  /** The server closes the connection after this response. */
  closing: boolean
  ended: boolean
}

/** Starts before the first response. */
export function createResponseReader(events: ReaderEvents): ResponseReader {
  const state: ReaderState = { events, rest: null, left: 0, inBody: false, closing: false, ended: false }
  return {
    inBody: () => state.inBody,
    read(piece) {
      try {
        readPiece(state, piece)
      } catch (error) {
        // A request failed in one of its handlers, and the connection stands in the middle of its body.
        state.ended = true
        events.broken(error as Error)
      }
      return !state.ended
    },
  }
}

function readPiece(state: ReaderState, piece: Buffer): void {
  const chunk = state.rest ? Buffer.concat([state.rest, piece]) : piece
  state.rest = null
  let at = 0
  while (at < chunk.length && !state.ended) {
    if (!state.inBody) {
      const end = readHead(state, chunk, at)
      if (end === null) return
      at = end
    }
    const body = chunk.subarray(at, at + state.left)
    at += body.length
    state.left -= body.length
    if (body.length > 0) state.events.current()!.data(body)
    if (state.left === 0) completeResponse(state)
  }
}

function completeResponse(state: ReaderState): void {
  const request = state.events.current()!
  state.inBody = false
  try {
    request.end()
  } catch (error) {
    request.fail(error)
  }
  state.ended = state.closing
  state.events.completed(!state.closing)
}

/** Where the body begins; null when more is needed or nothing more can be read. */
function readHead(state: ReaderState, chunk: Buffer, at: number): number | null {
  const { events } = state
  const request = events.current()
  const end = chunk.indexOf('\r\n\r\n', at)
  if (!request || (end < 0 && chunk.length - at > HEAD_MAX_BYTES))
    throw new Truncated('the upstream sends bytes that belong to no response')
  if (end < 0) {
    state.rest = Buffer.from(chunk.subarray(at))
    return null
  }
  const text = chunk.toString('latin1', at, end)
  const head = parseHead(text)
  const length = bodyLength(head)
  if (!head || length === null) {
    state.ended = true
    events.unusual(request, head === null)
    return null
  }
  // An older server closes after each response; further requests sent meanwhile would make it break the connection.
  const connection = (head.headers.connection ?? '').toLowerCase()
  state.closing = connection === 'close' || (text.startsWith('HTTP/1.0') && connection !== 'keep-alive')
  state.left = length
  state.inBody = true
  request.head(head.status, head.headers)
  return end + 4
}

/** Bytes of the body that follows a head; null when that is not certain. */
function bodyLength(head: ReturnType<typeof parseHead>): number | null {
  if (!head) return null
  if (head.status === 304 || head.status === 204) return 0
  if (head.headers['transfer-encoding'] !== undefined) return null
  const length = Number(head.headers['content-length'] ?? Number.NaN)
  return Number.isSafeInteger(length) && length >= 0 ? length : null
}
