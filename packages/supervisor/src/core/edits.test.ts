// edits.test.ts — What a patch makes of a replica, when If-Match allows it, and what is shown until a worker has it.
import { applyPatch, describeChange, syncsTheSame, type ReplicaPatch, type ReplicaSpec } from '@kagami/protocol'
import { sampleSpec, sampleState } from '@kagami/protocol/testing/samples'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { WorkerRecord } from '../store/store.ts'
import { asDecided, etagOf, matchesEtag, withEdit } from './edits.ts'
import type { WorkerEntry } from './entries.ts'

const key = fc.constantFrom('a', 'b', 'cron', 'exclude', '__proto__', 'constructor')
const value = fc.oneof(fc.integer(), fc.string(), fc.boolean(), fc.array(fc.string(), { maxLength: 2 }))
const text = fc.string({ maxLength: 5 })
const aSpec = fc
  .record({
    upstream: fc.webUrl(),
    interval_secs: fc.option(fc.integer({ min: 1, max: 9 })),
    labels: fc.dictionary(key, text, { maxKeys: 3 }),
    options: fc.dictionary(key, value, { maxKeys: 3 }),
    auth: fc.constantFrom(null, { type: 'sealed' as const, box: 'x' }),
  })
  .map((parts) => sampleSpec({ ...parts, origin: 'api' }))
const aPatch: fc.Arbitrary<ReplicaPatch> = fc.record(
  {
    upstream: fc.webUrl(),
    interval_secs: fc.option(fc.nat(9)),
    labels: fc.option(fc.dictionary(key, fc.option(text), { maxKeys: 3 })),
    options: fc.option(fc.dictionary(key, fc.option(value), { maxKeys: 3 })),
    auth: fc.constantFrom(null, { type: 'token' as const, token: 'secret-of-the-test' }),
  },
  { requiredKeys: [] },
)
const own = (values: object, name: string): unknown =>
  Object.hasOwn(values, name) ? (values as Record<string, unknown>)[name] : undefined

describe('a patch of a replica', () => {
  test('sets what it names, removes what is null, and leaves the rest as it was', () => {
    fc.assert(
      fc.property(aSpec, aPatch, (spec, patch) => {
        const { spec: edited } = applyPatch(spec, patch)
        expect(edited.upstream).toBe(patch.upstream ?? spec.upstream)
        expect(edited.interval_secs).toBe(
          patch.interval_secs === undefined ? spec.interval_secs : patch.interval_secs || null,
        )
        for (const part of ['labels', 'options'] as const) {
          const [before, asked, after] = [spec[part], patch[part], edited[part]]
          for (const name of new Set([...Object.keys(before), ...Object.keys(asked ?? {}), ...Object.keys(after)])) {
            const named = asked ? own(asked, name) : asked
            expect(own(after, name)).toEqual(named === undefined ? own(before, name) : (named ?? undefined))
          }
        }
        expect({ ...edited, upstream: 0, interval_secs: 0, labels: 0, options: 0, auth: 0 }).toEqual({
          ...spec,
          upstream: 0,
          interval_secs: 0,
          labels: 0,
          options: 0,
          auth: 0,
        })
      }),
    )
  })

  test('names exactly what differs afterwards, changes nothing when it comes again, and tells no secret', () => {
    fc.assert(
      fc.property(aSpec, aPatch, (spec, patch) => {
        const { spec: edited, changes } = applyPatch(spec, patch)
        const { auth: _ours, ...rest } = patch
        expect(applyPatch(edited, rest).changes).toEqual([])
        const same = (part: keyof ReplicaSpec) => JSON.stringify(edited[part]) === JSON.stringify(spec[part])
        for (const part of ['upstream', 'interval_secs'] as const)
          expect(changes.some(({ field }) => field === part)).toBe(!same(part))
        expect(changes.some(({ field }) => field === 'auth')).toBe(
          Boolean(patch.auth) || (patch.auth === null && spec.auth !== null),
        )
        expect(JSON.stringify(changes) + changes.map(describeChange).join()).not.toContain('secret-of-the-test')
      }),
    )
  })

  test('of labels and schedule alone leaves what its syncs do as it is', () => {
    fc.assert(
      fc.property(aSpec, fc.option(fc.nat(9)), text, (spec, interval_secs, timezone) => {
        const { spec: edited } = applyPatch(spec, { interval_secs, labels: null, options: { timezone, cron: null } })
        expect(syncsTheSame(spec, edited)).toBe(true)
        expect(syncsTheSame(spec, applyPatch(spec, { options: { publish: 'swap' } }).spec)).toBe(false)
      }),
    )
  })
})

