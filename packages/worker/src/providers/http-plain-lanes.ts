// http-plain-lanes.ts — Pipelined plain http straight from the sockets. An answer that leaves a doubt about its end is asked for again through the parser.
import { connect, type Socket } from 'node:net'
import { guardedLookup, hostOf } from './http-address.ts'
import type { Exchange, LaneOptions, Lanes } from './http-lanes.ts'
import { Idle, Truncated } from './http-message.ts'
import { parseHead, requestText } from './http-socket.ts'

const BUFFER_BYTES = 256 * 1024
const HEAD_MAX_BYTES = 64 * 1024
/** Connections in a row that brought nothing before everything waiting is given up. */
const BARREN_MAX = 4

interface Lane {
  /** Asked and not answered, in order. */
  readonly asked: Exchange[]
  socket: Socket
  /** Questions that may be under way on it: one until it is known that the server keeps connections. */
  depth: number
}

/** Lanes of plain http; `parsed` takes what cannot be read so simply. */
export function createPlainLanes(options: LaneOptions, parsed: (exchange: Exchange) => void): Lanes {
  const waiting: Exchange[] = []
  const lanes = new Set<Lane>()
  let barren = 0
  let odd = false
  let closed = false
  const feed = (lane: Lane) => {
    let text = ''
    while (lane.asked.length < lane.depth && waiting.length > 0) {
      const exchange = waiting.shift()!
      lane.asked.push(exchange)
      text += requestText({ path: exchange.path, host: options.origin.host, headers: exchange.headers })
    }
    if (text !== '') lane.socket.write(text, 'latin1')
  }
  const open = () => {
    const lane: Lane = { asked: [], socket: null as unknown as Socket, depth: 1 }
    const reader = createLaneReader(lane, {
      answered(keeps) {
        barren = 0
        lane.depth = options.depth
        // Several at once: a write for each question would cost more than the question.
        if (keeps && !odd && lane.asked.length <= options.depth >> 1) feed(lane)
      },
      odd(exchange, lasting) {
        barren = 0
        odd ||= lasting
        parsed(exchange)
      },
    })
    lane.socket = connect({
      host: hostOf(options.origin), port: Number(options.origin.port || 80), lookup: guardedLookup(options.peers),
      onread: { buffer: Buffer.allocUnsafeSlow(BUFFER_BYTES), callback: (length, buffer) => reader.take(Buffer.from(buffer.buffer, buffer.byteOffset, length)) },
    })
    lanes.add(lane)
    let failure: Error | null = null
    lane.socket.setNoDelay(true).setTimeout(options.idleMs, () => lane.socket.destroy(new Idle(options.idleMs)))
    lane.socket.once('error', (error) => (failure = error)).once('close', () => ended(lane, failure, reader.begun()))
    lane.socket.once('connect', () => {
      try {
        options.peers.check(lane.socket.remoteAddress)
        feed(lane)
      } catch (error) {
        lane.socket.destroy(error as Error)
      }
    })
  }
  const ended = (lane: Lane, failure: Error | null, begun: boolean) => {
    lanes.delete(lane)
    if (begun) lane.asked.shift()?.fail(failure ?? new Truncated('the connection ended'))
    // The others were not answered at all: they can be asked for again.
    waiting.unshift(...lane.asked.splice(0))
    if (waiting.length === 0) return
    if (closed || ++barren > BARREN_MAX + options.connections) return giveUp(failure ?? new Truncated('the connection ended'))
    start()
  }
  const giveUp = (error: Error) => waiting.splice(0).forEach((exchange) => exchange.fail(error))
  const start = () => {
    if (odd) return waiting.splice(0).forEach(parsed)
    while (lanes.size < options.connections && lanes.size * options.depth < waiting.length + options.depth) open()
  }
  return {
    send(exchange) {
      if (closed) return exchange.fail(new Error('stopped'))
      if (odd) return parsed(exchange)
      waiting.push(exchange)
      const free = [...lanes].find((lane) => !lane.socket.connecting && lane.asked.length < lane.depth)
      if (free) feed(free)
      else start()
    },
    close() {
      closed = true
      for (const lane of lanes) lane.socket.destroy()
      if (lanes.size === 0) giveUp(new Error('stopped'))
    },
  }
}

interface LaneEvents {
  /** `keeps`: the connection stays open. */
  answered(keeps: boolean): void
  /** The head cannot be read simply; `lasting`: such a server will send more of them. */
  odd(exchange: Exchange, lasting: boolean): void
}

/** Cuts what a socket brings into the answers of the lane's exchanges. */
function createLaneReader(lane: Lane, events: LaneEvents): { take(chunk: Buffer): boolean; begun(): boolean } {
  let rest: Buffer | null = null
  let left = 0
  let inBody = false
  let closing = false
  const done = (exchange: Exchange) => {
    inBody = false
    lane.asked.shift()
    try {
      exchange.end()
    } catch (error) {
      exchange.fail(error)
    }
    if (closing) lane.socket.destroy()
    events.answered(!closing)
  }
  /** Where the head ends, or -1 when more is needed or the lane is over. */
  const head = (chunk: Buffer, at: number): number => {
    const exchange = lane.asked[0]
    const end = chunk.indexOf('\r\n\r\n', at)
    if (!exchange || (end < 0 && chunk.length - at > HEAD_MAX_BYTES)) return stop()
    if (end < 0) {
      rest = Buffer.from(chunk.subarray(at))
      return -1
    }
    const text = chunk.toString('latin1', at, end)
    const answer = parseHead(text)
    const bodyless = answer?.status === 304 || answer?.status === 204
    const length = bodyless ? 0 : Number(answer?.headers['content-length'] ?? Number.NaN)
    if (!answer || !Number.isSafeInteger(length) || answer.headers['transfer-encoding'] !== undefined) {
      lane.asked.shift()
      events.odd(exchange, answer === null)
      return stop()
    }
    // An older server closes after each answer; what it was sent meanwhile would make it break the connection.
    const connection = (answer.headers.connection ?? '').toLowerCase()
    closing = connection === 'close' || (text.startsWith('HTTP/1.0') && connection !== 'keep-alive')
    left = length
    inBody = true
    exchange.head(answer.status, answer.headers)
    return end + 4
  }
  const stop = () => {
    lane.socket.destroy()
    return -1
  }
  const take = (piece: Buffer): boolean => {
    const chunk = rest ? Buffer.concat([rest, piece]) : piece
    rest = null
    let at = 0
    while (at < chunk.length && !lane.socket.destroyed) {
      if (!inBody) {
        at = head(chunk, at)
        if (at < 0) return true
      }
      const exchange = lane.asked[0]!
      const body = chunk.subarray(at, at + left)
      at += body.length
      left -= body.length
      if (body.length > 0) exchange.data(body)
      if (left === 0) done(exchange)
    }
    return true
  }
  return {
    begun: () => inBody,
    take(piece) {
      try {
        return take(piece)
      } catch (error) {
        // What an exchange throws is its own failure; the connection stands in the middle of its body.
        lane.socket.destroy(error as Error)
        return false
      }
    },
  }
}
