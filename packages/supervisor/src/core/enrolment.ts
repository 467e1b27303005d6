// enrolment.ts — Decides whether a key may be bound to a worker id on a locked NATS. An id has one key, until that key
// is revoked. Pure.
import type { JoinTokenRecord, WorkerKey } from '../store/store.ts'

/** `claim`: bind them now, which uses the token once. `bound`: they are bound already. */
export type Enrolment =
  | { readonly verdict: 'claim'; readonly tokenId: string }
  | { readonly verdict: 'bound' }
  | { readonly verdict: 'refused'; readonly reason: string }

/** `known`: the keys of the id, the holder of the key, and the token, as the database has them. */
export function decideEnrolment(
  request: { workerId: string; publicKey: string },
  known: { keys: readonly WorkerKey[]; token: JoinTokenRecord | null },
  now: Date,
): Enrolment {
  const mine = known.keys.find((key) => key.public_key === request.publicKey)
  if (mine?.revoked_at)
    return refused(
      'the key of this worker was revoked. To let the worker in again, remove .kagami/nats.json from its ' +
        'data_dir and start it with a new join token',
    )
  if (mine && mine.worker_id !== request.workerId) return refused(`this key belongs to worker ${mine.worker_id}`)
  // The token was used when the key was bound; a repeated request does not use it again.
  if (mine) return { verdict: 'bound' }
  const other = known.keys.find((key) => key.worker_id === request.workerId && !key.revoked_at)
  const problem = other
    ? `worker id ${request.workerId} belongs to another key. If its data_dir was lost, revoke the old key first: ` +
      `kagami workers revoke ${request.workerId}`
    : tokenProblem(request, known.token, now)
  return problem === null ? { verdict: 'claim', tokenId: known.token!.id } : refused(problem)
}

const refused = (reason: string): Enrolment => ({ verdict: 'refused', reason })

function tokenProblem({ workerId }: { workerId: string }, token: JoinTokenRecord | null, now: Date): string | null {
  if (!token) return 'this join token is not known: it was withdrawn, or belongs to another supervisor'
  if (Date.parse(token.expires_at) <= now.getTime()) return `this join token expired at ${token.expires_at}`
  if (token.used >= token.uses)
    return `this join token is used up: it was valid for ${token.uses} worker${token.uses === 1 ? '' : 's'}`
  if (token.worker_id && token.worker_id !== workerId) return `this join token is only for worker ${token.worker_id}`
  return null
}
