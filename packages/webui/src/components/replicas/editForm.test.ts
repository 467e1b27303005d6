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
      expect(patchFrom(typedFrom(replica, fields), typedFrom(replica, fields), fields)).toEqual({})
    }),
  )
})

test('a form that was filled in as another replica sends what makes the one of the other', () => {
  fc.assert(
    fc.property(aReplica, aReplica, (replica, other) => {
      const wanted = { ...other, has_credentials: replica.has_credentials } as Replica
      const patch = patchFrom(typedFrom(replica, fields), typedFrom(wanted, fields), fields)
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
      const [base, now] = [typedFrom(replica, fields), typedFrom(theirs, fields)]
      const typed = { ...base, options: { ...base.options, note: `${note}-mine` } }
      const patch = patchFrom(now, retyped(typed, base, now), fields)
      expect(patch).toEqual({ options: { note: `${note}-mine` } })
    }),
  )
})

test('credentials are left alone, replaced or removed', () => {
  const replica = { upstream: 'u', interval_secs: null, labels: {}, options: {}, has_credentials: true } as Replica
  const base = typedFrom(replica, fields)
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
