// pipeline-request.ts — What is sent through a pipeline, and what a pipeline is. Types only.
import type { Peers } from '../provider.ts'
import type { Throttle } from './throttle.ts'

/**
 * One GET request and the handlers of its response. They are called in order: `head`, then `data` for each piece, then
 * `end` or `fail`. An error one of them throws fails the request.
 */
export interface PipelinedRequest {
  /** Path and query, as in the request line. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  /** Always use the full parser: for responses whose length is not known. */
  readonly parsed?: boolean
  head(status: number, headers: Readonly<Record<string, string>>): void
  /** The piece is valid only during the call. */
  data(chunk: Buffer): void
  end(): void
  fail(error: unknown): void
}

/** A few connections to one origin, each with several requests under way. */
export interface Pipeline {
  send(request: PipelinedRequest): void
  /** Fails the requests under way and closes the connections. */
  close(): void
}

export interface PipelineOptions {
  readonly origin: URL
  readonly peers: Peers
  readonly signal: AbortSignal
  readonly connections: number
  /** Requests that may be under way on one connection. */
  readonly depth: number
  /** Milliseconds without a byte after which a connection is closed. */
  readonly idleMs: number
  readonly throttle?: Throttle | null
}
