// writes.ts — What each route that writes would write to, so that it can be refused to who may write only to some
// replicas. A route that writes and has no entry here does not compile.
import type { RouteInput, Routes } from '@kagami/protocol'
import type { Grant, Target } from '../access/grant.ts'
import { targetAfter, targetOfReplica } from '../access/targets.ts'
import type { Supervisor } from '../supervisor.ts'
import { findBulk } from './handlers/bulk.ts'
import { findReplica, findSyncTarget } from './handlers/find.ts'
import { replicasOf } from './handlers/resources.ts'
import { findSync } from './handlers/syncs.ts'

/** The routes that write. */
export type WriteName = { [N in keyof Routes]: Routes[N]['write'] extends true ? N : never }[keyof Routes]

/** Who asks, and of which supervisor. */
interface Asked {
  readonly supervisor: Supervisor
  readonly grant: Grant
}

type TargetsOf<N extends WriteName> = (
  input: Required<Pick<RouteInput<N>, 'params' | 'body'>>,
  asked: Asked,
) => readonly Target[] | Promise<readonly Target[]>

const fleet = (): readonly Target[] => ['fleet']
const replica = ({ params }: { params: { id: string } }, { supervisor }: Asked): readonly Target[] => [
  targetOfReplica(findReplica(supervisor.services.fleet, params.id)),
]
const mirror = ({ params }: { params: { id: string } }, { supervisor }: Asked): readonly Target[] =>
  replicasOf(supervisor.services.fleet, params.id).map(targetOfReplica)

/** What a request writes to, by its route. Throws a Refusal for what is not there. */
export const targetsOf: { readonly [N in WriteName]: TargetsOf<N> } = {
  approve: fleet,
  reject: fleet,
  terminate: fleet,
  syncWorker: fleet,
  revokeWorker: fleet,
  makeJoinToken: fleet,
  removeJoinToken: fleet,
  // One's own session.
  signOut: () => [],
  makeAccessToken: fleet,
  removeAccessToken: fleet,
  // It copies nothing, and who adds a replica wants it.
  tryUpstream: () => [],
  // It changes nothing, and says no more than who adds a replica learns.
  planImport: () => [],
  addReplica: ({ body }) => [{ name: body.name, labels: body.labels ?? {} }],
  removeReplica: ({ params, body }, { supervisor }) => targetOfAny(supervisor, body.replica_id, params.id),
  editReplica(input, asked) {
    const entry = findReplica(asked.supervisor.services.fleet, input.params.id)
    return [targetOfReplica(entry), targetAfter(entry, input.body)]
  },
  syncReplica({ params }, { supervisor }) {
    const { worker_id, replica_id } = findSyncTarget(supervisor.services.fleet, params.id)
    return targetOfAny(supervisor, replica_id, worker_id)
  },
  dropReplica: replica,
  pauseReplica: replica,
  resumeReplica: replica,
  approveHold: replica,
  rejectHold: replica,
  rollbackReplica: replica,
  verifyReplica: replica,
  restoreReplica: replica,
  renameReplica: replica,
  syncResource: mirror,
  pauseResource: mirror,
  resumeResource: mirror,
  // Its handler looks at those that it has chosen.
  startBulk: () => [],
  retryBulk: fleet,
  async cancelBulk({ params }, { supervisor, grant }) {
    return (await findBulk(supervisor, params.id)).actor === grant.name ? [] : ['fleet']
  },
  async cancelSync({ params }, { supervisor }) {
    const { entry } = await findSync(supervisor, params.id)
    return entry ? [targetOfReplica(entry)] : []
  },
  holdAction: ({ body }, { supervisor }) =>
    body.action === 'remove_replica'
      ? [targetOfReplica(findReplica(supervisor.services.fleet, body.target))]
      : ['fleet'],
  cancelAction({ params }, { supervisor, grant }) {
    const held = supervisor.actions.list().filter(({ action_id }) => action_id.startsWith(params.id))
    return held.every(({ requested_by }) => requested_by === grant.name) ? [] : ['fleet']
  },
}

/** A replica of a worker, also one that it does not report yet; what is not there is refused by its handler. */
function targetOfAny({ services }: Supervisor, replicaId: string, workerId: string): readonly Target[] {
  const worker = services.fleet.workers.get(workerId)
  const entry = worker?.replicas.get(replicaId)
  if (entry) return [targetOfReplica(entry)]
  // An older worker is sent what nobody here knows.
  if (worker?.record.older_wire) return ['fleet']
  const spec = worker?.record.replicas.find((one) => one.replica_id === replicaId)
  return worker && spec ? [{ name: `${spec.name}@${worker.record.name}`, labels: spec.labels }] : []
}
