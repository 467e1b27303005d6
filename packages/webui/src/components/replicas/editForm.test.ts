// editForm.test.ts — The form of an edit sends what was typed, whatever the replica has and somebody else changes.
import type { Replica } from '@kagami/protocol'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { changesBetween, patchFrom, retyped, typedFrom } from './editForm.ts'
import { fieldsOf } from './optionFields.ts'

const fields = fieldsOf({
  properties: {
    mode: { enum: ['a', 'b'] },
    depth: { type: 'integer' },
    lfs: { type: 'boolean' },
    exclude: { type: 'array', items: { type: 'string' } },
    note: { type: 'string' },
    deep: { type: 'object' },
  },
})
const word = fc.stringMatching(/^[a-z]{1,6}$/)
const aReplica = fc
  .record({
    upstream: fc.constantFrom('rsync://a/m/', 'rsync://b/m/'),
    interval_secs: fc.option(fc.integer({ min: 1, max: 2_592_000 })),
    labels: fc.dictionary(word, word, { maxKeys: 3 }),
    has_credentials: fc.boolean(),
    options: fc.record(
      {
        mode: fc.constantFrom('a', 'b'),
        depth: fc.integer(),
        lfs: fc.boolean(),
        exclude: fc.array(word, { minLength: 1, maxLength: 3 }),
        note: word,
        deep: fc.record({ x: fc.nat() }),
      },
      { requiredKeys: [] },
    ),
  })
  .map((parts) => ({ kind: 'rsync', name: 'tree', worker_id: 'w', ...parts }) as unknown as Replica)

test('a form that nobody typed in sends nothing', () => {
  fc.assert(
    fc.property(aReplica, (replica) => {
      expect(patchFrom(typedFrom(replica), typedFrom(replica), fields)).toEqual({})
    }),
  )
})

test('a form that was filled in as another replica sends what makes the one of the other', () => {
  fc.assert(
    fc.property(aReplica, aReplica, (replica, other) => {
      const wanted = { ...other, has_credentials: replica.has_credentials } as Replica
      const patch = patchFrom(typedFrom(replica), typedFrom(wanted), fields)
      const merged = (part: 'labels' | 'options') =>
        Object.fromEntries(
          Object.entries({ ...replica[part], ...patch[part] }).filter((entry) => entry[1] !== null),
        ) as Replica['options']
      expect(patch.upstream ?? replica.upstream).toBe(other.upstream)
      expect((patch.interval_secs ?? replica.interval_secs) || null).toBe(other.interval_secs)
      expect([merged('labels'), merged('options')]).toEqual([other.labels, other.options])
      expect(patch).not.toHaveProperty('auth')
    }),
  )
})

test('what was typed stays when somebody else changes the replica, and what was not typed is theirs', () => {
  fc.assert(
    fc.property(aReplica, aReplica, word, (replica, theirs, note) => {
      const [base, now] = [typedFrom(replica), typedFrom(theirs)]
      const typed = { ...base, options: { ...base.options, note: `${note}-mine` } }
      const patch = patchFrom(now, retyped(typed, base, now), fields)
      expect(patch).toEqual({ options: { note: `${note}-mine` } })
    }),
  )
})

test('credentials are left alone, replaced or removed', () => {
  const replica = { upstream: 'u', interval_secs: null, labels: {}, options: {}, has_credentials: true } as Replica
  const base = typedFrom(replica)
  expect(base.auth).toBe('keep')
  expect(patchFrom(base, { ...base, auth: 'none' }, fields)).toEqual({ auth: null })
  const basic = { auth: 'basic', user: 'bob', password: 'p' } as const
  expect(patchFrom(base, { ...base, ...basic }, fields)).toEqual({
    auth: { type: 'basic', username: 'bob', password: 'p' },
  })
  expect(changesBetween(replica, { ...replica, has_credentials: false })).toEqual([
    { field: 'auth', from: 'set', to: 'none' },
  ])
  expect(changesBetween(replica, { ...replica })).toEqual([])
  expect(changesBetween(replica, { ...replica, etag: '"2.r"' })).toEqual([
    { field: 'auth', from: 'set', to: 'replaced' },
  ])
  expect(changesBetween({ ...replica, name: 'a' }, { ...replica, name: 'b', etag: '"2.r"' })).toEqual([
    { field: 'name', from: 'a', to: 'b' },
  ])
})

test('a schedule becomes another one, and what does not count any more is taken away', () => {
  const timed = fieldsOf({ properties: { cron: { type: 'string', default: '' }, timezone: { type: 'string' } } })
  const replica = (interval_secs: number | null, options: object) =>
    ({ upstream: 'u', interval_secs, labels: {}, options, has_credentials: false }) as unknown as Replica
  const nightly = typedFrom(replica(3600, { cron: '30 3 * * *' }))
  expect([nightly.schedule, typedFrom(replica(3600, {})).schedule, typedFrom(replica(null, {})).schedule]).toEqual([
    'cron',
    'every',
    'manual',
  ])
  expect(patchFrom(nightly, { ...nightly, schedule: 'manual' }, timed)).toEqual({
    interval_secs: 0,
    options: { cron: null },
  })
  expect(patchFrom(nightly, { ...nightly, schedule: 'every', amount: '2' }, timed)).toEqual({
    interval_secs: 7200,
    options: { cron: null },
  })
  const hourly = typedFrom(replica(3600, {}))
  const typed = { ...hourly, schedule: 'cron' as const, options: { cron: '0 4 * * *', timezone: 'Europe/Berlin' } }
  expect(patchFrom(hourly, typed, timed)).toEqual({
    interval_secs: 0,
    options: { cron: '0 4 * * *', timezone: 'Europe/Berlin' },
  })
  // What was typed for a schedule that was not chosen in the end is not sent.
  expect(patchFrom(hourly, { ...typed, schedule: 'every', options: { cron: '0 4 * * *' } }, timed)).toEqual({})
})
