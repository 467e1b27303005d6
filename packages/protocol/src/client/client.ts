// client.ts — The typed HTTP client of command line and UI, derived from the routes.
import type { Static } from 'typebox'
import type Type from 'typebox'
import type { ErrorCode } from '../errors.ts'
import { errors } from '../errors.ts'
import { pathFor, routes, type Route, type RouteName, type Routes } from '../routes.ts'
import type { ErrorBody } from '../views.ts'

type Part<R, K extends string> = R extends Record<K, infer S extends Type.TSchema> ? Static<S> : undefined
/** What a call takes: `params`, `query`, `headers` and `body`, each only where the route has it. */
export type RouteInput<N extends RouteName> = (Routes[N] extends { params: Type.TSchema }
  ? { params: Part<Routes[N], 'params'> }
  : { params?: undefined }) &
  (Routes[N] extends { query: Type.TSchema } ? { query?: Part<Routes[N], 'query'> } : { query?: undefined }) &
  (Routes[N] extends { headers: Type.TSchema } ? { headers?: Part<Routes[N], 'headers'> } : { headers?: undefined }) &
  (Routes[N] extends { body: Type.TSchema } ? { body: Part<Routes[N], 'body'> } : { body?: undefined }) & {
    signal?: AbortSignal
  }
/** What a call returns: the body of success; of a text, also the headers. */
export type RouteOutput<N extends RouteName> = Routes[N] extends { response: infer S extends Type.TSchema }
  ? Static<S>
  : Routes[N] extends { produces: 'text/plain' }
    ? { text: string; headers: Headers }
    : undefined

/** The server refused the request, or could not be reached (`code: 'unreachable'`, status 0). */
export class ApiError extends Error {
  readonly code: ErrorCode | 'unreachable' | 'unexpected'
  readonly status: number
  readonly hint: string
  readonly field: string | null
  readonly requestId: string | null
  constructor(facts: {
    code: ApiError['code']
    status: number
    message: string
    hint: string
    field?: string | null
    requestId?: string | null
    cause?: unknown
  }) {
    super(facts.message, { cause: facts.cause })
    this.name = 'ApiError'
    this.code = facts.code
    this.status = facts.status
    this.hint = facts.hint
    this.field = facts.field ?? null
    this.requestId = facts.requestId ?? null
  }
  /** Exit code of the command line for this error. */
  get exit(): number {
    if (this.code === 'unreachable') return 6
    return this.code === 'unexpected' ? 1 : (errors[this.code]?.exit ?? 1)
  }
}

/** Calls the routes of one supervisor. */
export interface Client {
  readonly baseUrl: string
  call<N extends RouteName>(
    name: N,
    ...input: Record<string, never> extends RouteInput<N> ? [input?: RouteInput<N>] : [input: RouteInput<N>]
  ): Promise<RouteOutput<N>>
}

/** Creates a client. `token` is called before each request, so that signing in does not need a new client. */
export function createClient(options: { baseUrl: string; token?: () => string | null; fetch?: typeof fetch }): Client {
  const send = options.fetch ?? fetch
  return {
    baseUrl: options.baseUrl,
    async call(name, ...[input]) {
      const route: Route = routes[name]
      const given = (input ?? {}) as {
        params?: Record<string, string>
        query?: Record<string, unknown>
        headers?: Record<string, string | undefined>
        body?: unknown
        signal?: AbortSignal
      }
      const url = `${options.baseUrl}${pathFor(route, given.params)}${queryOf(given.query)}`
      const headers: Record<string, string> = { accept: route.produces ?? 'application/json' }
      for (const [key, text] of Object.entries(given.headers ?? {})) if (text !== undefined) headers[key] = text
      const token = options.token?.()
      if (token) headers['authorization'] = `Bearer ${token}`
      if (given.body !== undefined) headers['content-type'] = 'application/json'
      const init: RequestInit = { method: route.method, headers, signal: given.signal ?? null }
      if (given.body !== undefined) init.body = JSON.stringify(given.body)
      const response = await send(url, init).catch((cause: unknown) => {
        throw unreachable(options.baseUrl, cause)
      })
      if (!response.ok) throw await refused(response)
      if (route.produces === 'text/plain') return { text: await response.text(), headers: response.headers } as never
      const text = await response.text()
      return (text === '' ? undefined : JSON.parse(text)) as never
    },
  }
}

function queryOf(query: Record<string, unknown> | undefined): string {
  const search = new URLSearchParams()
  for (const [key, value] of Object.entries(query ?? {}))
    if (typeof value === 'number' || (typeof value === 'string' && value !== '')) search.set(key, String(value))
  const text = search.toString()
  return text ? `?${text}` : ''
}

function unreachable(baseUrl: string, cause: unknown): ApiError {
  if (cause instanceof DOMException && cause.name === 'AbortError') throw cause
  const inner = (cause as { cause?: { code?: string; message?: string } }).cause
  const why = inner?.code === 'ECONNREFUSED' ? 'connection refused' : (inner?.message ?? (cause as Error).message)
  return new ApiError({
    code: 'unreachable',
    status: 0,
    cause,
    message: `cannot reach the Supervisor at ${baseUrl}: ${why}`,
    hint: 'first run? kagami up   another host? --api URL or KAGAMI_API',
  })
}

async function refused(response: Response): Promise<ApiError> {
  const body = (await response.json().catch(() => null)) as ErrorBody | null
  if (!body?.error)
    return new ApiError({
      code: 'unexpected',
      status: response.status,
      message: `unexpected answer ${response.status}`,
      hint: 'Is this a Kagami supervisor? Check the address.',
    })
  const { code, message, hint, field, request_id } = body.error
  return new ApiError({ code: code as ErrorCode, status: response.status, message, hint, field, requestId: request_id })
}
