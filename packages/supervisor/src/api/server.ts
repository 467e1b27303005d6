// server.ts — Mounts routes.ts on HTTP: checks, authentication, errors, reference, metrics, health, UI. Decides nothing
// about the fleet.
import helmet from '@fastify/helmet'
import rateLimit from '@fastify/rate-limit'
import { ConfigError, isLoopback, whoListensOn, newId } from '@kagami/runtime'
import { Refusal, routes, type Route, type RouteName } from '@kagami/protocol'
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import type { Supervisor } from '../supervisor.ts'
import { bearerOf, type Token } from './auth.ts'
import { check } from './check.ts'
import { answerError } from './errors.ts'
import {
  createWriteLimit,
  createWrongTokenLimit,
  guardHosts,
  readJsonBodies,
  refuseOddText,
  type Limit,
} from './guard.ts'
import type { Context } from './handler.ts'
import { handlers } from './handlers.ts'
import { observe, serveMetrics } from './metrics.ts'
import { serveReference } from './reference.ts'
import { isUiPage, serveUi } from './ui.ts'

const BODY_MAX_BYTES = 1024 * 1024
/** Time for the head of a request, ms; the whole of it has 30 s. */
const HEADERS_MS = 15_000
/** More would only wait for memory. */
const CONNECTIONS_MAX = 10_000

export interface ApiServer {
  readonly port: number
  close(): Promise<void>
}

/** Starts the API. Throws ConfigError naming who holds the port when it is taken. */
export async function serveApi(supervisor: Supervisor, token: Token): Promise<ApiServer> {
  const { config, logger } = supervisor.services
  const server = fastify({
    bodyLimit: BODY_MAX_BYTES,
    requestTimeout: 30_000,
    genReqId: () => newId(),
    logger: false,
    trustProxy: false,
    routerOptions: { maxParamLength: 256 },
    // Whoever is too slow is found soon after its time is up.
    http: { connectionsCheckingInterval: 5000 },
    // Live streams must not keep a shutdown waiting.
    forceCloseConnections: true,
  })
  server.server.headersTimeout = HEADERS_MS
  server.server.maxConnections = CONNECTIONS_MAX
  readJsonBodies(server)
  guardHosts(server, { host: config.address.host, allowed: config.allowed_hosts })
  await server.register(helmet, { contentSecurityPolicy: false, crossOriginOpenerPolicy: false, hsts: false })
  await server.register(rateLimit, { global: false })
  server.setErrorHandler((error, request, reply) => answerError(error, request, reply, logger))
  server.setNotFoundHandler((request, reply) =>
    isUiPage(request.url, request.method) && reply.sendFile
      ? reply.sendFile('index.html')
      : answerError(
          new Refusal('not_found', `there is no ${request.method} ${request.url.split('?')[0]}`),
          request,
          reply,
          logger,
        ),
  )
  const metrics = observe(server, supervisor)
  await serveReference(server)
  mountRoutes(server, supervisor, token)
  serveMetrics(server, metrics)
  serveHealth(server, supervisor)
  await serveUi(server, config.webui_dir)
  await listen(server, config.address)
  const bound = server.server.address()
  return { port: typeof bound === 'object' && bound ? bound.port : config.address.port, close: () => server.close() }
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
        refuseOddText(request)
        const given = bearerOf(request.headers.authorization)
        const authenticated = supervisor.services.config.auth === 'none' || (given !== null && token.fits(given))
        const caller = {
          actor: supervisor.services.config.auth === 'none' ? 'anyone' : authenticated ? 'token' : 'stranger',
          remote: request.ip,
        }
        const context: Context = { supervisor, authenticated, caller, request, reply }
        if (!route.write) return await answer(name, route, context)
        refuseOtherOrigins(request)
        await limitWrites(request, reply)
        if (!authenticated) await refuseStranger(context, given, limitWrongTokens)
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

async function answer(name: RouteName, route: Route, context: Context): Promise<unknown> {
  const { request, reply } = context
  const input = {
    params: check(route.params, request.params, 'params'),
    query: check(route.query, request.query, 'query'),
    body: check(route.body, request.body, 'body'),
  }
  const handler = handlers[name] as (input: unknown, context: Context) => unknown
  const output = await handler(input, context)
  if (reply.sent || reply.raw.headersSent) return reply
  void reply.code(route.status)
  if (route.produces === 'text/plain') return reply.type('text/plain; charset=utf-8').send(output)
  return output === undefined
    ? reply.send()
    : reply.type('application/json; charset=utf-8').send(JSON.stringify(output))
}

/** A page of another site must not write with the reader's browser, whatever it knows. */
function refuseOtherOrigins(request: FastifyRequest) {
  const { origin } = request.headers
  if (origin && URL.parse(origin)?.host !== request.headers.host)
    throw new Refusal('unauthorized', `writes from pages of ${origin} are not allowed`)
}

/** Throws why somebody without the right token may not write. */
async function refuseStranger(
  { supervisor, request, reply }: Context,
  given: string | null,
  limit: Limit,
): Promise<never> {
  if (given === null) throw new Refusal('unauthorized', 'this needs a token')
  supervisor.services.logger.warn({ remote: request.ip, url: request.url.split('?')[0] }, 'a wrong token was used')
  await limit(request, reply)
  throw new Refusal('unauthorized', 'the token is not right')
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
      throw new ConfigError(`${host}:${port} cannot be used: ${(error as Error).message}`)
    const holder = whoListensOn(port)
    throw new ConfigError(
      `${host}:${port} is in use${holder ? ` by ${holder}` : ''}`,
      `Choose another with SUPERVISOR_HTTP_ADDR, for example ${isLoopback(host) ? host : '0.0.0.0'}:${port + 1}.`,
    )
  }
}
