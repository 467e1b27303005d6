// credentials.ts — Seals the credentials of a replica for the worker that needs them. They are stored and sent only in
// this form.
import { sealedFor, type ReplicaSpec } from '@kagami/protocol'
import { seal } from './sealing.ts'

/** The spec with its credentials sealed with the worker's public key; unchanged when it has none. */
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
