// socket.ts — A plain http response read straight from the socket: twice as fast as a parser for large files. Returns
// null for anything unusual.
import { connect, type Socket } from 'node:net'
import { guardedLookup, hostOf } from './address.ts'
import { Idle, Truncated, USER_AGENT, type HttpResponse, type HttpRequest } from './message.ts'
import { flowOf, slowDown } from './throttle.ts'

const BUFFER_BYTES = 256 * 1024
const HEAD_MAX_BYTES = 64 * 1024

type Sink = (chunk: Buffer) => void

/**
 * Sends a request over a new connection. Null when the response is not a simple one of known length: send it again
 * through the parser. Throws network errors.
 */
export async function requestBySocket(request: HttpRequest): Promise<HttpResponse | null> {
  const { url, headers, signal, peers, idleMs } = request
  const reader = createReader()
  const socket = connect({
    host: hostOf(url),
    port: Number(url.port || 80),
    lookup: guardedLookup(peers),
    onread: {
      buffer: Buffer.allocUnsafeSlow(BUFFER_BYTES),
      callback: (length, buffer) => reader.receive(Buffer.from(buffer.buffer, buffer.byteOffset, length)),
    },
  })
  stopOnAbort(socket, signal)
  socket.setTimeout(idleMs, () => socket.destroy(new Idle(idleMs)))
  socket
    .once('error', reader.fail)
    .once('end', () => reader.fail(new Truncated('the connection ended')))
    .once('close', () => reader.fail(new Truncated('the connection ended')))
  socket.once('connect', () => {
    try {
      peers.check(socket.remoteAddress)
      socket.write(
        requestText({
          path: `${url.pathname}${url.search}`,
          host: url.host,
          headers: { connection: 'close', ...headers },
        }),
      )
    } catch (error) {
      socket.destroy(error as Error)
    }
  })
  try {
    const { head, rest } = await reader.head
    const answer = parseHead(head)
    if (!answer) socket.destroy()
    return (
      answer && {
        ...answer,
        close: () => socket.destroy(),
        body: (onChunk) =>
          readBody({
            socket,
            reader,
            rest,
            length: Number(answer.headers['content-length'] ?? 0),
            onChunk: slowedDown(onChunk, socket, request),
          }),
      }
    )
  } catch (error) {
    socket.destroy()
    throw error
  }
}

/** Node's own signal option keeps a listener, and with it socket and buffer, for as long as the run lasts. */
function stopOnAbort(socket: Socket, signal: AbortSignal): void {
  const stop = () => void socket.destroy(new Error('stopped'))
  signal.addEventListener('abort', stop)
  socket.once('close', () => signal.removeEventListener('abort', stop))
  if (signal.aborted) stop()
}

/** The text of a request. Throws when its path or a header value contains what would end it. */
export function requestText({
  path,
  host,
  headers,
}: {
  path: string
  host: string
  headers: Readonly<Record<string, string>>
}): string {
  let text =
    `GET ${path} HTTP/1.1\r\nhost: ${host}\r\nuser-agent: ${USER_AGENT}\r\naccept: ` +
    `${headers.accept ?? '*/*'}\r\naccept-encoding: identity\r\n`
  if (/[\r\n\0 ]/.test(path)) throw new Error('a path holds a space or a line end')
  for (const name in headers) {
    // A line end inside a value would start another header.
    if (/[\r\n\0]/.test(headers[name]!)) throw new Error('a header value holds a line end')
    if (name !== 'accept') text += `${name}: ${headers[name]}\r\n`
  }
  return `${text}\r\n`
}

interface SocketReader {
  readonly head: Promise<{ head: string; rest: Buffer }>
  /** Called by the socket; false stops it. */
  readonly receive: (chunk: Buffer) => boolean
  readonly fail: (error: Error) => void
  /** Sends what is received from now on to `sink`. */
  redirectTo(sink: Sink, failed: (error: Error) => void): void
}

/** Collects the head, then stops the socket until the body is wanted. */
function createReader(): SocketReader {
  const start = Promise.withResolvers<{ head: string; rest: Buffer }>()
  let collected = Buffer.alloc(0)
  let sink: Sink | null = null
  let failure: Error | null = null
  let failed = (error: Error) => start.reject(error)
  return {
    head: start.promise,
    receive(chunk) {
      if (sink) {
        sink(chunk)
        return true
      }
      collected = Buffer.concat([collected, chunk])
      const end = collected.indexOf('\r\n\r\n')
      if (end < 0 && collected.length < HEAD_MAX_BYTES) return true
      start.resolve({ head: end < 0 ? '' : collected.toString('latin1', 0, end), rest: collected.subarray(end + 4) })
      return false
    },
    fail(error) {
      failure ??= error
      failed(failure)
    },
    redirectTo(next, onFailure) {
      sink = next
      failed = onFailure
      if (failure) failed(failure)
    },
  }
}

/** Null for every head that leaves a doubt about where the body ends. */
export function parseHead(head: string): Pick<HttpResponse, 'status' | 'headers'> | null {
  const [first = '', ...lines] = head.split('\r\n')
  const status = Number(/^HTTP\/1\.[01] ([2-5]\d\d)(?: |$)/.exec(first)?.[1])
  if (!Number.isInteger(status)) return null
  const headers: Record<string, string> = {}
  for (const line of lines) {
    const [, name, value] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/.exec(line) ?? []
    if (!name || value === undefined) return null
    const key = name.toLowerCase()
    if (key === 'content-length' && headers[key] !== undefined) return null
    if (!Object.hasOwn(headers, key)) headers[key] = value
  }
  const hasBody = status === 200 || status === 206
  if (hasBody && (headers['transfer-encoding'] !== undefined || !/^\d{1,15}$/.test(headers['content-length'] ?? '')))
    return null
  return { status, headers }
}

/** A sink that pauses its socket for as long as the throttle says. */
function slowedDown(onChunk: Sink, socket: Socket, { throttle, idleMs }: HttpRequest): Sink {
  const flow = flowOf(socket, idleMs)
  return (chunk) => {
    onChunk(chunk)
    slowDown(throttle, chunk.length, flow)
  }
}

interface BodyRead {
  readonly socket: Socket
  readonly reader: SocketReader
  readonly rest: Buffer
  readonly length: number
  readonly onChunk: Sink
}

function readBody({ socket, reader, rest, length, onChunk }: BodyRead): Promise<void> {
  let left = length
  return new Promise<void>((resolve, reject) => {
    const onData: Sink = (chunk) => {
      // Bytes beyond the promised length are not part of the file.
      const piece = chunk.length > left ? chunk.subarray(0, left) : chunk
      left -= piece.length
      try {
        if (piece.length > 0) onChunk(piece)
      } catch (error) {
        return reject(error)
      }
      if (left === 0) resolve()
    }
    onData(rest)
    if (left === 0) return
    reader.redirectTo(onData, (error) =>
      reject(error instanceof Truncated ? new Truncated(`${left} bytes of ${length} are missing`) : error),
    )
    socket.resume()
  }).finally(() => socket.destroy())
}
