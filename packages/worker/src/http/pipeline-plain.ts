// pipeline-plain.ts — Pipelined plain http straight from the sockets. A response whose end is not certain is requested
// again through the parser.
import { connect, type Socket } from 'node:net'
import { guardedLookup, hostOf } from './address.ts'
import { Idle, Truncated } from './message.ts'
import { createResponseReader, type ResponseReader } from './pipeline-reader.ts'
import type { Pipeline, PipelinedRequest, PipelineOptions } from './pipeline-request.ts'
import { requestText } from './socket.ts'
import { flowOf, slowDown } from './throttle.ts'

const BUFFER_BYTES = 256 * 1024
/**
 * Connections in a row that brought no response before every waiting request fails; those opened at the same time come
 * on top.
 */
const EMPTY_CONNECTIONS_MAX = 4

interface Connection {
  /** Sent and not yet answered, in order. */
  readonly sent: PipelinedRequest[]
  readonly socket: Socket
  /** Requests that may be under way on it: one until it is known that the server keeps connections open. */
  depth: number
}

interface ConnectionPool {
  readonly options: PipelineOptions
  readonly sendParsed: (request: PipelinedRequest) => void
  readonly waiting: PipelinedRequest[]
  readonly connections: Set<Connection>
  /** Connections in a row that ended without a response. */
  emptyConnections: number
  /** The server responds in ways that only the parser reads: from now on everything goes there. */
  needsParser: boolean
  closed: boolean
}

/** A pipeline over plain http; `sendParsed` gets the requests whose responses cannot be read so simply. */
export function createPlainPipeline(
  options: PipelineOptions,
  sendParsed: (request: PipelinedRequest) => void,
): Pipeline {
  const pool: ConnectionPool = {
    options,
    sendParsed,
    waiting: [],
    connections: new Set(),
    emptyConnections: 0,
    needsParser: false,
    closed: false,
  }
  return {
    send(request) {
      if (pool.closed) return request.fail(new Error('stopped'))
      if (pool.needsParser) return sendParsed(request)
      pool.waiting.push(request)
      sendWaiting(pool)
    },
    close() {
      pool.closed = true
      for (const connection of pool.connections) connection.socket.destroy()
      if (pool.connections.size === 0) failWaiting(pool, new Error('stopped'))
    },
  }
}

/** Sends as many waiting requests over a connection as may be under way on it. */
function fillConnection({ options, waiting }: ConnectionPool, connection: Connection): void {
  let text = ''
  while (connection.sent.length < connection.depth && waiting.length > 0) {
    const request = waiting.shift()!
    connection.sent.push(request)
    text += requestText({ path: request.path, host: options.origin.host, headers: request.headers })
  }
  if (text !== '') connection.socket.write(text, 'latin1')
}

/** Sends waiting requests over the connections that have room, and opens as many more as there is work for. */
function sendWaiting(pool: ConnectionPool): void {
  const { options, connections, waiting } = pool
  if (pool.needsParser) return waiting.splice(0).forEach(pool.sendParsed)
  for (const connection of connections) {
    const { socket, sent, depth } = connection
    if (!socket.connecting && !socket.destroyed && sent.length < depth) fillConnection(pool, connection)
  }
  if (waiting.length === 0) return
  while (connections.size < options.connections && connections.size * options.depth < waiting.length + options.depth)
    openConnection(pool)
}

function openConnection(pool: ConnectionPool): void {
  const { origin, peers, idleMs, throttle } = pool.options
  let reader: ResponseReader | null = null
  const socket = connect({
    host: hostOf(origin),
    port: Number(origin.port || 80),
    lookup: guardedLookup(peers),
    onread: {
      buffer: Buffer.allocUnsafeSlow(BUFFER_BYTES),
      callback(length, buffer) {
        slowDown(throttle, length, flow)
        return reader!.read(Buffer.from(buffer.buffer, buffer.byteOffset, length))
      },
    },
  })
  const flow = flowOf(socket, idleMs)
  const connection: Connection = { sent: [], socket, depth: 1 }
  reader = readerOf(pool, connection)
  pool.connections.add(connection)
  let failure: Error | null = null
  socket.setNoDelay(true).setTimeout(idleMs, () => socket.destroy(new Idle(idleMs)))
  socket
    .once('error', (error) => (failure = error))
    .once('close', () =>
      connectionEnded(pool, connection, {
        failure: failure ?? new Truncated('the connection ended'),
        inBody: reader.inBody(),
      }),
    )
  socket.once('connect', () => {
    try {
      peers.check(socket.remoteAddress)
      fillConnection(pool, connection)
    } catch (error) {
      socket.destroy(error as Error)
    }
  })
}

function readerOf(pool: ConnectionPool, connection: Connection): ResponseReader {
  const { sent, socket } = connection
  return createResponseReader({
    current: () => sent[0],
    completed(staysOpen) {
      sent.shift()
      pool.emptyConnections = 0
      connection.depth = pool.options.depth
      if (!staysOpen) socket.destroy()
      // Several at once: one write for each request would cost more than the request.
      else if (!pool.needsParser && sent.length <= pool.options.depth >> 1) fillConnection(pool, connection)
    },
    unusual(request, always) {
      sent.shift()
      pool.emptyConnections = 0
      pool.needsParser ||= always
      socket.destroy()
      pool.sendParsed(request)
    },
    broken: (error) => void socket.destroy(error),
  })
}

function connectionEnded(
  pool: ConnectionPool,
  connection: Connection,
  { failure, inBody }: { failure: Error; inBody: boolean },
): void {
  pool.connections.delete(connection)
  if (inBody) connection.sent.shift()?.fail(failure)
  // The others got no response at all: they can be sent again.
  pool.waiting.unshift(...connection.sent.splice(0))
  if (pool.waiting.length === 0) return
  const emptyMax = EMPTY_CONNECTIONS_MAX + pool.options.connections
  if (pool.closed || ++pool.emptyConnections > emptyMax) failWaiting(pool, failure)
  else sendWaiting(pool)
}

function failWaiting({ waiting }: ConnectionPool, error: Error): void {
  for (const request of waiting.splice(0)) request.fail(error)
}
