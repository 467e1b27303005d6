// handler.ts — What a handler of a route gets and returns. Types only.
import type { Readable } from 'node:stream'
import type { RouteInput, RouteOutput, RouteName } from '@kagami/protocol'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Caller } from '../../commands/types.ts'
import type { Supervisor } from '../../supervisor.ts'

/** What a handler knows besides its input. */
export interface Context {
  readonly supervisor: Supervisor
  readonly caller: Caller
  readonly authenticated: boolean
  readonly request: FastifyRequest
  readonly reply: FastifyReply
}

/** Gets checked input; returns the body of the successful answer, or throws a Refusal. */
export type Handler<N extends RouteName> = (
  input: Required<Pick<RouteInput<N>, 'params' | 'query' | 'headers' | 'body'>>,
  context: Context,
) => Promise<HandlerOutput<N>> | HandlerOutput<N>

/** A route of plain text returns the text; one of a stream writes the answer itself; JSON may come in pieces. */
type HandlerOutput<N extends RouteName> =
  RouteOutput<N> extends { text: string; headers: Headers } ? string : RouteOutput<N> | Readable

/** One handler for each route. */
export type Handlers = { readonly [N in RouteName]: Handler<N> }
