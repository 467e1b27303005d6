// request.ts — One request to an upstream: over the right connection, through redirects within policy, credentials only
// to their own origin.
import { checkAddress, isRedirect, MAX_REDIRECTS, nextAddress, tooManyRedirects } from './address.ts'
import { retryAfterSeconds } from './errors.ts'
import type { HttpRequest, HttpResponse } from './message.ts'
import type { FetchOptions } from './options.ts'
import { isRefusal, waitForLeave } from './pace.ts'
import { PATIENCE_SECONDS } from './rate.ts'
import { requestBySocket } from './socket.ts'
import type { Throttle } from './throttle.ts'
import type { SyncContext } from '../provider.ts'

/** Times a request is sent that is refused because there are too many. */
const TRIES = 3
/** Redirects after which a POST stays one. */
const KEEPS_BODY = new Set([307, 308])

export interface RequestParts {
  readonly context: Pick<SyncContext, 'auth' | 'peers' | 'paces' | 'pause' | 'signal' | 'log'>
  readonly options: Pick<FetchOptions, 'timeout_secs' | 'allow_downgrade'>
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  /** Headers for `url` only: redirects do not get them. */
  readonly ownHeaders?: Readonly<Record<string, string>>
  /** Sent with POST; without it the request is a GET. */
  readonly body?: string
  /** The origin `auth` is for; by default that of `url`. */
  readonly home?: string
  /** Uses the parser at once: for responses that will be chunked. */
  readonly parsed?: boolean
  /** Addresses may hold secrets: the log names only hosts. */
  readonly discreet?: boolean
  /** Limits the bytes a second of the run. */
  readonly throttle?: Throttle | null
}

/**
 * Sends a request and follows at most five redirects. Throws SyncFailure when they lead where they may not, and network
 * errors.
 */
export async function sendRequest(parts: RequestParts): Promise<{ response: HttpResponse; url: URL }> {
  const {
    context,
    options,
    url,
    headers,
    ownHeaders: own,
    body,
    home = url.origin,
    parsed = body !== undefined,
    discreet = false,
    throttle,
  } = parts
  const { peers, signal } = context
  checkAddress(url, peers)
  let at = url
  for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
    const authorization = at.origin === home ? authorizationOf(context.auth) : {}
    const request = {
      url: at,
      headers: { ...headers, ...(hop === 0 ? own : {}), ...authorization },
      body,
      signal,
      peers,
      idleMs: options.timeout_secs * 1000,
      throttle,
    }
    const response = await sendAtPace(request, parsed, context)
    const location = response.headers.location
    if (
      !isRedirect(response.status) ||
      location === undefined ||
      (body !== undefined && !KEEPS_BODY.has(response.status))
    )
      return { response, url: at }
    response.close()
    at = nextAddress(location, at, { peers, downgrade: options.allow_downgrade ? 'follow' : 'option' })
    context.log(`redirected to ${discreet ? at.origin : at.href}`)
  }
  throw tooManyRedirects()
}

/**
 * Sends a request when the pace of its host allows it, and again when the host says that there are too many: a few
 * times, unless it asks for a long time or refuses everybody.
 */
async function sendAtPace(
  request: HttpRequest,
  parsed: boolean,
  context: RequestParts['context'],
): Promise<HttpResponse> {
  for (let attempt = 1; ; attempt++) {
    const response = await sendOnce(request, parsed, context)
    if (!isRefusal(response.status)) return response
    const patient = (retryAfterSeconds(response.headers['retry-after']) ?? 0) <= PATIENCE_SECONDS
    if (!patient || attempt >= TRIES || context.paces.of(request.url.host).closed()) return response
    response.close()
  }
}

/** The parser is the largest of all libraries: it is loaded by the first request that needs it. */
async function parsedResponse(request: HttpRequest): Promise<HttpResponse> {
  const { requestByParser } = await import('./parser.ts')
  return requestByParser(request)
}

async function sendOnce(
  request: HttpRequest,
  parsed: boolean,
  context: RequestParts['context'],
): Promise<HttpResponse> {
  const leave = await waitForLeave(context, request.url.host)
  try {
    const response =
      (request.url.protocol === 'http:' && !parsed && request.peers.via(request.url) === null
        ? await requestBySocket(request)
        : null) ?? (await parsedResponse(request))
    const { status, headers } = response
    leave.done(isRefusal(status) ? 'refused' : 'served', retryAfterSeconds(headers['retry-after']))
    return response
  } catch (error) {
    leave.done('failed')
    throw error
  }
}

/** The Authorization header for credentials. */
export function authorizationOf(auth: SyncContext['auth']): Record<string, string> {
  if (!auth) return {}
  return {
    authorization:
      auth.type === 'token'
        ? `Bearer ${auth.token}`
        : `Basic ${Buffer.from(`${auth.username}:${auth.password}`).toString('base64')}`,
  }
}
