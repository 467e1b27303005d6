// replica-pages.test.ts — Pages of the list of replicas are those of the sorted and filtered list, in every order and
// by every filter, while replicas change between them.
import { healthOrder, type Page, type Replica, type ReplicaState } from '@kagami/protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { noChanges } from '../../core/changes.ts'
import type { Fleet } from '../../core/entries.ts'
import { createFleet, dropWorker, putReplica, putWorker, setPresence } from '../../core/fleet.ts'
import { replicaOf } from '../../core/views.ts'
import { anyState } from '../../testing/any-state.ts'
import { recordOf } from '../../testing/services.ts'
import { makeReplica } from '../../testing/states.ts'
import { replicaHandlers } from '../handlers/replicas.ts'

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
  upstream?: string
  last_ok?: string
}

const sort = fc.constantFrom(...SORTS, ...SORTS.map((one) => `-${one}`), '')
const filters = {
  health: fc
    .tuple(fc.subarray([...healthOrder], { minLength: 1 }), fc.boolean())
    .map(([words, out]) => words.map((word) => (out ? `!${word}` : word)).join(',')),
  kind: fc.constantFrom('git', 'git,rsync', 'none', '!git', '!git,!rsync'),
  cause: fc.constantFrom('timed_out', 'disk_full,unknown,stalled', '!timed_out'),
  label: fc.constantFrom('team', 'team=x', 'tier=雪', 'team=x,team=y', 'team,tier', '!team', 'tier,!team=x'),
  q: fc.constantFrom('W1', 'deb', 'EXAMPLE.org', '雪', '%'),
  name: fc.constantFrom('debian', '雪', 'none', 'debian,雪', '!debian'),
  worker: fc.constantFrom('w0', 'w1', 'w0,w1', '!w0', '!w0,!w1', 'w0,!w0'),
  upstream: fc.constantFrom('example.org', '!example.org', 'none'),
  last_ok: fc.constantFrom('>1h', '<1h', '!>1h', 'never', '!never'),
}
// With all of them at once next to nothing is found.
const query: fc.Arbitrary<Query> = fc.oneof(
  fc.record({ sort, ...filters }, { requiredKeys: ['sort'] }),
  fc
    .subarray(Object.keys(filters) as (keyof typeof filters)[], { minLength: 1, maxLength: 2 })
    .chain((keys) => fc.record({ sort, ...Object.fromEntries(keys.map((key) => [key, filters[key]])) })),
)

const list = (fleet: Fleet, asked: Query & { cursor?: string; limit: number }) =>
  replicaHandlers.listReplicas(
    { query: asked } as never,
    { supervisor: { services: { fleet, clock: { now: () => new Date(NOW) } } } } as never,
  ) as Promise<Page<Replica>>

/** The list as it has to be, by plain sorting and filtering. */
function listed(fleet: Fleet, asked: Query): string[] {
  const has = (words: string | undefined, is: (word: string) => boolean) => {
    const all = words?.split(',') ?? []
    const wanted = all.filter((word) => !word.startsWith('!'))
    const left = all.filter((word) => word.startsWith('!')).map((word) => word.slice(1))
    return (wanted.length === 0 || wanted.some(is)) && !left.some(is)
  }
  const hasLabels = ({ labels }: Replica) => {
    const isThere = (word: string) => {
      const [key = '', value] = word.split('=')
      return value === undefined ? key in labels : labels[key] === value
    }
    const keys = new Set((asked.label?.split(',') ?? []).map((word) => word.replace('!', '').split('=')[0]!))
    const ofKey = (key: string) => asked.label!.split(',').filter((word) => word.replace('!', '').split('=')[0] === key)
    return [...keys].every((key) => has(ofKey(key).join(','), isThere))
  }
  const hasCopy = ({ last_success_at: at }: Replica) => {
    const hourAgo = NOW - 3_600_000
    const is = {
      '>1h': at === null || Date.parse(at) < hourAgo,
      '<1h': at !== null && Date.parse(at) >= hourAgo,
      '!>1h': at !== null && Date.parse(at) >= hourAgo,
      never: at === null,
      '!never': at !== null,
    }
    return !asked.last_ok || is[asked.last_ok as keyof typeof is]
  }
  const mentions = (...texts: string[]) =>
    !asked.q || texts.some((text) => text.toLowerCase().includes(asked.q!.toLowerCase()))
  const all = [...fleet.replicas.values()]
    .map((entry) => replicaOf(entry))
    .filter(
      (one) =>
        has(asked.health, (word) => one.health === word) &&
        has(asked.kind, (word) => one.kind === word) &&
        has(asked.cause, (word) => one.last_sync?.reason === word) &&
        hasLabels(one) &&
        hasCopy(one) &&
        mentions(one.name, one.upstream, one.worker_name) &&
        has(asked.name, (word) => one.name === word) &&
        has(asked.upstream, (word) => (URL.parse(one.upstream)?.host || one.upstream) === word) &&
        has(asked.worker, (word) => one.worker_id === word),
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
const worker = fc.constantFrom(...WORKERS)
const states = fc.tuple(...Array.from({ length: 24 }, (_, index) => fc.tuple(worker, anyState(`r${index}`))))
const change = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant('put' as const),
      states: fc.array(
        fc.nat(23).chain((index) => fc.tuple(worker, anyState(`r${index}`))),
        { maxLength: 6 },
      ),
    }),
  },
  fc.record({ type: fc.constant('name' as const), id: worker, name: fc.constantFrom('a new name', 'w1', 'debian') }),
  fc.record({
    type: fc.constant('presence' as const),
    id: worker,
    presence: fc.constantFrom('online', 'lost'),
  }),
  fc.record({ type: fc.constant('drop' as const), id: worker }),
)
type Change = typeof change extends fc.Arbitrary<infer C> ? C : never

