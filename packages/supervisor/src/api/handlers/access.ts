// access.ts — Who may do what, under /api/v1: the session, and access tokens.
import { shownNatsUrl } from '@kagami/runtime'
import { version } from '../../version.ts'
import type { Handlers } from './handler.ts'

export const accessHandlers: Pick<
  Handlers,
  'session' | 'signOut' | 'makeAccessToken' | 'listAccessTokens' | 'removeAccessToken'
> = {
  session(_, { supervisor, grant, access }) {
    const { config, clock, accounts } = supervisor.services
    return {
      auth: config.auth,
      authenticated: grant !== null,
      name: grant?.name ?? null,
      role: grant?.role ?? null,
      scope: grant?.scope ?? {},
      expires_at: grant?.expires_at ?? null,
      sign_in_url: access.oidc ? '/auth/sign-in' : null,
      version,
      auto_approve: config.auto_approve,
      nats_locked: accounts !== null,
      nats_url: grant ? shownNatsUrl(config.natsUrl) : null,
      server_time: clock.now().toISOString(),
    }
  },
  async signOut(_, { request, reply, access }) {
    const secret = access.cookies.session(request)
    const session = secret === null ? null : await access.sessions.end(secret)
    access.cookies.clearSession(reply)
    return { provider_url: (session && (await access.oidc?.endUrl(session.id_token))) ?? null }
  },
  makeAccessToken: ({ body }, { supervisor, caller }) => supervisor.accessTokens.create(body, caller),
  listAccessTokens: (_, { supervisor }) => supervisor.accessTokens.list(),
  async removeAccessToken({ params }, { supervisor, caller }) {
    await supervisor.accessTokens.remove(params.id, caller)
    return undefined
  },
}
