// guard.ts — Refuses requests, whatever their route: foreign host names, characters that break other programs, deeply
// nested bodies, too many writes.
import { findUnsafe, parseUntrusted, Refusal } from '@kagami/protocol'
import { isLoopback } from '@kagami/runtime'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

/** Writes that one address may request in a minute. */
const WRITES_A_MINUTE = 3000
/** Wrong tokens that one address may send in a minute. */
const WRONG_TOKENS_A_MINUTE = 10
/** Pages of signing in that one address may load in a minute; a whole lab may have one address. */
const SIGN_INS_A_MINUTE = 120

/**
 * Refuses requests to host names that are not ours. Otherwise a web page could reach a supervisor on loopback through a
 * name that resolves to 127.0.0.1.
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
        allowed.some((host) => [name, request.headers.host?.toLowerCase()].includes(host.toLowerCase())))
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
 * Accepts JSON bodies only: a form of another site cannot send JSON. Front ends of API v0 send `content-type:
 * application/json` without a body, so an empty one is accepted.
 */
export function readJsonBodies(server: FastifyInstance): void {
  server.removeContentTypeParser('text/plain')
  const parse = server.getDefaultJsonParser('error', 'error')
  server.addContentTypeParser(
    ['application/json', 'application/merge-patch+json'],
    { parseAs: 'string' },
    (request, body, done) => {
      if (body === '') return done(null, undefined)
      try {
        parseUntrusted(body as string)
      } catch (error) {
        if (!(error instanceof SyntaxError))
          return done(new Refusal('invalid_request', `the body ${(error as Error).message}`, fieldOf(error as Error)))
      }
      return void parse(request, body as string, done)
    },
  )
}

function fieldOf({ message }: Error): string | null {
  return /^field (\S+)/.exec(message)?.[1] ?? null
}

/** Refuses parameters and queries with text that a database or a log cannot hold. Bodies are checked when parsed. */
export function refuseUnsafeText(request: FastifyRequest): void {
  const unsafe = findUnsafe({ params: request.params, query: request.query })
  if (unsafe)
    throw new Refusal('invalid_request', `${unsafe.field} ${unsafe.message}`, unsafe.field.split('.')[1] ?? null)
}

/** Counts one action of an address. When there were too many, sets Retry-After and throws a Refusal. */
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

/** The limits of an address. */
export interface Limits {
  /** Throws too_many_writes. */
  readonly writes: Limit
  /** Throws too_many_attempts. */
  readonly wrongTokens: Limit
  /** Throws too_many_attempts. */
  readonly signIns: Limit
}

/** Counts of one HTTP server. */
export function createLimits(server: FastifyInstance): Limits {
  const tooMany = (what: string) => () => new Refusal('too_many_attempts', `too many ${what} from this address`)
  return {
    writes: createLimit(
      server,
      WRITES_A_MINUTE,
      () => new Refusal('too_many_writes', `more than ${WRITES_A_MINUTE} writes in a minute from this address`),
    ),
    wrongTokens: createLimit(server, WRONG_TOKENS_A_MINUTE, tooMany('wrong tokens')),
    signIns: createLimit(server, SIGN_INS_A_MINUTE, tooMany('attempts to sign in')),
  }
}
