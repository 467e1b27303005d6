// message.ts — What a request and an answer are to the http client, whatever carries them. Types and their errors.
import type { Peers } from '../provider.ts'

export interface HttpRequest {
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  /** Sent with POST; without it the question is a GET. */
  readonly body?: string
  readonly signal: AbortSignal
  readonly peers: Peers
  /** Milliseconds without a byte after which the connection is given up. */
  readonly idleMs: number
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
  /** Gives up the rest. */
  close(): void
}

/** The body ended before it was complete. */
export class Truncated extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'Truncated'
  }
}

/** Nothing came for too long. */
export class Idle extends Error {
  constructor(ms: number) {
    super(`nothing came for ${Math.round(ms / 1000)} s`)
    this.name = 'Idle'
  }
}

/** The name by which we are known to upstreams. */
export const USER_AGENT = 'kagami'
