// guard.ts — What no request may have, whatever it asks for: a foreign host, odd characters, too deep a body, too many
// writes. Knows no route.
import { oddityIn, parseUntrusted, Refusal } from '@kagami/protocol'
import { isLoopback } from '@kagami/runtime'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

/** Writes an address may ask for in a minute. */
const WRITES_A_MINUTE = 3000
/** Wrong tokens an address may try in a minute. */
const WRONG_TOKENS_A_MINUTE = 10

/**
 * Refuses requests to names that are not ours: a page elsewhere could otherwise reach a supervisor on loopback by a
 * name it controls.
 */
export function guardHosts(
  server: FastifyInstance,
  { host, allowed }: { host: string; allowed: readonly string[] },
): void {
  if (allowed.length === 0 && !isLoopback(host)) return
  server.addHook('onRequest', (request, _reply, done) => {
    const name = hostnameOf(request.headers.host ?? '')
    const known =
      name !== null &&
      (isLocal(name) ||
        allowed.some((one) => one.toLowerCase() === name || one.toLowerCase() === request.headers.host?.toLowerCase()))
    done(
      known
        ? undefined
        : new Refusal(
            'wrong_host',
            `this supervisor does not answer to the host "${(request.headers.host ?? '').slice(0, 100)}"`,
          ),
    )
  })
}

function hostnameOf(header: string): string | null {
  return URL.parse(`http://${header}/`)?.hostname.toLowerCase() ?? null
}

function isLocal(name: string): boolean {
  return isLoopback(name.replace(/^\[|\]$/g, '')) || name.endsWith('.localhost')
}

/**
 * Reads JSON bodies. The seed's front ends send `content-type: application/json` without a body; a form of another site
 * can send no JSON.
 */
export function readJsonBodies(server: FastifyInstance): void {
  server.removeContentTypeParser('text/plain')
  const parse = server.getDefaultJsonParser('error', 'error')
  server.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body === '') return done(null, undefined)
    try {
      parseUntrusted(body as string)
    } catch (error) {
      if (!(error instanceof SyntaxError))
        return done(new Refusal('invalid_request', `the body ${(error as Error).message}`, fieldIn(error as Error)))
    }
    return void parse(request, body as string, done)
  })
}

function fieldIn({ message }: Error): string | null {
  return /^field (\S+)/.exec(message)?.[1] ?? null
}

/**
 * Refuses what a database or a log cannot hold in parameters and queries; bodies were looked at when they were read.
 */
export function refuseOddText(request: FastifyRequest): void {
  const oddity = oddityIn({ params: request.params, query: request.query })
  if (oddity)
    throw new Refusal('invalid_request', `${oddity.field} ${oddity.message}`, oddity.field.split('.')[1] ?? null)
}

/**
 * Counts something an address does, and says in Retry-After when it may go on. Throws what `refuse` makes when it did
 * it too often.
 */
export type Limit = (request: FastifyRequest, reply: FastifyReply) => Promise<void>

function createLimit(server: FastifyInstance, aMinute: number, refuse: () => Refusal): Limit {
  const count = server.createRateLimit({ max: aMinute, timeWindow: 60_000 })
  return async (request, reply) => {
    const counted = await count(request)
    if (counted.isAllowed || !counted.isExceeded) return
    void reply.header('retry-after', String(counted.ttlInSeconds))
    throw refuse()
  }
}

/** Counts the writes of an address. Throws too_many_writes. */
export function createWriteLimit(server: FastifyInstance): Limit {
  return createLimit(
    server,
    WRITES_A_MINUTE,
    () => new Refusal('too_many_writes', `more than ${WRITES_A_MINUTE} writes in a minute from this address`),
  )
}

/** Counts the wrong tokens of an address. Throws too_many_attempts. */
export function createWrongTokenLimit(server: FastifyInstance): Limit {
  return createLimit(
    server,
    WRONG_TOKENS_A_MINUTE,
    () => new Refusal('too_many_attempts', 'too many wrong tokens from this address'),
  )
}
