// replica-pages.test.ts — Pages of the list of replicas are those of the sorted and filtered list, in every order and
// by every filter, while replicas change between them.
import { healthOrder, type Page, type Replica } from '@kagami/protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { noChanges } from '../../core/changes.ts'
import type { Fleet } from '../../core/entries.ts'
import { createFleet, dropWorker, putReplica, putWorker } from '../../core/fleet.ts'
import { replicaOf } from '../../core/views.ts'
import { anyState } from '../../testing/any-state.ts'
import { recordOf } from '../../testing/services.ts'
import { replicaHandlers } from '../replicas.ts'

const NOW = Date.parse('2026-01-01T01:00:00Z')
const SORTS = ['worst', 'name', 'worker', 'last_success_at', 'size_bytes', 'next_due_at']

interface Query {
  sort: string
  health?: string
  kind?: string
  cause?: string
  label?: string
  q?: string
  name?: string
  worker?: string
}

const query = fc.record(
  {
    sort: fc.constantFrom(...SORTS, ...SORTS.map((sort) => `-${sort}`), ''),
    health: fc.subarray([...healthOrder], { minLength: 1 }).map((words) => words.join(',')),
    kind: fc.constantFrom('git', 'git,rsync', 'none'),
    cause: fc.constantFrom('timed_out', 'disk_full,unknown,stalled'),
    label: fc.constantFrom('team', 'team=x', 'tier=雪'),
    q: fc.constantFrom('W1', 'deb', 'EXAMPLE.org', '雪', '%'),
    name: fc.constantFrom('debian', '雪', 'none'),
    worker: fc.constantFrom('w0', 'w1'),
  },
  { requiredKeys: ['sort'] },
)

const list = (fleet: Fleet, asked: Query & { cursor?: string; limit: number }) =>
  replicaHandlers.listReplicas({ query: asked } as never, { supervisor: { services: { fleet } } } as never) as Promise<
    Page<Replica>
  >

/** The list as it has to be, by plain sorting and filtering. */
function listed(fleet: Fleet, asked: Query): string[] {
  const has = (words: string | undefined, word: string) => !words || words.split(',').includes(word)
  const [key, value] = asked.label?.split('=') ?? []
  const mentions = (...texts: string[]) =>
    !asked.q || texts.some((text) => text.toLowerCase().includes(asked.q!.toLowerCase()))
  const all = [...fleet.replicas.values()]
    .map((entry) => replicaOf(entry))
    .filter(
      (one) =>
        has(asked.health, one.health) &&
        has(asked.kind, one.kind) &&
        has(asked.cause, one.last_sync?.reason ?? '') &&
        (!key || (value === undefined ? key in one.labels : one.labels[key] === value)) &&
        mentions(one.name, one.upstream, one.worker_name) &&
        has(asked.name, one.name) &&
        has(asked.worker, one.worker_id),
    )
  const descending = asked.sort.startsWith('-')
  const ms = (at: string | null, none: number) => (at === null ? none : Date.parse(at))
  const first: Record<string, (one: Replica) => (string | number)[]> = {
    worst: (one) => [healthOrder.indexOf(one.health), ms(one.last_success_at, -Infinity)],
    name: () => [],
    worker: (one) => [one.worker_name],
    last_success_at: (one) => [ms(one.last_success_at, -Infinity)],
    size_bytes: (one) => [one.size_bytes ?? -1],
    next_due_at: (one) => [ms(one.next_due_at, Infinity)],
  }
  const keysOf = (one: Replica) => [
    ...first[asked.sort.replace('-', '') || 'worst']!(one),
    one.name,
    one.worker_name,
    one.replica_id,
  ]
  const compare = (a: Replica, b: Replica) => {
    const [one, other] = [keysOf(a), keysOf(b)]
    const at = one.findIndex((key, index) => key !== other[index])
    return at < 0 ? 0 : one[at]! < other[at]! ? -1 : 1
  }
  return all.sort((a, b) => (descending ? compare(b, a) : compare(a, b))).map((one) => one.replica_id)
}

const WORKERS = ['w0', 'w1', 'w2']
const states = fc.tuple(
  ...Array.from({ length: 24 }, (_, index) => fc.tuple(fc.constantFrom(...WORKERS), anyState(`r${index}`))),
)

describe('pages of replicas', () => {
  it('are, one after the other, the sorted and filtered list, also after changes', () =>
    fc.assert(
      fc.asyncProperty(
        states,
        states,
        fc.array(query, { minLength: 1, maxLength: 4 }),
        fc.constantFrom(0, 4, 100),
        async (...[first, second, queries, few]) => {
          const fleet = createFleet({ recentMax: 0, few })
          for (const id of WORKERS) putWorker(fleet, recordOf(id), NOW)
          const put = (all: typeof first) => {
            for (const [id, state] of all)
              putReplica({ fleet, worker: fleet.workers.get(id)!, changes: noChanges(), now: NOW }, state)
          }
          const check = async (asked: Query) => {
            const expected = listed(fleet, asked)
            const seen: string[] = []
            for (let cursor: string | null = ''; cursor !== null;) {
              const page: Page<Replica> = await list(fleet, { ...asked, cursor, limit: 5 })
              expect(page.total).toBe(expected.length)
              seen.push(...page.items.map(({ replica_id }) => replica_id))
              cursor = page.next_cursor
            }
            expect(seen).toEqual(expected)
          }
          put(first)
          for (const asked of queries) await check(asked)
          put(second)
          putWorker(fleet, { ...recordOf('w1'), name: 'a new name' }, NOW)
          dropWorker(fleet, fleet.workers.get('w2')!)
          for (const asked of queries) await check(asked)
        },
      ),
      { numRuns: 100 },
    ))

  it.each(['nonsense', Buffer.from('["a"]').toString('base64url'), Buffer.from('[1,2,3,4,5]').toString('base64url')])(
    'refuse the cursor %s, which is of no page of theirs',
    async (cursor) => {
      await expect(list(createFleet(), { sort: 'worst', cursor, limit: 1 })).rejects.toMatchObject({
        code: 'invalid_request',
        field: 'cursor',
      })
    },
  )
})
