// pipeline-plain.ts — Pipelined plain http straight from the sockets. An answer that leaves a doubt about its end is
// asked for again through the parser.
import { connect, type Socket } from 'node:net'
import { guardedLookup, hostOf } from './address.ts'
import { createLaneReader, type LaneReader } from './pipeline-reader.ts'
import type { Exchange, LaneOptions, Lanes } from './pipeline.ts'
import { Idle, Truncated } from './message.ts'
import { requestText } from './socket.ts'

const BUFFER_BYTES = 256 * 1024
/**
 * Connections in a row that brought nothing before everything waiting is given up; those opened at once come on top.
 */
const BARREN_MAX = 4

interface Lane {
  /** Asked and not answered, in order. */
  readonly asked: Exchange[]
  readonly socket: Socket
  /** Questions that may be under way on it: one until it is known that the server keeps connections. */
  depth: number
}

interface Road {
  readonly options: LaneOptions
  readonly parsed: (exchange: Exchange) => void
  readonly waiting: Exchange[]
  readonly lanes: Set<Lane>
  barren: number
  /** The server answers in ways only the parser reads: it gets everything from now on. */
  odd: boolean
  closed: boolean
}

/** Lanes of plain http; `parsed` takes what cannot be read so simply. */
export function createPlainLanes(options: LaneOptions, parsed: (exchange: Exchange) => void): Lanes {
  const road: Road = { options, parsed, waiting: [], lanes: new Set(), barren: 0, odd: false, closed: false }
  return {
    send(exchange) {
      if (road.closed) return exchange.fail(new Error('stopped'))
      if (road.odd) return parsed(exchange)
      road.waiting.push(exchange)
      give(road)
    },
    close() {
      road.closed = true
      for (const lane of road.lanes) lane.socket.destroy()
      if (road.lanes.size === 0) giveUp(road, new Error('stopped'))
    },
  }
}

/** Asks as much as the lane may have under way. */
function feed({ options, waiting }: Road, lane: Lane): void {
  let text = ''
  while (lane.asked.length < lane.depth && waiting.length > 0) {
    const exchange = waiting.shift()!
    lane.asked.push(exchange)
    text += requestText({ path: exchange.path, host: options.origin.host, headers: exchange.headers })
  }
  if (text !== '') lane.socket.write(text, 'latin1')
}

/** Gives what waits to the lanes that have room, and opens as many more as there is work for. */
function give(road: Road): void {
  const { options, lanes, waiting } = road
  if (road.odd) return waiting.splice(0).forEach(road.parsed)
  for (const lane of lanes)
    if (!lane.socket.connecting && !lane.socket.destroyed && lane.asked.length < lane.depth) feed(road, lane)
  if (waiting.length === 0) return
  while (lanes.size < options.connections && lanes.size * options.depth < waiting.length + options.depth) openOne(road)
}

function openOne(road: Road): void {
  const { origin, peers, idleMs } = road.options
  let reader: LaneReader | null = null
  const socket = connect({
    host: hostOf(origin),
    port: Number(origin.port || 80),
    lookup: guardedLookup(peers),
    onread: {
      buffer: Buffer.allocUnsafeSlow(BUFFER_BYTES),
      callback: (length, buffer) => reader!.take(Buffer.from(buffer.buffer, buffer.byteOffset, length)),
    },
  })
  const lane: Lane = { asked: [], socket, depth: 1 }
  reader = readerOf(road, lane)
  road.lanes.add(lane)
  let failure: Error | null = null
  socket.setNoDelay(true).setTimeout(idleMs, () => socket.destroy(new Idle(idleMs)))
  socket
    .once('error', (error) => (failure = error))
    .once('close', () =>
      ended(road, lane, { failure: failure ?? new Truncated('the connection ended'), begun: reader.begun() }),
    )
  socket.once('connect', () => {
    try {
      peers.check(socket.remoteAddress)
      feed(road, lane)
    } catch (error) {
      socket.destroy(error as Error)
    }
  })
}

function readerOf(road: Road, lane: Lane): LaneReader {
  return createLaneReader({
    current: () => lane.asked[0],
    answered(keeps) {
      lane.asked.shift()
      road.barren = 0
      lane.depth = road.options.depth
      if (!keeps) lane.socket.destroy()
      // Several at once: a write for each question would cost more than the question.
      else if (!road.odd && lane.asked.length <= road.options.depth >> 1) feed(road, lane)
    },
    odd(exchange, lasting) {
      lane.asked.shift()
      road.barren = 0
      road.odd ||= lasting
      lane.socket.destroy()
      road.parsed(exchange)
    },
    broken: (error) => void lane.socket.destroy(error),
  })
}

function ended(road: Road, lane: Lane, { failure, begun }: { failure: Error; begun: boolean }): void {
  road.lanes.delete(lane)
  if (begun) lane.asked.shift()?.fail(failure)
  // The others were not answered at all: they can be asked for again.
  road.waiting.unshift(...lane.asked.splice(0))
  if (road.waiting.length === 0) return
  if (road.closed || ++road.barren > BARREN_MAX + road.options.connections) giveUp(road, failure)
  else give(road)
}

function giveUp({ waiting }: Road, error: Error): void {
  for (const exchange of waiting.splice(0)) exchange.fail(error)
}
