// access.ts — Who may do what: roles and scopes, access tokens, and the session of whoever asks.
import Type, { type Static } from 'typebox'
import { Instant, Labels, Nullable } from '../model.ts'

/** What one may do; each may do what those before it may, too. */
export const roles = ['viewer', 'operator', 'admin'] as const
export const Role = Type.Enum(roles, {
  description:
    'viewer: reads. operator: also writes to replicas, mirrors and workers. admin: also terminates and revokes ' +
    'workers, and gives out tokens',
})
export type Role = Static<typeof Role>

/** What the audit calls the token of the supervisor itself. */
export const ROOT_NAME = 'token'
/** What the audit calls others who are nobody's token and no person, in small letters: nobody else is called so. */
export const reservedNames: readonly string[] = [ROOT_NAME, 'anyone', 'stranger', 'worker', 'kagami', 'supervisor']

/** Whether who has a role may do what needs another one. */
export const includesRole = (has: Role, needed: Role): boolean => roles.indexOf(has) >= roles.indexOf(needed)

/** The labels that a replica must have to be written to, all of them; empty: everything may be written to. */
export type Scope = Labels

/** Whether a replica with these labels is in a scope. */
export const isInScope = (labels: Labels, scope: Scope): boolean =>
  Object.entries(scope).every(([key, value]) => Object.hasOwn(labels, key) && labels[key] === value)

/** A scope as people read it: `team=kernel, env=prod`. */
export const describeScope = (scope: Scope): string =>
  Object.entries(scope)
    .map(([key, value]) => `${key}=${value}`)
    .join(', ')

/** How long an access token can be valid, at most, seconds: ten years. */
const VALID_MAX_SECONDS = 315_360_000

/** What somebody wants of a new access token. */
export const AccessTokenRequest = Type.Object({
  name: Type.String({
    pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$',
    description: 'Under which the audit has what it does: letters, digits, ".", "_", "-"',
  }),
  role: Role,
  scope: Type.Optional({ ...Labels, description: 'Labels of the replicas that it may write to; absent or {}: all' }),
  expires_secs: Type.Optional(
    Nullable(
      Type.Integer({
        minimum: 60,
        maximum: VALID_MAX_SECONDS,
        description: 'For how long it is valid, seconds; absent or null: until it is removed',
      }),
    ),
  ),
})

/** An access token without its secret. */
export const AccessToken = Type.Object({
  token_id: Type.String(),
  name: Type.String(),
  role: Role,
  scope: Labels,
  made_at: Instant,
  made_by: Type.String(),
  expires_at: Nullable(Instant),
  last_used_at: Nullable(Type.String({ format: 'date-time', description: 'To within a minute; null: never' })),
})
export type AccessToken = Static<typeof AccessToken>

/** An access token that was just created. */
export const NewAccessToken = Type.Object({
  ...AccessToken.properties,
  token: Type.String({ description: 'Shown this once; only its hash is kept' }),
})
export type NewAccessToken = Static<typeof NewAccessToken>

/** What is left to do for who has signed out here. */
export const SignedOut = Type.Object({
  provider_url: Nullable(Type.String({ description: 'Where one signs out at the provider, too' })),
})
export type SignedOut = Static<typeof SignedOut>

/** What the supervisor knows of whoever asks, and of itself. */
export const Session = Type.Object({
  auth: Type.Enum(['token', 'none']),
  authenticated: Type.Boolean(),
  name: Type.Optional(Nullable(Type.String({ description: 'As the audit has it; null for who is not signed in' }))),
  role: Type.Optional(Nullable(Role)),
  scope: Type.Optional(Labels),
  expires_at: Type.Optional(Nullable(Instant)),
  sign_in_url: Type.Optional(
    Nullable(Type.String({ description: 'Page at which people sign in with their own account; null: there is none' })),
  ),
  version: Type.String(),
  auto_approve: Type.Boolean(),
  nats_locked: Type.Boolean({ description: 'New workers need a join token' }),
  nats_url: Type.Optional(
    Nullable(
      Type.String({
        description: 'Where the supervisor reaches NATS, without credentials; null for who may not write',
      }),
    ),
  ),
  server_time: Instant,
})
export type Session = Static<typeof Session>
