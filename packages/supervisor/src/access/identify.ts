// identify.ts — Who sends a request: the holder of a token, somebody who has signed in, or whom a proxy has signed in.
import { ROOT_NAME } from '@kagami/protocol'
import { secretHash, type Clock } from '@kagami/runtime'
import type { SupervisorConfig } from '../config.ts'
import type { AccessStore, AccessTokenRecord } from '../store/store.ts'
import type { Grant, Identity } from './grant.ts'
import { readProxy } from './proxy.ts'
import type { Token } from './root-token.ts'
import type { Sessions } from './sessions.ts'

/** The use of a token is written at most this often, ms. */
const NOTE_USE_MS = 60_000

/** What of a request says who sends it. */
export interface Credentials {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** The secret of the session, from its cookie. */
  readonly session: string | null
  readonly remote: string
}

/** Finds out who sends a request. */
export type Identify = (credentials: Credentials) => Promise<Identity>

/** What finding out takes. */
export interface IdentifyParts {
  readonly config: SupervisorConfig
  readonly token: Token
  readonly sessions: Sessions
  readonly store: Pick<AccessStore, 'findAccessToken' | 'noteTokenUse'>
  readonly clock: Clock
}

/** Who sends nothing that says who it is. */
export const NOBODY: Identity = { grant: null, problem: null, isAmbient: false }

/** Where authentication is off, everybody may do everything. A token counts before a session, that before a proxy. */
export function createIdentify(parts: IdentifyParts): Identify {
  const { config } = parts
  const fromToken = createFromToken(parts)
  return async ({ headers, session, remote }) => {
    if (config.auth === 'none') return known({ name: 'anyone', role: 'admin', scope: {}, expires_at: null })
    const bearer = bearerOf(headers['authorization'])
    if (bearer !== null) return fromToken(bearer)
    if (session !== null) {
      const identity = await fromSession(session, parts)
      if (identity.grant) return identity
      return readProxy(headers, remote, config) ?? identity
    }
    return readProxy(headers, remote, config) ?? NOBODY
  }
}

const known = (grant: Grant): Identity => ({ grant, problem: null, isAmbient: false })
const unknown = (problem: string): Identity => ({ grant: null, problem, isAmbient: false })

function createFromToken({ token, store, clock }: IdentifyParts): (bearer: string) => Promise<Identity> {
  const noteUse = createUseNotes(store, clock)
  return async (bearer) => {
    if (token.matches(bearer)) return known({ name: ROOT_NAME, role: 'admin', scope: {}, expires_at: null })
    const found = await store.findAccessToken(secretHash(bearer))
    if (!found) return unknown('the token is wrong')
    if (isOver(found.expires_at, clock)) return unknown(`the token ${found.name} was valid until ${found.expires_at}`)
    noteUse(found)
    const { name, role, scope, expires_at } = found
    return known({ name, role, scope, expires_at })
  }
}

async function fromSession(secret: string, { sessions, clock }: IdentifyParts): Promise<Identity> {
  const found = await sessions.find(secret)
  if (!found || isOver(found.expires_at, clock)) return unknown('your session has ended: sign in again')
  const { name, role, scope, expires_at } = found
  return { ...known({ name, role, scope, expires_at }), isAmbient: true }
}

const isOver = (expiresAt: string | null, clock: Clock): boolean =>
  expiresAt !== null && Date.parse(expiresAt) <= clock.now().getTime()

/** Notes in the database when a token was used. It does not matter to a request whether that succeeds. */
function createUseNotes(store: IdentifyParts['store'], clock: Clock): (token: AccessTokenRecord) => void {
  const noted = new Map<string, number>()
  return ({ token_id }) => {
    const nowMs = clock.monotonicMs()
    if (nowMs - (noted.get(token_id) ?? -Infinity) < NOTE_USE_MS) return
    noted.set(token_id, nowMs)
    store.noteTokenUse(token_id, clock.now()).catch(() => noted.delete(token_id))
  }
}

/** The token of an Authorization header, or null. */
function bearerOf(header: string | string[] | undefined): string | null {
  const match = /^Bearer\s+(\S{1,512})$/i.exec(typeof header === 'string' ? header : '')
  return match?.[1] ?? null
}
