// handler.ts — What a handler of a route gets and returns. Types only.
import type { Readable } from 'node:stream'
import type { RouteInput, RouteOutput, RouteName } from '@kagami/protocol'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Grant } from '../../access/grant.ts'
import type { Oidc } from '../../access/oidc.ts'
import type { Sessions } from '../../access/sessions.ts'
import type { Caller } from '../../commands/types.ts'
import type { Supervisor } from '../../supervisor.ts'
import type { Cookies } from '../cookies.ts'

/** How people sign in and out. */
export interface Access {
  readonly sessions: Sessions
  readonly cookies: Cookies
  /** Null: no provider is set. */
  readonly oidc: Oidc | null
}

/** What a handler knows besides its input. */
export interface Context {
  readonly supervisor: Supervisor
  /** Who writes. */
  readonly caller: Caller
  /** What who asks may do; null: nobody known, or a route of which everybody may read, for which nobody is asked. */
  readonly grant: Grant | null
  readonly access: Access
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
