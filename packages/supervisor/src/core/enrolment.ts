// enrolment.ts — Whether a key may speak for a worker id on a locked NATS: bound once, to one key, until that is
// revoked. Pure.
import type { JoinTokenRecord, WorkerKey } from '../store/store.ts'

/** `claim`: bind them now, with one use of the token. `bound`: they belong together already. */
export type Enrolment =
  | { readonly verdict: 'claim'; readonly tokenId: string }
  | { readonly verdict: 'bound' }
  | { readonly verdict: 'refused'; readonly reason: string }

/** Decides from what is known of the id, the key and the token. */
export function decideEnrolment(
  asked: { workerId: string; publicKey: string },
  known: { keys: readonly WorkerKey[]; token: JoinTokenRecord | null },
  now: Date,
): Enrolment {
  const mine = known.keys.find((key) => key.public_key === asked.publicKey)
  if (mine?.revoked_at)
    return refused(
      'the key of this worker was revoked. To let it come back, remove .kagami/nats.json from its data_dir ' +
        'and start it with a new join token',
    )
  if (mine && mine.worker_id !== asked.workerId) return refused(`this key belongs to worker ${mine.worker_id}`)
  // A use of the token was counted when the key was bound; asking again costs nothing.
  if (mine) return { verdict: 'bound' }
  const other = known.keys.find((key) => key.worker_id === asked.workerId && !key.revoked_at)
  const problem = other
    ? `worker id ${asked.workerId} belongs to another key. If its data_dir was lost, revoke the old key first: ` +
      `kagami workers revoke ${asked.workerId}`
    : tokenProblem(asked, known.token, now)
  return problem === null ? { verdict: 'claim', tokenId: known.token!.id } : refused(problem)
}

const refused = (reason: string): Enrolment => ({ verdict: 'refused', reason })

function tokenProblem({ workerId }: { workerId: string }, token: JoinTokenRecord | null, now: Date): string | null {
  if (!token) return 'this join token is not known: it was withdrawn, or made for another supervisor'
  if (Date.parse(token.expires_at) <= now.getTime()) return `this join token expired at ${token.expires_at}`
  if (token.used >= token.uses)
    return `this join token was used up: it was good for ${token.uses} worker${token.uses === 1 ? '' : 's'}`
  if (token.worker_id && token.worker_id !== workerId) return `this join token is for worker ${token.worker_id} alone`
  return null
}
