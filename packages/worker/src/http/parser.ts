// parser.ts — Any http or https response through undici. Raw bytes: nothing is decoded, no redirect is followed.
import { Client, type Dispatcher } from 'undici'
import { Idle, Truncated, USER_AGENT, type HttpResponse, type HttpRequest } from './message.ts'
import { slowDown, type Throttle } from './throttle.ts'
import { transportOf } from './transport.ts'

/** Sends a request over a new connection. Throws network errors. */
export async function requestByParser({
  url,
  headers,
  body,
  signal,
  peers,
  idleMs,
  throttle,
}: HttpRequest): Promise<HttpResponse> {
  const transport = transportOf(url, peers, idleMs)
  const client = new Client(url.origin, {
    connect: transport.connect,
    headersTimeout: idleMs,
    bodyTimeout: idleMs,
    pipelining: 1,
  })
  const response = createResponseHandler(idleMs, throttle)
  const stop = () => response.abort(new Error('stopped'))
  const close = () => {
    // A run may send thousands of requests, and its signal would keep all of these listeners.
    signal.removeEventListener('abort', stop)
    void client.destroy().catch(() => {})
  }
  signal.addEventListener('abort', stop)
  if (signal.aborted) stop()
  try {
    const method = body === undefined ? 'GET' : 'POST'
    client.dispatch(
      {
        path: transport.target(`${url.pathname}${url.search}`),
        method,
        body,
        headers: {
          'user-agent': USER_AGENT,
          accept: '*/*',
          'accept-encoding': 'identity',
          ...headers,
          ...transport.headers,
        },
      },
      response.handler,
    )
    const { status, headers: answered } = await response.head
    transport.refuse(status, answered)
    return { status, headers: answered, close, body: (onChunk) => response.body(onChunk).finally(close) }
  } catch (error) {
    close()
    throw error
  }
}

interface ResponseHandler {
  readonly handler: Dispatcher.DispatchHandler
  readonly head: Promise<Pick<HttpResponse, 'status' | 'headers'>>
  body(onChunk: (chunk: Buffer) => void): Promise<void>
  abort(error: Error): void
}

function createResponseHandler(idleMs: number, throttle: Throttle | null | undefined): ResponseHandler {
  const head = Promise.withResolvers<Pick<HttpResponse, 'status' | 'headers'>>()
  const end = Promise.withResolvers<void>()
  // Callers that only want the head must not get an unhandled rejection of the body.
  void end.promise.catch(() => {})
  let controller: Dispatcher.DispatchController | undefined
  let sink: ((chunk: Buffer) => void) | null = null
  let early: Error | null = null
  const handler: Dispatcher.DispatchHandler = {
    onRequestStart(started) {
      controller = started
      if (early) started.abort(early)
    },
    onResponseStart(started, status, headers) {
      // Earlier responses (103) are announcements; the real one follows.
      if (status < 200) return
      started.pause()
      head.resolve({ status, headers: flattenHeaders(headers) })
    },
    onResponseData(started, chunk) {
      try {
        sink?.(chunk)
        slowDown(throttle, chunk.length, started)
      } catch (error) {
        end.reject(error)
        started.abort(error as Error)
      }
    },
    onResponseEnd: () => end.resolve(),
    onResponseError(_started, error) {
      const explained = explainError(error, idleMs)
      head.reject(explained)
      end.reject(explained)
    },
  }
  return {
    handler,
    head: head.promise,
    body(onChunk) {
      sink = onChunk
      controller?.resume()
      return end.promise
    },
    abort: (error) => (controller ? controller.abort(error) : void (early = error)),
  }
}

/** Headers with one value each: of repeated ones the first. */
export function flattenHeaders(
  headers: Readonly<Record<string, string | string[] | undefined>>,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name.toLowerCase(),
      String(Array.isArray(value) ? value[0] : value),
    ]),
  )
}

/** An error of the parser as one of this client. */
export function explainError(error: Error & { code?: string }, idleMs: number): Error {
  if (error.code === 'UND_ERR_HEADERS_TIMEOUT' || error.code === 'UND_ERR_BODY_TIMEOUT') return new Idle(idleMs)
  if (
    error.code === 'UND_ERR_SOCKET' ||
    error.code === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH' ||
    error.name === 'HTTPParserError'
  )
    return new Truncated(error.message, error)
  return error
}
