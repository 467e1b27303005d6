// pipeline.ts — Many small requests to one origin over few connections, pipelined. Carries bytes; the sender of a
// request decides what its response means.
import { Pool, type Dispatcher } from 'undici'
import { USER_AGENT } from './message.ts'
import { explainError, flattenHeaders } from './parser.ts'
import { createPlainPipeline } from './pipeline-plain.ts'
import type { Pipeline, PipelinedRequest, PipelineOptions } from './pipeline-request.ts'
import { slowDown } from './throttle.ts'
import { transportOf, type Transport } from './transport.ts'

/**
 * Opens no connection before the first request. Plain http responses of known length are read straight from the socket,
 * all others by the parser, and so is whatever comes by a proxy.
 */
export function createPipeline(options: PipelineOptions): Pipeline {
  const { origin, peers, idleMs } = options
  const parsed = createParsedPipeline(options, transportOf(origin, peers, idleMs))
  const direct = origin.protocol === 'http:' && peers.via(origin) === null
  const plain = direct ? createPlainPipeline(options, parsed.send) : null
  const close = () => {
    plain?.close()
    parsed.close()
  }
  options.signal.addEventListener('abort', close, { once: true })
  return {
    send: (request) => (plain && !request.parsed ? plain.send(request) : parsed.send(request)),
    close() {
      options.signal.removeEventListener('abort', close)
      close()
    },
  }
}

function createParsedPipeline(
  { origin, connections, depth, idleMs, throttle }: PipelineOptions,
  transport: Transport,
): Pipeline {
  let pool: Pool | null = null
  let closed = false
  const openPool = () =>
    (pool ??= new Pool(origin.origin, {
      connections,
      pipelining: transport.lasting ? depth : 1,
      connect: transport.connect,
      headersTimeout: idleMs,
      bodyTimeout: idleMs,
    }))
  return {
    send(request) {
      if (closed) return request.fail(new Error('stopped'))
      openPool().dispatch(
        {
          path: transport.target(request.path),
          method: 'GET',
          reset: !transport.lasting,
          headers: {
            'user-agent': USER_AGENT,
            accept: '*/*',
            'accept-encoding': 'identity',
            ...request.headers,
            ...transport.headers,
          },
        },
        handlerOf(request, transport, { idleMs, throttle }),
      )
    },
    close() {
      closed = true
      void pool?.destroy().catch(() => {})
    },
  }
}

/** Passes a response to the request's handlers; what they throw becomes the failure of the request. */
function handlerOf(
  request: PipelinedRequest,
  { refuse }: Transport,
  { idleMs, throttle }: Pick<PipelineOptions, 'idleMs' | 'throttle'>,
): Dispatcher.DispatchHandler {
  let failure: unknown
  const abortOnError = (controller: { abort(error: Error): void }, handle: () => void): void => {
    try {
      handle()
    } catch (error) {
      failure = error
      controller.abort(error as Error)
    }
  }
  return {
    // undici has two handler interfaces; the presence of this method selects the newer one.
    onRequestStart() {},
    onResponseStart(controller, status, headers) {
      if (status < 200) return
      abortOnError(controller, () => {
        refuse(status, headers)
        request.head(status, flattenHeaders(headers))
      })
    },
    onResponseData(controller, chunk) {
      slowDown(throttle, chunk.length, controller)
      abortOnError(controller, () => request.data(chunk))
    },
    onResponseEnd() {
      try {
        request.end()
      } catch (error) {
        request.fail(error)
      }
    },
    onResponseError: (_controller, error) => request.fail(failure ?? explainError(error, idleMs)),
  }
}
