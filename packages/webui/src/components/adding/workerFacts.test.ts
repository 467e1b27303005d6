// workerFacts.test.ts — What is told of a worker before it gets a replica: room, path, and what keeps it from that.
import type { Replica, Worker } from '@kagami/protocol'
import { expect, test } from 'vitest'
import { factsOf, type Wanted } from './workerFacts.ts'

const GIB = 1024 ** 3
const worker = {
  worker_id: 'w',
  name: 'sh-12',
  presence: 'online',
  data_dir: '/data/',
  storage: { total_bytes: 10 * GIB, used_bytes: 4 * GIB, available_bytes: 5 * GIB },
  kinds: [
    { kind: 'rsync', available: true, detail: '', options: { properties: { exclude: {} } } },
    { kind: 'git', available: false, detail: 'git is not installed', options: {} },
  ],
} as unknown as Worker
const wanted: Wanted = { name: 'debian', kind: 'rsync', upstream: 'rsync://h/debian/', options: [], namesakes: [] }
const copy = (changed: object) => ({ worker_id: 'v', name: 'debian', size_bytes: null, ...changed }) as Replica
const facts = (changed: Partial<Wanted>, of: object = {}) => factsOf({ ...worker, ...of }, { ...wanted, ...changed })

test('a worker that can have it says where, and how much is free', () => {
  expect(facts({})).toEqual({ free: '5.00 GiB free', path: '/data/debian', problem: null, warnings: [] })
  expect(facts({ name: '' }, { storage: null })).toMatchObject({ free: 'free disk not reported', path: null })
})

test.each([
  [{ kind: 'git' }, 'sh-12 cannot sync this kind: git is not installed'],
  [{ kind: 'command' }, 'sh-12 does not offer this kind'],
  [{ upstream: 'https://h/' }, 'Upstream: must be a URL that begins with rsync:// or ssh://'],
  [{ options: ['exclude', 'cron'] }, 'sh-12 does not know the option cron: it is of an earlier version'],
  [{ namesakes: [copy({ worker_id: 'w', name: 'Debian' })] }, 'sh-12 already has a replica called Debian'],
] as const)('%j is a problem', (changed, problem) => expect(facts(changed).problem).toBe(problem))

test('copies that are larger than what is free, and a worker that is away, are warned about', () => {
  const [small, large] = [copy({ size_bytes: 4 * GIB }), copy({ size_bytes: 6 * GIB })]
  expect(facts({ namesakes: [small, copy({})] }).warnings).toEqual([])
  expect(facts({ namesakes: [small, large] }, { presence: 'lost' })).toMatchObject({
    problem: null,
    warnings: [
      'sh-12 is not reachable now: it takes the replica when it is back.',
      'A copy elsewhere has 6.00 GiB, and 5.00 GiB is free.',
    ],
  })
})
