// sessions.ts — The sessions of people who have signed in: the browser keeps a secret in a cookie, the database its
// hash.
import { newSecret, secretHash, type Clock } from '@kagami/runtime'
import type { SupervisorConfig } from '../config.ts'
import type { AccessStore, SessionRecord } from '../store/store.ts'
import type { Person } from './oidc.ts'

/** A session that was just begun. */
export interface NewSession {
  /** What the browser keeps. */
  readonly secret: string
  readonly seconds: number
}

/** The sessions of one supervisor. */
export interface Sessions {
  begin(person: Person): Promise<NewSession>
  /** The session of a secret: also one that has ended, so that people can be told. */
  find(secret: string): Promise<SessionRecord | null>
  /** Ends a session; returns what the provider wants to see then, when there was one. */
  end(secret: string): Promise<SessionRecord | null>
}

/** Sessions as long as the configuration says. */
export function createSessions(
  { session_hours }: Pick<SupervisorConfig, 'session_hours'>,
  { store, clock }: { store: AccessStore; clock: Clock },
): Sessions {
  const seconds = session_hours * 3600
  const find = (secret: string) => store.findSession(secretHash(secret))
  return {
    async begin({ name, role, idToken }) {
      const secret = newSecret()
      const now = clock.now().getTime()
      await store.addSession({
        hash: secretHash(secret),
        name,
        role,
        scope: {},
        id_token: idToken,
        made_at: new Date(now).toISOString(),
        expires_at: new Date(now + seconds * 1000).toISOString(),
      })
      return { secret, seconds }
    },
    find,
    async end(secret) {
      const session = await find(secret)
      if (session) await store.removeSession(session.hash)
      return session
    },
  }
}
