// reference.ts — The API reference, made from the routes of the protocol: /openapi.json, and a page to browse it.
import { checkFor, ErrorBody, errors, roleFor, routes, type ErrorCode, type Route } from '@kagami/protocol'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { version } from '../version.ts'
import { serveLater } from './served-later.ts'

type NotFound = (request: FastifyRequest, reply: FastifyReply) => unknown

/** Serves the reference. Few ask for it, so it and the libraries of its page are made when somebody does. */
export function serveReference(server: FastifyInstance, notFound: NotFound): void {
  const showPage = serveLater(() => openPage(notFound))
  for (const path of ['/docs', '/docs/*']) server.get(path, { schema: { hide: true } }, showPage)
  let document: Record<string, unknown> | null = null
  server.get('/openapi.json', { schema: { hide: true } as never }, (_, reply) =>
    reply.send((document ??= openApiDocument())),
  )
}

async function openPage(notFound: NotFound): Promise<FastifyInstance> {
  const [{ default: fastify }, { default: swagger }, { default: swaggerUi }] = await Promise.all([
    import('fastify'),
    import('@fastify/swagger'),
    import('@fastify/swagger-ui'),
  ])
  const server = fastify()
  server.setNotFoundHandler(notFound)
  await server.register(swagger, { mode: 'static', specification: { document: openApiDocument() as never } })
  await server.register(swaggerUi, { routePrefix: '/docs', uiConfig: { docExpansion: 'list', deepLinking: true } })
  await server.ready()
  return server
}

/** The OpenAPI 3.1 document of every route. */
export function openApiDocument(): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {}
  for (const [name, route] of Object.entries(routes) as [string, Route][]) {
    paths[route.path] ??= {}
    paths[route.path]![route.method.toLowerCase()] = operationOf(name, route)
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Kagami supervisor',
      version,
      description: 'Reads are open. Writes need `Authorization: Bearer TOKEN` unless SUPERVISOR_AUTH=none.',
    },
    components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } }, schemas: { Error: ErrorBody } },
    paths,
  }
}

function operationOf(name: string, route: Route) {
  const fields = (part: 'path' | 'query' | 'header', schema: Route['params']) =>
    Object.entries(schema?.properties ?? {}).map(([field, property]) => ({
      name: field,
      in: part,
      required: part === 'path',
      schema: property,
      description: (property as { description?: string }).description ?? '',
    }))
  const success = route.produces
    ? { description: route.summary, content: { [route.produces]: { schema: { type: 'string' } } } }
    : {
        description: route.response ? route.summary : 'Empty',
        ...(route.response ? { content: { 'application/json': { schema: route.response } } } : {}),
      }
  const refusals = Object.fromEntries(refusalsOf(route))
  return {
    operationId: name,
    tags: [route.tag],
    summary: route.summary,
    parameters: [...fields('path', route.params), ...fields('query', route.query), ...fields('header', route.headers)],
    ...(route.body ? { requestBody: bodyOf(route.body) } : {}),
    ...(roleFor(route) ? { security: [{ token: [] }], 'x-role': roleFor(route) } : {}),
    responses: { [route.status]: success, ...refusals },
  }
}

/** A body may be left out where an empty object, or null, would do. */
function bodyOf(schema: NonNullable<Route['body']>) {
  const check = checkFor(schema)
  return { required: !check.ok({}) && !check.ok(null), content: { 'application/json': { schema } } }
}

/** What any request may be answered with. */
const ANY_ROUTE = ['invalid_request', 'wrong_host', 'request_too_long', 'request_too_slow', 'internal', 'unavailable']

function refusalsOf(route: Route): [string, unknown][] {
  const codes = [
    ...(route.refuses ?? []),
    ...ANY_ROUTE,
    ...(roleFor(route) ? ['unauthorized', 'forbidden', 'too_many_attempts'] : []),
    ...(route.write ? ['too_many_writes', 'body_too_large'] : []),
  ]
  const byStatus = Map.groupBy(new Set(codes), (code) => errors[code as ErrorCode].status)
  return [...byStatus].map(([status, group]) => [
    String(status),
    {
      description: group.map((code) => `${code}: ${errors[code as ErrorCode].meaning}`).join(' '),
      content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
    },
  ])
}
