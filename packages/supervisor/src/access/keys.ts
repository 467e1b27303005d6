// keys.ts — The settings of who may sign in, and as what: part of the supervisor's configuration.
import { Role } from '@kagami/protocol'
import { ConfigError, isLoopback } from '@kagami/runtime'
import Type, { type Static } from 'typebox'

/** Keys of the configuration, like those of config.ts. */
export const accessKeys = {
  public_url: Type.Optional(
    Type.String({
      pattern: '^https?://[A-Za-z0-9.:\\[\\]_-]+$',
      description:
        'Where people reach this supervisor, such as https://kagami.example.org, without a path. Needed to sign in ' +
        'by OpenID Connect, which sends them back there: allow PUBLIC_URL/auth/callback at your provider.',
    }),
  ),
  oidc_issuer: Type.Optional(
    Type.String({
      pattern: '^https?://',
      description:
        'The issuer of your OpenID Connect provider. Given, people sign in with their accounts there. Needs ' +
        'oidc_client_id and public_url.',
    }),
  ),
  oidc_client_id: Type.Optional(
    Type.String({ minLength: 1, description: 'The id of this supervisor at the provider.' }),
  ),
  oidc_client_secret: Type.Optional(
    Type.String({ minLength: 1, description: 'Its secret there. Absent: it is a public client, with PKCE alone.' }),
  ),
  oidc_scopes: Type.String({
    default: 'openid profile email',
    pattern: '^openid( [\\x21-\\x7e]+)*$',
    description: 'What is asked of the provider; some give groups only for a scope of that name.',
  }),
  oidc_name_claim: Type.String({
    default: 'preferred_username',
    minLength: 1,
    description: 'The claim that the audit names people by; where it is missing: email, else sub.',
  }),
  oidc_groups_claim: Type.String({
    default: 'groups',
    minLength: 1,
    description: 'The claim with the groups of people, as an array or one text; dots go into objects.',
  }),
  role_groups: Type.Record(Type.String(), Role, {
    default: {},
    description:
      'Which role a group gives, as a JSON object: {"mirror-admins": "admin", "mirror-team": "operator"}. Who is in ' +
      'several has the highest.',
  }),
  default_role: Type.Enum(['none', 'viewer', 'operator', 'admin'], {
    default: 'viewer',
    description: 'The role of who signs in and is in none of these groups. none: they are refused.',
  }),
  session_hours: Type.Integer({
    default: 12,
    minimum: 1,
    maximum: 720,
    description: 'After how many hours people sign in again. A role that is taken from them there ends with it.',
  }),
  proxy_addresses: Type.Array(Type.String({ pattern: '^[0-9a-fA-F.:]+$' }), {
    default: [],
    description:
      'Addresses of proxies that sign people in, as a JSON array; only what comes from them is believed when it says ' +
      'in headers who somebody is. They must remove these headers from what they are sent.',
  }),
  proxy_user_header: Type.String({
    default: 'x-forwarded-user',
    pattern: '^[A-Za-z0-9-]+$',
    description: 'The header in which such a proxy names who signed in.',
  }),
  proxy_groups_header: Type.String({
    default: 'x-forwarded-groups',
    pattern: '^[A-Za-z0-9-]+$',
    description: 'The header in which it names their groups, comma-separated.',
  }),
}

const AccessKeys = Type.Object(accessKeys)

/** Throws a ConfigError when signing in is set up only half, or would send secrets over HTTP to another machine. */
export function checkAccess(config: Static<typeof AccessKeys>, sourceOf: (key: string) => string): void {
  const { oidc_issuer: issuer } = config
  if (issuer === undefined) return
  for (const key of ['oidc_client_id', 'public_url'] as const)
    if (config[key] === undefined)
      throw new ConfigError(
        `${sourceOf(key)} is not set: signing in at ${issuer} needs it`,
        'How to let people sign in: docs/operations.md, "Sign in with accounts".',
      )
  const url = URL.parse(issuer)
  if (!url || (url.protocol === 'http:' && !isLoopback(url.hostname)))
    throw new ConfigError(
      `${sourceOf('oidc_issuer')}: ${url ? 'must be https://, or on this machine' : 'is no URL'}`,
      'Over http:// anyone on the way could sign in as anybody.',
    )
}
