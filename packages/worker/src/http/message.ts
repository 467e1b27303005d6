// message.ts — Requests and responses of the http client, however they are transported. Types and their errors.
import type { Peers } from '../provider.ts'
import type { Throttle } from './throttle.ts'

export interface HttpRequest {
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  /** Sent with POST; without it the request is a GET. */
  readonly body?: string
  readonly signal: AbortSignal
  readonly peers: Peers
  /** Milliseconds without a byte after which the connection is closed. */
  readonly idleMs: number
  readonly throttle?: Throttle | null
}

export interface HttpResponse {
  readonly status: number
  /** Names in lower case; of repeated headers the first. */
  readonly headers: Readonly<Record<string, string>>
  /**
   * Calls `onChunk` with each piece, which is valid only during the call; resolves at a clean end. Rejects when the
   * body is cut off or `onChunk` throws.
   */
  body(onChunk: (chunk: Buffer) => void): Promise<void>
  /** Closes the connection without reading the rest. */
  close(): void
}

/** The body ended before it was complete. */
export class Truncated extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'Truncated'
  }
}

/** Nothing was received for too long. */
export class Idle extends Error {
  constructor(ms: number) {
    super(`nothing came for ${Math.round(ms / 1000)} s`)
    this.name = 'Idle'
  }
}

/** The name Kagami sends to upstreams. */
export const USER_AGENT = 'kagami'
