// pipeline-reader.ts — Cuts what a pipelined connection brings into answers. Knows no socket; says what it cannot read.
import type { Exchange } from './pipeline.ts'
import { Truncated } from './message.ts'
import { parseHead } from './socket.ts'

const HEAD_MAX_BYTES = 64 * 1024

export interface LaneEvents {
  /** The exchange whose answer comes next. */
  current(): Exchange | undefined
  /** The current exchange has its whole answer. `keeps`: the connection stays open. */
  answered(keeps: boolean): void
  /**
   * The answer cannot be read simply; `lasting`: such a server will send more of them. The connection is of no use any
   * more.
   */
  odd(exchange: Exchange, lasting: boolean): void
  broken(error: Error): void
}

export interface LaneReader {
  /** Reads a piece; false when nothing more is to be read. */
  take(piece: Buffer): boolean
  /** Whether the body of the current answer has begun. */
  begun(): boolean
}

interface Reading {
  readonly events: LaneEvents
  /** The start of a head whose end has not come. */
  rest: Buffer | null
  /** Bytes of the body still to come. */
  left: number
  inBody: boolean
  closing: boolean
  over: boolean
}

/** Starts before the first answer. */
export function createLaneReader(events: LaneEvents): LaneReader {
  const reading: Reading = { events, rest: null, left: 0, inBody: false, closing: false, over: false }
  return {
    begun: () => reading.inBody,
    take(piece) {
      try {
        take(reading, piece)
      } catch (error) {
        // What an exchange throws is its own failure; the connection stands in the middle of its body.
        reading.over = true
        events.broken(error as Error)
      }
      return !reading.over
    },
  }
}

function take(reading: Reading, piece: Buffer): void {
  const chunk = reading.rest ? Buffer.concat([reading.rest, piece]) : piece
  reading.rest = null
  let at = 0
  while (at < chunk.length && !reading.over) {
    if (!reading.inBody) {
      const end = readHead(reading, chunk, at)
      if (end === null) return
      at = end
    }
    const body = chunk.subarray(at, at + reading.left)
    at += body.length
    reading.left -= body.length
    if (body.length > 0) reading.events.current()!.data(body)
    if (reading.left === 0) finish(reading)
  }
}

function finish(reading: Reading): void {
  const exchange = reading.events.current()!
  reading.inBody = false
  try {
    exchange.end()
  } catch (error) {
    exchange.fail(error)
  }
  reading.over = reading.closing
  reading.events.answered(!reading.closing)
}

/** Where the body begins; null when more is needed or nothing more can be read. */
function readHead(reading: Reading, chunk: Buffer, at: number): number | null {
  const { events } = reading
  const exchange = events.current()
  const end = chunk.indexOf('\r\n\r\n', at)
  if (!exchange || (end < 0 && chunk.length - at > HEAD_MAX_BYTES))
    throw new Truncated('the upstream sends what nobody asked for')
  if (end < 0) {
    reading.rest = Buffer.from(chunk.subarray(at))
    return null
  }
  const text = chunk.toString('latin1', at, end)
  const answer = parseHead(text)
  const bodyless = answer?.status === 304 || answer?.status === 204
  const length = bodyless ? 0 : Number(answer?.headers['content-length'] ?? Number.NaN)
  if (
    !answer ||
    !Number.isSafeInteger(length) ||
    length < 0 ||
    (!bodyless && answer.headers['transfer-encoding'] !== undefined)
  ) {
    reading.over = true
    events.odd(exchange, answer === null)
    return null
  }
  // An older server closes after each answer; what it was sent meanwhile would make it break the connection.
  const connection = (answer.headers.connection ?? '').toLowerCase()
  reading.closing = connection === 'close' || (text.startsWith('HTTP/1.0') && connection !== 'keep-alive')
  reading.left = length
  reading.inBody = true
  exchange.head(answer.status, answer.headers)
  return end + 4
}
