// server.ts — The HTTP server: serves the routes of the protocol with checks, authentication and errors, and the
// reference, metrics, health and UI beside them.
import helmet from '@fastify/helmet'
import rateLimit from '@fastify/rate-limit'
import { ConfigError, connectionsWithinLimit, isLoopback, whoListensOn, newId, type Logger } from '@kagami/runtime'
import { Refusal } from '@kagami/protocol'
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { serveStatus } from '../status/status.ts'
import type { Supervisor } from '../supervisor.ts'
import { createOidc } from '../access/oidc.ts'
import type { Token } from '../access/root-token.ts'
import { createSessions } from '../access/sessions.ts'
import { compressAnswers } from './compress.ts'
import { createCookies } from './cookies.ts'
import { answerError, answerUnreadable } from './errors.ts'
import { createLimits, guardHosts, readJsonBodies } from './guard.ts'
import type { Access } from './handlers/handler.ts'
import { registerMetrics, serveMetrics } from './metrics.ts'
import { serveReference } from './reference.ts'
import { refuseOtherMethods } from './methods.ts'
import { mountRoutes } from './mount.ts'
import { serveSignIn } from './sign-in.ts'
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
  const access = openAccess(supervisor)
  const limits = createLimits(server)
  mountRoutes(server, { supervisor, token, access, limits })
  if (access.oidc)
    serveSignIn(server, { ...access, oidc: access.oidc, services: supervisor.services, limit: limits.signIns })
  serveMetrics(server, metrics)
  serveHealth(server, supervisor)
  serveStatus(server, supervisor.services)
  serveUi(server, config.webui_dir, { notFound, error: failed })
  await listen(server, config.address)
  const bound = server.server.address()
  return { port: typeof bound === 'object' && bound ? bound.port : config.address.port, close: () => server.close() }
}

function openAccess({ services }: Supervisor): Access {
  const { config, store, clock, logger } = services
  return {
    oidc: config.auth === 'none' ? null : createOidc(config, logger),
    sessions: createSessions(config, { store, clock }),
    cookies: createCookies(config.public_url),
  }
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
