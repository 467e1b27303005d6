// mount.ts — Every route of the protocol: who asks, whether they may, the checks of what they send, the answer, and the
// audit of what was refused.
import { Readable } from 'node:stream'
import { Refusal, roleFor, routes, type Route, type RouteName } from '@kagami/protocol'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { isScoped, requireRole, requireScope, type Identity } from '../access/grant.ts'
import { createIdentify, NOBODY } from '../access/identify.ts'
import type { Token } from '../access/root-token.ts'
import type { Supervisor } from '../supervisor.ts'
import { check } from './check.ts'
import { refuseUnsafeText, type Limit, type Limits } from './guard.ts'
import type { Access, Context } from './handlers/handler.ts'
import { handlers } from './handlers/handlers.ts'
import { targetsOf, type WriteName } from './writes.ts'

/** What the routes need. */
export interface MountParts {
  readonly supervisor: Supervisor
  readonly token: Token
  readonly access: Access
  readonly limits: Limits
}

/** Mounts every route of the protocol. */
export function mountRoutes(server: FastifyInstance, { supervisor, token, access, limits }: MountParts): void {
  const { config, store, clock } = supervisor.services
  const identify = createIdentify({ config, token, store, clock, sessions: access.sessions })
  const whoAsks = (request: FastifyRequest) =>
    identify({ headers: request.headers, session: access.cookies.session(request), remote: request.ip })
  for (const name of Object.keys(routes) as RouteName[]) {
    const route: Route = routes[name]
    server.route({
      method: route.method,
      url: route.path.replaceAll(/\{(\w+)\}/g, ':$1'),
      config: { route: name },
      schema: { operationId: name } as never,
      async handler(request, reply) {
        refuseUnsafeText(request)
        const identity = asksWho(route) ? await whoAsks(request) : NOBODY
        const { grant } = identity
        const caller = { actor: grant?.name ?? 'stranger', remote: request.ip }
        const context: Context = { supervisor, request, reply, access, grant, caller }
        const needed = roleFor(route)
        if (route.write) refuseOtherOrigins(request, identity, config.public_url)
        // A refusal of somebody unknown writes nothing, so it does not count as a write.
        if (needed && !grant) await refuseUnknown(context, identity.problem, limits.wrongTokens)
        if (route.write) await limits.writes(request, reply)
        try {
          if (needed) requireRole(grant!, needed)
          return await answer(name, route, context)
        } catch (error) {
          if (route.write && error instanceof Refusal) await auditRefusal(context, name, error)
          throw error
        }
      },
    })
  }
}

/** Whether a route wants to know who asks. */
const asksWho = (route: Route) => route.write || route.role !== undefined

async function answer(name: RouteName, route: Route, context: Context): Promise<unknown> {
  const { request, reply } = context
  const input = {
    params: check(route.params, request.params, 'params'),
    query: check(route.query, request.query, 'query'),
    headers: check(route.headers, request.headers, 'headers'),
    body: check(route.body, request.body, 'body'),
  }
  if (route.write && context.grant && isScoped(context.grant)) {
    const asked = { supervisor: context.supervisor, grant: context.grant }
    requireScope(context.grant, await targetsOf[name as WriteName](input as never, asked))
  }
  const handler = handlers[name] as (input: unknown, context: Context) => unknown
  const output = await handler(input, context)
  if (reply.sent || reply.raw.headersSent) return reply
  void reply.code(route.status)
  if (route.produces === 'text/plain') return reply.type('text/plain; charset=utf-8').send(output)
  if (output === undefined) return reply.send()
  const body = output instanceof Readable ? output : JSON.stringify(output)
  return reply.type('application/json; charset=utf-8').send(body)
}

/**
 * A web page of another site must not write through the browser of its visitors. Where the browser itself sends what
 * says who they are, the page must be known to be ours.
 */
function refuseOtherOrigins({ headers }: FastifyRequest, { isAmbient }: Identity, publicUrl: string | undefined): void {
  const { origin } = headers
  const isOurs = origin === undefined ? !isAmbient : origin === publicUrl || URL.parse(origin)?.host === headers.host
  if (!isOurs)
    throw new Refusal('unauthorized', `writes from ${origin ? `pages of ${origin}` : 'unknown pages'} are not allowed`)
}

/** Refuses who is not known here. */
async function refuseUnknown(
  { supervisor, request, reply }: Context,
  problem: string | null,
  limit: Limit,
): Promise<never> {
  if (problem === null) throw new Refusal('unauthorized', 'this needs a token')
  const isToken = request.headers.authorization !== undefined
  supervisor.services.logger.warn(
    { remote: request.ip, url: request.url.split('?')[0], problem },
    isToken ? 'a wrong token was used' : 'somebody who is not signed in any more was refused',
  )
  // Sessions end by themselves, and a whole lab may have one address: only tokens are guessed.
  if (isToken) await limit(request, reply)
  throw new Refusal('unauthorized', problem)
}

async function auditRefusal({ supervisor, caller, request }: Context, action: string, refusal: Refusal) {
  const target = (request.params as { id?: string }).id ?? null
  await supervisor.services.store
    .addAudit({
      at: supervisor.services.clock.now().toISOString(),
      ...caller,
      action,
      target,
      detail: refusal.message.slice(0, 1000),
      result: refusal.code,
    })
    .catch(() => {})
}
