// server.ts — The HTTP server: serves the routes of the protocol with checks, authentication and errors, and the
// reference, metrics, health and UI beside them.
import { Readable } from 'node:stream'
import helmet from '@fastify/helmet'
import rateLimit from '@fastify/rate-limit'
import { ConfigError, connectionsWithinLimit, isLoopback, whoListensOn, newId, type Logger } from '@kagami/runtime'
import { Refusal, routes, type Route, type RouteName } from '@kagami/protocol'
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { serveStatus } from '../status/status.ts'
import type { Supervisor } from '../supervisor.ts'
import { bearerOf, type Token } from './auth.ts'
import { check } from './check.ts'
import { compressAnswers } from './compress.ts'
import { answerError, answerUnreadable } from './errors.ts'
import {
  createWriteLimit,
  createWrongTokenLimit,
  guardHosts,
  readJsonBodies,
  refuseUnsafeText,
  type Limit,
} from './guard.ts'
import type { Context } from './handlers/handler.ts'
import { handlers } from './handlers/handlers.ts'
import { registerMetrics, serveMetrics } from './metrics.ts'
import { serveReference } from './reference.ts'
import { refuseOtherMethods } from './methods.ts'
import { serveUi } from './ui.ts'

const BODY_MAX_BYTES = 1024 * 1024
/** How long a client has to send the headers of a request, ms, and the whole request. */
const HEADERS_MS = 15_000
const REQUEST_MS = 30_000
/** How often slow clients are looked for, ms. */
const SLOW_CHECK_MS = 5000
const CONNECTIONS_MAX = 10_000
const SAY_REFUSED_MS = 60_000

const neverAsked = () => {
  throw new Error('a route has a schema of fastify; `check` looks at all input')
}
/** Fastify would load its own at each start. */
const NO_COMPILERS = { buildValidator: neverAsked, buildSerializer: neverAsked }

/** The running HTTP server. */
export interface ApiServer {
  readonly port: number
  close(): Promise<void>
}

/** Starts the API. When the port is in use, throws a ConfigError that names the program using it. */
export async function serveApi(supervisor: Supervisor, token: Token): Promise<ApiServer> {
  const { config, logger } = supervisor.services
  const server = fastify({
    bodyLimit: BODY_MAX_BYTES,
    requestTimeout: REQUEST_MS,
    genReqId: () => newId(),
    logger: false,
    trustProxy: false,
    routerOptions: { maxParamLength: 256 },
    schemaController: { compilersFactory: NO_COMPILERS },
    http: { connectionsCheckingInterval: SLOW_CHECK_MS },
    // Live streams would otherwise keep the server from stopping.
    forceCloseConnections: true,
    frameworkErrors: (error, request, reply) => void answerError(error, request, reply, logger),
    clientErrorHandler: answerUnreadable,
  })
  server.server.headersTimeout = HEADERS_MS
  server.server.maxConnections = connectionsWithinLimit(CONNECTIONS_MAX)
  sayRefused(server, logger)
  readJsonBodies(server)
  guardHosts(server, { host: config.address.host, allowed: config.allowed_hosts })
  await server.register(helmet, { contentSecurityPolicy: false, crossOriginOpenerPolicy: false, hsts: false })
  await server.register(rateLimit, { global: false })
  compressAnswers(server)
  refuseOtherMethods(server)
  const failed = (error: unknown, request: FastifyRequest, reply: FastifyReply) =>
    answerError(error, request, reply, logger)
  server.setErrorHandler(failed)
  const notFound = (request: FastifyRequest, reply: FastifyReply) => {
    const what = `there is no ${request.method} ${request.url.split('?')[0]}`
    return failed(new Refusal('not_found', what), request, reply)
  }
  server.setNotFoundHandler(notFound)
  const metrics = registerMetrics(server, supervisor)
  serveReference(server, notFound)
  mountRoutes(server, supervisor, token)
  serveMetrics(server, metrics)
  serveHealth(server, supervisor)
  serveStatus(server, supervisor.services)
  serveUi(server, config.webui_dir, { notFound, error: failed })
  await listen(server, config.address)
  const bound = server.server.address()
  return { port: typeof bound === 'object' && bound ? bound.port : config.address.port, close: () => server.close() }
}

