// resources.ts — Mirrors, that is all replicas of one name: list, sync, pause.
import Type from 'typebox'
import { Health, ResourceStatus } from '../model.ts'
import { pageOf, Resource, ResourceDetail, SyncAccepted } from '../views.ts'
import { replicaFilters } from '../views/bulk.ts'
import { FilterWords, get, Id, paging, post, ReasonBody, Text, Word } from './route.ts'

const tag = 'resources'

const SORTS = ['worst', 'name', 'replicas_total', 'newest_success_at', 'size_bytes', 'next_due_at']

/** Routes about mirrors. */
export const resourceRoutes = {
  listResources: get('/api/v1/resources', 'Mirrors: all replicas of one name', {
    tag,
    query: Type.Object({
      ...paging,
      q: Text('Part of the name'),
      status: FilterWords(ResourceStatus.enum),
      health: FilterWords(Health.enum, 'Worst health, comma-separated'),
      kind: replicaFilters.kind,
      label: replicaFilters.label,
      sort: Word(
        SORTS.flatMap((sort) => [sort, `-${sort}`]),
        `${SORTS.join(', ').replace('worst', 'worst (default)')}; "-" in front reverses it`,
      ),
    }),
    response: pageOf(Resource),
  }),
  getResource: get('/api/v1/resources/{id}', 'One mirror and its replicas', {
    tag,
    params: Id,
    response: ResourceDetail,
    refuses: ['not_found'],
  }),
  syncResource: post('/api/v1/resources/{id}/sync', 'Sync every replica of a mirror', {
    tag,
    params: Id,
    status: 202,
    response: SyncAccepted,
    refuses: ['not_found'],
  }),
  pauseResource: post('/api/v1/resources/{id}/pause', 'Pause every replica of a mirror', {
    tag,
    params: Id,
    body: ReasonBody,
    status: 202,
    refuses: ['not_found', 'conflict'],
  }),
  resumeResource: post('/api/v1/resources/{id}/resume', 'Resume every replica of a mirror', {
    tag,
    params: Id,
    status: 202,
    refuses: ['not_found', 'conflict'],
  }),
}
