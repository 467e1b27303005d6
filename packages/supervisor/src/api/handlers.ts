// handlers.ts — The shape of a handler, and all of them together: a route without one does not compile.
import type { Input, Output, RouteName } from '@kagami/protocol'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Caller } from '../commands/commands.ts'
import type { Supervisor } from '../supervisor.ts'
import { decidingHandlers } from './replicas.ts'
import { fleetHandlers } from './resources.ts'
import { listHandlers } from './workers.ts'
import { seedHandlers } from './v0.ts'
import { syncHandlers } from './syncs.ts'
import { systemHandlers } from './system.ts'
import { tokenHandlers } from './join-tokens.ts'

export interface Context {
  readonly supervisor: Supervisor
  readonly caller: Caller
  readonly authenticated: boolean
  readonly request: FastifyRequest
  readonly reply: FastifyReply
}

/** Gets checked input; returns the body of success, or throws a Refusal. */
export type Handler<N extends RouteName> = (
  input: Required<Pick<Input<N>, 'params' | 'query' | 'body'>>,
  context: Context,
) => Promise<HandlerOutput<N>> | HandlerOutput<N>
/** Text and streams are written by the handler itself. */
type HandlerOutput<N extends RouteName> = Output<N> extends { text: string; headers: Headers } ? string : Output<N>

export type Handlers = { readonly [N in RouteName]: Handler<N> }

export const handlers: Handlers = {
  ...seedHandlers,
  ...fleetHandlers,
  ...decidingHandlers,
  ...listHandlers,
  ...syncHandlers,
  ...systemHandlers,
  ...tokenHandlers,
}