function put(fleet: Fleet, all: readonly (readonly [string, ReplicaState])[]): void {
  for (const [id, state] of all) {
    const to = fleet.workers.get(id)!
    putReplica({ fleet, worker: to, changes: noChanges(), now: NOW }, state)
  }
}

function play(fleet: Fleet, one: Change): void {
  if (one.type === 'put') return put(fleet, one.states)
  const known = fleet.workers.get(one.id)!
  if (one.type === 'name') putWorker(fleet, { ...recordOf(one.id), name: one.name }, NOW)
  if (one.type === 'presence') setPresence(fleet, known, one.presence, NOW)
  if (one.type !== 'drop') return
  dropWorker(fleet, known)
  putWorker(fleet, recordOf(one.id), NOW)
}

describe('pages of replicas', () => {
  it('are, one after the other, the sorted and filtered list, also after changes', () =>
    fc.assert(
      fc.asyncProperty(
        states,
        fc.array(change, { maxLength: 4 }),
        fc.array(query, { minLength: 1, maxLength: 4 }),
        fc.record({ few: fc.constantFrom(0, 4, 100), changesMax: fc.constantFrom(1, 5, 1000) }),
        async (...[first, changes, queries, limits]) => {
          const fleet = createFleet({ recentMax: 0, ...limits })
          for (const id of WORKERS) putWorker(fleet, recordOf(id), NOW)
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
          put(fleet, first)
          for (const asked of queries) await check(asked)
          for (const one of changes) {
            play(fleet, one)
            for (const asked of queries) await check(asked)
          }
        },
      ),
      { numRuns: 100 },
    ))

  it.each([
    ['health', 'fresh', '!fresh'],
    ['kind', 'git', '!git'],
    ['cause', 'timed_out', '!timed_out'],
    ['label', 'team', '!team'],
    ['name', '!debian', '!雪'],
    ['worker', '!w0', '!w1'],
    ['upstream', 'example.org', '!example.org'],
    ['last_ok', 'never', '!never'],
  ] as const)('by %s are others for %s than for %s', async (field, one, other) => {
    const fleet = createFleet({ recentMax: 0 })
    for (const id of WORKERS) putWorker(fleet, recordOf(id), NOW)
    put(fleet, fc.sample(states, { numRuns: 1, seed: 7 })[0]!)
    const idsOf = async (asked: Query) =>
      (await list(fleet, { ...asked, limit: 100 })).items.map(({ replica_id }) => replica_id)
    const found: string[][] = []
    for (const word of [one, other, one]) {
      // Not by what is counted, nor among a few: by what is remembered of a filter.
      const asked = { sort: '', q: '', [field]: word }
      found.push(await idsOf(asked))
      expect(found.at(-1)).toEqual(listed(fleet, asked))
    }
    expect(found[0]).not.toEqual(found[1])
  })

  it('are found at once where the same was asked before, whatever has changed since', () => {
    const fleet = createFleet({ few: 100, changesMax: 100 })
    for (const id of WORKERS) putWorker(fleet, recordOf(id), NOW)
    const all = Array.from({ length: 40_000 }, (_, index) => makeReplica('w0', index, 1))
    put(
      fleet,
      all.map((state) => ['w0', state]),
    )
    const steps = () => {
      const none = { healths: null, kinds: null, causes: null, labels: null, hosts: null, names: null }
      const asked = { ...none, notOn: null, lastOk: null, among: null, after: null }
      const searching = fleet.replicas.search({ ...asked, part: '-3999', sort: 'name', backwards: false, limit: 50 })
      for (let step = 1; ; step++) {
        const found = searching.step()
        if (found) return [step, found.total]
      }
    }
    const [first] = steps()
    expect(first).toBeGreaterThan(1)
    expect(steps()).toEqual([1, 11])
    const [worst] = fleet.replicas.named('project-39990')
    put(fleet, [['w0', { ...worst!.state, name: 'elsewhere', upstream: 'https://example.org/', revision_no: 2 }]])
    put(fleet, [['w1', { ...makeReplica('w1', 1, 1), name: 'project-3999' }]])
    expect(steps()).toEqual([1, 11])
    put(
      fleet,
      all.slice(0, 101).map((state) => ['w0', { ...state, revision_no: 2 }]),
    )
    expect(steps()).toEqual([first, 11])
  })

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
