// credentials.ts — A replica's credentials, sealed for the one worker that needs them. Nothing else may write them
// anywhere.
import { sealedFor, type ReplicaSpec } from '@kagami/protocol'
import { seal } from './sealing.ts'

/** The spec with its credentials sealed for the owner of a public key; one without credentials as it is. */
export async function sealAuth(spec: ReplicaSpec, workerId: string, publicKey: string): Promise<ReplicaSpec> {
  if (!spec.auth || spec.auth.type === 'sealed') return spec
  return {
    ...spec,
    auth: {
      type: 'sealed',
      box: await seal(publicKey, sealedFor({ ...spec, worker_id: workerId }), JSON.stringify(spec.auth)),
    },
  }
}
