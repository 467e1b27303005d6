// oidc.ts — Signing in with an account at an OpenID Connect provider: authorization code with PKCE, state and nonce.
import type { Role } from '@kagami/protocol'
import { isLoopback, type Logger } from '@kagami/runtime'
import type { Configuration } from 'openid-client'
import type { SupervisorConfig } from '../config.ts'
import { personName, roleOfGroups, textsOf } from './roles.ts'

/** How long the provider has to answer, seconds. */
const ANSWER_SECS = 10

/** What a browser keeps while its user is at the provider. */
export interface Begun {
  readonly state: string
  readonly nonce: string
  readonly verifier: string
}

/** Somebody who has signed in at the provider. */
export interface Person {
  readonly name: string
  readonly role: Role
  readonly idToken: string | null
}

/** Why somebody is not signed in. `denied`: no role here, or they cancelled. `failed`: the provider or we failed. */
export class SignInProblem extends Error {
  readonly kind: 'denied' | 'failed'
  constructor(kind: SignInProblem['kind'], message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'SignInProblem'
    this.kind = kind
  }
}

/** A provider. */
export interface Oidc {
  /** Where the browser has to go, and what it has to keep. Throws SignInProblem. */
  begin(): Promise<{ url: string; begun: Begun }>
  /** Who came back, by the query of the callback. Throws SignInProblem. */
  finish(query: string, begun: Begun): Promise<Person>
  /** Where one signs out at the provider, too; null: it has no such page, or does not answer. */
  endUrl(idToken: string | null): Promise<string | null>
}

type Keys =
  | 'oidc_issuer'
  | 'oidc_client_id'
  | 'oidc_client_secret'
  | 'oidc_scopes'
  | 'oidc_name_claim'
  | 'oidc_groups_claim'
  | 'role_groups'
  | 'default_role'
  | 'public_url'

/** The provider of a configuration; null when none is set. It is asked for its addresses when somebody signs in. */
export function createOidc(config: Pick<SupervisorConfig, Keys>, logger: Logger): Oidc | null {
  const { oidc_issuer: issuer, oidc_client_id: clientId, public_url: publicUrl } = config
  if (!issuer || !clientId || !publicUrl) return null
  const discover = keepDiscovery(new URL(issuer), clientId, config.oidc_client_secret)
  const callback = `${publicUrl}/auth/callback`
  return {
    async begin() {
      const client = await import('openid-client')
      const provider = await discover()
      const begun = {
        state: client.randomState(),
        nonce: client.randomNonce(),
        verifier: client.randomPKCECodeVerifier(),
      }
      const url = client.buildAuthorizationUrl(provider, {
        redirect_uri: callback,
        scope: config.oidc_scopes,
        code_challenge: await client.calculatePKCECodeChallenge(begun.verifier),
        code_challenge_method: 'S256',
        state: begun.state,
        nonce: begun.nonce,
      })
      return { url: url.href, begun }
    },
    async finish(query, begun) {
      const provider = await discover()
      const { claims, idToken } = await exchange(provider, new URL(`${callback}?${query}`), begun)
      const person = personOf(claims, config)
      if (!person) throw new SignInProblem('failed', 'the provider names nobody: no claim of theirs is a name')
      const groups = textsOf(claims, config.oidc_groups_claim)
      const role = roleOfGroups(groups, config)
      logger.info({ name: person, role, groups: groups.length }, 'somebody has signed in at the provider')
      if (role === null) throw new SignInProblem('denied', `${person} is in no group that has a role here`)
      return { name: person, role, idToken }
    },
    async endUrl(idToken) {
      const client = await import('openid-client')
      const provider = await discover().catch(() => null)
      if (!provider?.serverMetadata().end_session_endpoint) return null
      const parameters = {
        post_logout_redirect_uri: `${publicUrl}/ui/`,
        ...(idToken ? { id_token_hint: idToken } : {}),
      }
      return client.buildEndSessionUrl(provider, parameters).href
    },
  }
}

/** What the provider says of itself is asked for once; again after it did not answer. */
function keepDiscovery(issuer: URL, clientId: string, secret: string | undefined): () => Promise<Configuration> {
  let found: Promise<Configuration> | null = null
  return () =>
    (found ??= discover(issuer, clientId, secret).catch((error: unknown) => {
      found = null
      throw new SignInProblem(
        'failed',
        `the provider ${issuer.href} does not answer: ${(error as Error).message}`,
        error,
      )
    }))
}

async function discover(issuer: URL, clientId: string, secret: string | undefined): Promise<Configuration> {
  const client = await import('openid-client')
  // A provider on this machine may speak HTTP; config.ts refuses any other.
  const execute = isLoopback(issuer.hostname) && issuer.protocol === 'http:' ? [client.allowInsecureRequests] : []
  const authentication = secret === undefined ? client.None() : undefined
  return client.discovery(issuer, clientId, secret, authentication, { execute, timeout: ANSWER_SECS })
}

/** Exchanges the code for what the provider says of its user, in the ID token and where one asks for more. */
async function exchange(provider: Configuration, url: URL, { state, nonce, verifier }: Begun) {
  const client = await import('openid-client')
  try {
    const tokens = await client.authorizationCodeGrant(provider, url, {
      expectedState: state,
      expectedNonce: nonce,
      pkceCodeVerifier: verifier,
      idTokenExpected: true,
    })
    const { ...claims } = tokens.claims()!
    const more = provider.serverMetadata().userinfo_endpoint
      ? await client.fetchUserInfo(provider, tokens.access_token, claims.sub)
      : {}
    return { claims: { ...more, ...claims } as Readonly<Record<string, unknown>>, idToken: tokens.id_token ?? null }
  } catch (error) {
    if (error instanceof client.AuthorizationResponseError)
      throw new SignInProblem('denied', `the provider says ${error.error}`, error)
    throw new SignInProblem('failed', `the provider's answer is not accepted: ${(error as Error).message}`, error)
  }
}

function personOf(claims: Readonly<Record<string, unknown>>, { oidc_name_claim }: Pick<SupervisorConfig, Keys>) {
  const names = [oidc_name_claim, 'email', 'sub'].map((claim) => personName(textsOf(claims, claim)[0]))
  return names.find((name) => name !== null) ?? null
}
