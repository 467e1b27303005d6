// sign-in.ts — Pages that lead people to their OpenID Connect provider and back. Programs send tokens instead.
import { Refusal } from '@kagami/protocol'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { SignInProblem, type Oidc } from '../access/oidc.ts'
import type { Sessions } from '../access/sessions.ts'
import type { Services } from '../services.ts'
import type { Cookies } from './cookies.ts'
import type { Limit } from './guard.ts'

/** Where people are led when they did not say: the page that tells their other tabs, and closes. */
const SIGNED_IN = '/ui/signed-in'

/** What signing in takes. */
export interface SignInParts {
  readonly services: Pick<Services, 'store' | 'clock' | 'logger'>
  readonly oidc: Oidc
  readonly sessions: Sessions
  readonly cookies: Cookies
  /** For how often one address may begin. */
  readonly limit: Limit
}

/** Serves /auth/sign-in, which leads to the provider, and /auth/callback, to which the provider leads back. */
export function serveSignIn(server: FastifyInstance, parts: SignInParts): void {
  const { oidc, cookies, limit } = parts
  server.get('/auth/sign-in', { schema: { hide: true } }, async (request, reply) => {
    await limit(request, reply)
    try {
      const { url, begun } = await oidc.begin()
      cookies.setBegun(reply, { ...begun, to: placeFrom(request) })
      return await leadTo(reply, url)
    } catch (error) {
      return await leadAway(error, request, reply, parts)
    }
  })
  server.get('/auth/callback', { schema: { hide: true } }, async (request, reply) => {
    await limit(request, reply)
    try {
      return await finish(request, reply, parts)
    } catch (error) {
      return await leadAway(error, request, reply, parts)
    }
  })
}

async function finish(
  request: FastifyRequest,
  reply: FastifyReply,
  { services, oidc, sessions, cookies }: SignInParts,
) {
  const begun = cookies.begun(request)
  if (!begun) throw new SignInProblem('failed', 'the browser has not kept what it was given, or it took too long')
  const person = await oidc.finish(request.url.split('?')[1] ?? '', begun)
  const { secret, seconds } = await sessions.begin(person)
  await services.store.addAudit({
    at: services.clock.now().toISOString(),
    actor: person.name,
    remote: request.ip,
    action: 'sign_in',
    target: null,
    detail: person.role,
    result: 'ok',
  })
  cookies.clearBegun(reply)
  cookies.setSession(reply, secret, seconds)
  return leadTo(reply, begun.to)
}

/** A page of ours, and nothing else: this comes from an address that anyone may have written. */
function placeFrom(request: FastifyRequest): string {
  const { to } = request.query as { to?: unknown }
  return typeof to === 'string' && /^\/ui\/[\w./~%?&=@:+-]*$/.test(to) && !to.includes('..') ? to : SIGNED_IN
}

const leadTo = (reply: FastifyReply, url: string) =>
  reply.header('cache-control', 'no-store').header('referrer-policy', 'no-referrer').redirect(url, 302)

/** Why somebody could not sign in is in the log; the page says of which kind it is. */
async function leadAway(error: unknown, request: FastifyRequest, reply: FastifyReply, parts: SignInParts) {
  if (error instanceof Refusal) throw error
  const { logger } = parts.services
  const problem = error instanceof SignInProblem ? error : new SignInProblem('failed', (error as Error).message, error)
  logger.warn({ remote: request.ip, request_id: request.id, reason: problem.message }, 'somebody could not sign in')
  parts.cookies.clearBegun(reply)
  return leadTo(reply, `${SIGNED_IN}?problem=${problem.kind}&request_id=${encodeURIComponent(request.id)}`)
}
