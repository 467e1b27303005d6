// testing/api-server.ts — A small HTTP server that answers as a supervisor does: it refuses requests and answers that
// do not fit the schemas of the contract.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import {
  checkFor,
  errors,
  Refusal,
  routes,
  type RouteInput,
  type RouteOutput,
  type Route,
  type RouteName,
} from '@kagami/protocol'
import { afterAll } from 'vitest'

/** What a route answers, each with what it was asked. A thrown Refusal becomes the answer of an error. */
export type Answers = { [N in RouteName]?: (input: RouteInput<N>) => RouteOutput<N> }

export interface Asked {
  readonly name: RouteName
  readonly params: Record<string, string>
  readonly query: Record<string, unknown>
  readonly body: unknown
  readonly authorization: string | undefined
  readonly ifMatch: string | undefined
}

export interface ApiServer {
  /** The variables that make a command use this server. */
  readonly env: Record<string, string>
  readonly url: string
  /** Every request so far, oldest first. */
  readonly asked: Asked[]
}

/** Starts a server that has these routes alone; it ends with the tests of the file. */
export async function startApi(answers: Answers): Promise<ApiServer> {
  const asked: Asked[] = []
  const server = createServer((request, response) => {
    answer(request, response, { answers, asked }).catch((error: unknown) => send(response, refused(error)))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  afterAll(() => new Promise((resolve) => server.close(resolve).closeAllConnections()))
  const address = server.address()
  const url = `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`
  return { url, asked, env: { KAGAMI_API: url } }
}

interface Sent {
  readonly status: number
  readonly text: string
  readonly headers?: Record<string, string>
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { answers, asked }: { answers: Answers; asked: Asked[] },
): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://127.0.0.1')
  const { name, params } = find(request.method ?? 'GET', url.pathname)
  const route: Route = routes[name]
  const query = queryOf(route, url.searchParams)
  const body = await bodyOf(request)
  for (const [schema, value] of [
    [route.query, query],
    [route.body, body],
  ] as const)
    if (schema && !checkFor(schema).ok(value)) {
      const { field, message } = checkFor(schema).problem(value)
      throw new Refusal('invalid_request', `${field} ${message}`)
    }
  asked.push({
    name,
    params,
    query,
    body,
    authorization: request.headers.authorization,
    ifMatch: request.headers['if-match'],
  })
  const handler = answers[name] as ((input: unknown) => unknown) | undefined
  if (!handler) throw new Error(`this test has no answer for ${name}`)
  send(response, sentOf(route, handler({ params, query, body })))
}

function find(method: string, path: string): { name: RouteName; params: Record<string, string> } {
  for (const name of Object.keys(routes) as RouteName[]) {
    const route: Route = routes[name]
    const match = new RegExp(`^${route.path.replaceAll(/\{(\w+)\}/g, '(?<$1>[^/]+)')}$`).exec(path)
    if (route.method !== method || !match) continue
    const params = Object.entries(match.groups ?? {}).map(([key, text]) => [key, decodeURIComponent(text)])
    return { name, params: Object.fromEntries(params) as Record<string, string> }
  }
  throw new Refusal('not_found', `there is no ${method} ${path}`)
}

function queryOf({ query }: Route, search: URLSearchParams): Record<string, unknown> {
  const types = (query?.properties ?? {}) as Record<string, { type?: string }>
  const numeric = (key: string) => types[key]?.type === 'integer'
  return Object.fromEntries([...search].map(([key, text]) => [key, numeric(key) ? Number(text) : text]))
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return chunks.length > 0 ? JSON.parse(Buffer.concat(chunks).toString()) : undefined
}

function sentOf(route: Route, output: unknown): Sent {
  if (route.produces === 'text/plain') {
    const { text, headers } = output as RouteOutput<'syncLog'>
    return { status: route.status, text, headers: Object.fromEntries(headers) }
  }
  if (!route.response) return { status: route.status, text: '' }
  if (!checkFor(route.response).ok(output)) {
    const { field, message } = checkFor(route.response).problem(output)
    throw new Error(`the answer of this test does not fit: ${field} ${message}`)
  }
  return { status: route.status, text: JSON.stringify(output) }
}

/** A refusal as the supervisor answers it; anything else is a mistake in the test, and no JSON. */
function refused(error: unknown): Sent {
  if (!(error instanceof Refusal)) return { status: 501, text: String(error) }
  const { code, message, hint, field } = error
  const body = { error: { code, message, hint, field, request_id: 'req-1' } }
  return { status: errors[code].status, text: JSON.stringify(body) }
}

function send(response: ServerResponse, { status, text, headers }: Sent): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(text)
}