/** Says, at most once a minute, that connections are closed because too many are open. */
function sayRefused(server: FastifyInstance, logger: Logger): void {
  let saidAt = -Infinity
  server.server.on('drop', () => {
    if (performance.now() - saidAt < SAY_REFUSED_MS) return
    saidAt = performance.now()
    logger.warn(
      { connections: server.server.maxConnections },
      'new connections are closed: as many are open as the limit of open files allows beside database and NATS. Find ' +
        'out who holds them, or raise the limit (ulimit -n, LimitNOFILE=)',
    )
  })
}

function mountRoutes(server: FastifyInstance, supervisor: Supervisor, token: Token) {
  const limitWrites = createWriteLimit(server)
  const limitWrongTokens = createWrongTokenLimit(server)
  for (const name of Object.keys(routes) as RouteName[]) {
    const route: Route = routes[name]
    server.route({
      method: route.method,
      url: route.path.replaceAll(/\{(\w+)\}/g, ':$1'),
      config: { route: name },
      schema: { operationId: name } as never,
      async handler(request, reply) {
        refuseUnsafeText(request)
        const bearer = bearerOf(request.headers.authorization)
        const context: Context = { supervisor, request, reply, ...callerOf(supervisor, token, { request, bearer }) }
        if (!route.write) return await answer(name, route, context)
        refuseOtherOrigins(request)
        // A refusal for want of a token writes nothing, so it does not count as a write.
        if (!context.authenticated) await refuseUnauthenticated(context, bearer, limitWrongTokens)
        await limitWrites(request, reply)
        try {
          return await answer(name, route, context)
        } catch (error) {
          if (error instanceof Refusal) await auditRefusal(context, name, error)
          throw error
        }
      },
    })
  }
}

/** Who sends a request, judged by its token. */
function callerOf(
  { services }: Supervisor,
  token: Token,
  { request, bearer }: { request: FastifyRequest; bearer: string | null },
): Pick<Context, 'authenticated' | 'caller'> {
  const remote = request.ip
  if (services.config.auth === 'none') return { authenticated: true, caller: { actor: 'anyone', remote } }
  const authenticated = bearer !== null && token.matches(bearer)
  return { authenticated, caller: { actor: authenticated ? 'token' : 'stranger', remote } }
}

async function answer(name: RouteName, route: Route, context: Context): Promise<unknown> {
  const { request, reply } = context
  const input = {
    params: check(route.params, request.params, 'params'),
    query: check(route.query, request.query, 'query'),
    headers: check(route.headers, request.headers, 'headers'),
    body: check(route.body, request.body, 'body'),
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

/** A web page of another site must not write through the browser of its visitors. */
function refuseOtherOrigins(request: FastifyRequest) {
  const { origin } = request.headers
  if (origin && URL.parse(origin)?.host !== request.headers.host)
    throw new Refusal('unauthorized', `writes from pages of ${origin} are not allowed`)
}

/** Refuses a write without the token. */
async function refuseUnauthenticated(
  { supervisor, request, reply }: Context,
  bearer: string | null,
  limit: Limit,
): Promise<never> {
  if (bearer === null) throw new Refusal('unauthorized', 'this needs a token')
  supervisor.services.logger.warn({ remote: request.ip, url: request.url.split('?')[0] }, 'a wrong token was used')
  await limit(request, reply)
  throw new Refusal('unauthorized', 'the token is wrong')
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

function serveHealth(server: FastifyInstance, supervisor: Supervisor) {
  server.get('/healthz', { schema: { hide: true } }, (_, reply: FastifyReply) => reply.send({ status: 'ok' }))
  server.get('/readyz', { schema: { hide: true } }, async (_, reply: FastifyReply) => {
    const missing = await supervisor.missing()
    return reply
      .code(missing.length > 0 ? 503 : 200)
      .send({ status: missing.length > 0 ? 'not ready' : 'ready', missing })
  })
}

async function listen(server: FastifyInstance, { host, port }: { host: string; port: number }) {
  try {
    await server.listen({ host, port })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE')
      throw new ConfigError(
        `${host}:${port} cannot be used: ${(error as Error).message}`,
        'Choose another with SUPERVISOR_HTTP_ADDR: an address of this machine, and a port above 1023.',
      )
    const holder = whoListensOn(port)
    throw new ConfigError(
      `${host}:${port} is in use${holder ? ` by ${holder}` : ''}`,
      `Choose another with SUPERVISOR_HTTP_ADDR, for example ${isLoopback(host) ? host : '0.0.0.0'}:${port + 1}.`,
    )
  }
}
