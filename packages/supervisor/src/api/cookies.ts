// cookies.ts — The two cookies of signing in: what a browser keeps while its user is at the provider, and the session
// afterwards. Scripts of a page read neither.
import { parseCookie, stringifySetCookie } from 'cookie'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Begun } from '../access/oidc.ts'

/** How long signing in may take, seconds. */
const BEGUN_SECS = 600

/** What a browser keeps while its user is at the provider: also where they wanted to go. */
export interface KeptBegun extends Begun {
  readonly to: string
}

/** The cookies of a supervisor that people reach by this URL. */
export interface Cookies {
  session(request: FastifyRequest): string | null
  setSession(reply: FastifyReply, secret: string, seconds: number): void
  clearSession(reply: FastifyReply): void
  begun(request: FastifyRequest): KeptBegun | null
  setBegun(reply: FastifyReply, begun: KeptBegun): void
  clearBegun(reply: FastifyReply): void
}

/** Over HTTPS they are bound to the host, and never sent without. */
export function createCookies(publicUrl: string | undefined): Cookies {
  const secure = publicUrl?.startsWith('https:') ?? false
  const prefix = secure ? '__Host-' : ''
  const [session, begun] = [`${prefix}kagami_session`, `${prefix}kagami_sign_in`]
  const read = (request: FastifyRequest, name: string) => parseCookie(request.headers.cookie ?? '')[name] ?? null
  const write = (reply: FastifyReply, name: string, value: string, maxAge: number) =>
    void reply.header(
      'set-cookie',
      stringifySetCookie({ name, value, maxAge, path: '/', httpOnly: true, sameSite: 'lax', secure }),
    )
  return {
    session: (request) => read(request, session),
    setSession: (reply, secret, seconds) => write(reply, session, secret, seconds),
    clearSession: (reply) => write(reply, session, '', 0),
    begun: (request) => begunFrom(read(request, begun)),
    setBegun: (reply, kept) => write(reply, begun, Buffer.from(JSON.stringify(kept)).toString('base64url'), BEGUN_SECS),
    clearBegun: (reply) => write(reply, begun, '', 0),
  }
}

/** What was kept; null when there is nothing, or something that was not written here. */
function begunFrom(text: string | null): KeptBegun | null {
  if (!text) return null
  try {
    const kept = JSON.parse(Buffer.from(text, 'base64url').toString()) as Record<keyof KeptBegun, unknown>
    const whole = [kept.state, kept.nonce, kept.verifier, kept.to].every((part) => typeof part === 'string')
    return whole ? (kept as unknown as KeptBegun) : null
  } catch {
    return null
  }
}