describe('If-Match', () => {
  const etag = etagOf({ replica_id: 'r', spec_rev: 7 })
  test.each([
    [etag, true],
    ['*', true],
    [` "1.r" , ${etag}`, true],
    ['"1.r"', false],
    [`W/${etag}`, false],
    ['7.r', false],
    ['', false],
    [etagOf({ replica_id: 'r' }), false],
    [etagOf({ replica_id: 'other', spec_rev: 7 }), false],
  ])('%s', (header, allowed) => expect(matchesEtag(header, etag)).toBe(allowed))
})

const workerWith = (record: Partial<WorkerRecord>, observedRev = 0) =>
  ({
    record: { rev: 1, replicas: [], syncs: [], capabilities: ['edit'], ...record },
    observedRev,
  }) as unknown as WorkerEntry
const hold = {
  hold_id: 'h',
  since: '2026-01-01T00:00:00Z',
  reason: 'too_many_deletions',
  removed: 1,
  total: 2,
} as const
const reported = sampleState({
  ...sampleSpec({ replica_id: 'r' }),
  hold: { ...hold, examples: [], rejected: false },
})

describe('an edit', () => {
  const spec = sampleSpec({ replica_id: 'r', options: { exclude: ['a'] } })
  const request = { replica_id: 'r', rev: 1, requested_at: '2026-01-01T00:00:00Z' }
  const record = workerWith({
    replicas: [spec],
    syncs: [
      { ...request, request_id: 'sync' },
      { ...request, request_id: 'approve', action: 'approve', hold_id: 'h' },
      { ...request, request_id: 'other', replica_id: 'x', action: 'approve', hold_id: 'h' },
    ],
  }).record

  test('takes back a decision about its hold when its syncs do something else, and no other request', () => {
    const ids = (edited: ReplicaSpec) => withEdit(record, edited).syncs.map(({ request_id }) => request_id)
    expect(ids({ ...spec, options: {} })).toEqual(['sync', 'other'])
    expect(ids({ ...spec, labels: { env: 'prod' } })).toEqual(['sync', 'approve', 'other'])
    expect(withEdit(record, spec)).toMatchObject({ rev: 2, replicas: [{ spec_rev: 2 }] })
  })

  test('shows until its worker has it, and what the worker reports from then on', () => {
    const edited = { ...spec, interval_secs: 60, labels: { env: 'prod' }, options: { exclude: ['b'] }, spec_rev: 5 }
    const worker = workerWith({ replicas: [edited] })
    const shown = { interval_secs: 60, labels: { env: 'prod' }, options: { exclude: ['b'] }, hold: null }
    expect(asDecided(worker, { ...reported, spec_rev: 4 })).toMatchObject(shown)
    const later = { ...reported, spec_rev: 5 }
    expect(asDecided(worker, later)).toBe(later)
  })

  test('shows on an earlier worker until that has applied its document', () => {
    const edited = { ...spec, interval_secs: 60, spec_rev: 5 }
    const older = { replicas: [edited], capabilities: ['verify'] }
    expect(asDecided(workerWith(older, 4), reported).interval_secs).toBe(60)
    expect(asDecided(workerWith(older, 5), reported)).toBe(reported)
  })

  test('of labels leaves a hold to be decided', () => {
    const edited = { ...sampleSpec({ replica_id: 'r' }), labels: { env: 'prod' }, spec_rev: 5 }
    expect(asDecided(workerWith({ replicas: [edited] }), reported)).toMatchObject({ labels: { env: 'prod' }, hold })
  })
})
