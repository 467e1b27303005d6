// credentials.ts — Opens what the supervisor sealed for this worker, just before a sync and for it alone.
import { Auth, checkFor, sealedFor, type ReplicaSpec } from '@kagami/protocol'
import type { SealingKey } from '@kagami/runtime'
import { SyncFailure } from '../provider.ts'

/** A spec with its credentials, if it has any, in the clear. Never written anywhere. */
export type OpenSpec = Omit<ReplicaSpec, 'auth'> & { readonly auth?: Auth | null }

/**
 * The credentials of a replica; null when it has none. Throws SyncFailure auth_rejected when they were sealed for
 * another key or another upstream.
 */
export async function openAuth(
  spec: ReplicaSpec,
  { workerId, key }: { workerId: string; key: SealingKey },
): Promise<Auth | null> {
  const { auth } = spec
  if (!auth || auth.type !== 'sealed') return auth ?? null
  try {
    const opened: unknown = JSON.parse(await key.open(auth.box, sealedFor({ ...spec, worker_id: workerId })))
    if (checkFor(Auth).ok(opened)) return opened
  } catch {
    // The reason why a box does not open is not shown; the failure below says what to do.
  }
  throw new SyncFailure(
    'auth_rejected',
    'the credentials were sealed for another key of this worker, or for another upstream: remove the replica ' +
      'and add it again with them',
  )
}
