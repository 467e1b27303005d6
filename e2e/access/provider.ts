// provider.ts — A real OpenID Connect provider on this machine, whose users need no password.
import { once } from 'node:events'
import { createServer } from 'node:http'
import Provider from 'oidc-provider'
import type { Place } from '../harness/place.ts'
import { freePort } from '../harness/programs.ts'

/** A provider. */
export interface OidcProvider {
  readonly issuer: string
  /** Makes it answer with errors, or well again. */
  break(isBroken: boolean): void
}

/** What it is given for a supervisor at this URL. */
export const OIDC_CLIENT = { id: 'kagami', secret: 'secret-of-the-client' }

/** Starts one. `groupsOf` says which groups an account has; any account may sign in. */
export async function startOidcProvider(
  place: Place,
  publicUrl: string,
  groupsOf: (account: string) => readonly string[],
): Promise<OidcProvider> {
  const issuer = `http://127.0.0.1:${await freePort()}`
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: OIDC_CLIENT.id,
        client_secret: OIDC_CLIENT.secret,
        redirect_uris: [`${publicUrl}/auth/callback`],
        post_logout_redirect_uris: [`${publicUrl}/ui/`],
      },
    ],
    claims: { openid: ['sub'], profile: ['preferred_username', 'groups'], email: ['email'] },
    cookies: { keys: ['key-of-this-test'] },
    pkce: { required: () => true },
    async findAccount(_, id) {
      return {
        accountId: id,
        claims: async () => ({ sub: id, preferred_username: id, email: `${id}@example.org`, groups: groupsOf(id) }),
      }
    },
  })
  let isBroken = false
  const answer = provider.callback()
  const server = createServer((request, response) => {
    if (isBroken) response.writeHead(500).end('broken')
    else void answer(request, response)
  })
  server.listen(Number(new URL(issuer).port), '127.0.0.1')
  await once(server, 'listening')
  place.onEnd(() => server.close().closeAllConnections())
  return { issuer, break: (now) => void (isBroken = now) }
}
