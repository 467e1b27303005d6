// pipeline.ts — Many small questions to one origin over few connections, pipelined. Carries bytes; what they mean is
// decided by who asks.
import { Pool } from 'undici'
import { USER_AGENT } from './message.ts'
import { explain, flat, guardedConnector } from './parser.ts'
import { createPlainLanes } from './pipeline-plain.ts'
import type { Peers } from '../provider.ts'

/**
 * One question and what is done with its answer. Called in order: head, data…, then end or fail. An error thrown by
 * them fails the exchange.
 */
export interface Exchange {
  /** Path and query, as in the request line. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  /** Whether the answer is read by a parser in any case: for answers of unknown length. */
  readonly parsed?: boolean
  head(status: number, headers: Readonly<Record<string, string>>): void
  /** The piece is valid only during the call. */
  data(chunk: Buffer): void
  end(): void
  fail(error: unknown): void
}

export interface Lanes {
  send(exchange: Exchange): void
  /** Gives up what is under way. */
  close(): void
}

export interface LaneOptions {
  readonly origin: URL
  readonly peers: Peers
  readonly signal: AbortSignal
  readonly connections: number
  /** Questions that may wait for their answers on one connection. */
  readonly depth: number
  /** Milliseconds without a byte after which a connection is given up. */
  readonly idleMs: number
}

/**
 * Opens nothing until the first question. Plain http answers of known length are read straight from the socket, all
 * others by a parser.
 */
export function createLanes(options: LaneOptions): Lanes {
  const parsed = createParsedLanes(options)
  const plain = options.origin.protocol === 'http:' ? createPlainLanes(options, parsed.send) : null
  const close = () => {
    plain?.close()
    parsed.close()
  }
  options.signal.addEventListener('abort', close, { once: true })
  return {
    send: (exchange) => (plain && !exchange.parsed ? plain.send(exchange) : parsed.send(exchange)),
    close() {
      options.signal.removeEventListener('abort', close)
      close()
    },
  }
}

function createParsedLanes({ origin, peers, connections, depth, idleMs }: LaneOptions): Lanes {
  let pool: Pool | null = null
  let closed = false
  const opened = () =>
    (pool ??= new Pool(origin.origin, {
      connections,
      pipelining: depth,
      connect: guardedConnector(peers, idleMs),
      headersTimeout: idleMs,
      bodyTimeout: idleMs,
    }))
  return {
    send(exchange) {
      if (closed) return exchange.fail(new Error('stopped'))
      let failure: unknown
      opened().dispatch(
        {
          path: exchange.path,
          method: 'GET',
          headers: { 'user-agent': USER_AGENT, accept: '*/*', 'accept-encoding': 'identity', ...exchange.headers },
        },
        {
          // Its presence says which of its two interfaces undici is to speak.
          onRequestStart() {},
          onResponseStart(controller, status, headers) {
            if (status < 200) return
            guarded(controller, () => exchange.head(status, flat(headers)))
          },
          onResponseData: (controller, chunk) => guarded(controller, () => exchange.data(chunk)),
          onResponseEnd() {
            try {
              exchange.end()
            } catch (error) {
              exchange.fail(error)
            }
          },
          onResponseError: (_controller, error) => exchange.fail(failure ?? explain(error, idleMs)),
        },
      )
      function guarded(controller: { abort(error: Error): void }, work: () => void): void {
        try {
          work()
        } catch (error) {
          failure = error
          controller.abort(error as Error)
        }
      }
    },
    close() {
      closed = true
      void pool?.destroy().catch(() => {})
    },
  }
}
