// list-extras.ts — What a list of replicas has beside each when it is asked for: read for the whole page at once.
import type { ListedReplica, Replica, RouteInput } from '@kagami/protocol'
import { typicalOf } from '../../core/history/buckets.ts'
import { stripOf, stripStart } from '../../core/history/days.ts'
import type { Services } from '../../services.ts'
import { wordsOf } from './pages.ts'

type Include = NonNullable<RouteInput<'listReplicas'>['query']>['include']

/** The replicas of a page with what `include` asks for. */
export async function addExtras(
  { store, clock }: Pick<Services, 'store' | 'clock'>,
  replicas: readonly Replica[],
  include: Include,
): Promise<ListedReplica[]> {
  const asked = wordsOf(include)
  if (!asked) return [...replicas]
  const ids = replicas.map(({ replica_id }) => replica_id)
  const fromMs = stripStart(clock.now().getTime())
  const [days, durations] = await Promise.all([
    asked.has('strip') ? store.readDays(ids, fromMs) : null,
    asked.has('usual') ? store.readLastDurations(ids) : null,
  ])
  return replicas.map((replica) => ({
    ...replica,
    ...(days ? { strip: stripOf(fromMs, days.get(replica.replica_id)) } : {}),
    ...(durations ? { usual: typicalOf(durations.get(replica.replica_id) ?? []) } : {}),
  }))
}
