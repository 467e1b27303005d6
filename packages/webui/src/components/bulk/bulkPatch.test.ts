// bulkPatch.test.ts — What is typed for many replicas becomes a patch of just that.
import { expect, it } from 'vitest'
import { bulkPatchFrom, emptyBulkForm, wrongField } from './bulkPatch.ts'

const form = (typed: Partial<ReturnType<typeof emptyBulkForm>> = {}) => ({ ...emptyBulkForm(), ...typed })

it('changes nothing when nothing was typed', () => {
  expect([bulkPatchFrom(form()), wrongField(form())]).toEqual([{}, null])
})

it('sets an interval, labels and options, and takes them back', () => {
  const typed = form({
    schedule: 'every',
    amount: '2',
    unit: 'hours',
    labels: 'env=prod, region=hk',
    unlabelled: 'old',
    options: 'bwlimit_kbps=20000\nexclude=["*.iso"]\npublish=swap\nquota_mib=\n',
  })
  expect(bulkPatchFrom(typed)).toEqual({
    interval_secs: 7200,
    labels: { env: 'prod', region: 'hk', old: null },
    options: { bwlimit_kbps: 20_000, exclude: ['*.iso'], publish: 'swap', quota_mib: null },
  })
  expect(bulkPatchFrom(form({ schedule: 'manual' }))).toEqual({ interval_secs: 0 })
})

it.each([
  [{ schedule: 'every', amount: 'soon' }, 'interval'],
  [{ schedule: 'every', amount: '0' }, 'interval'],
  [{ labels: 'prod' }, 'labels'],
  [{ options: 'bwlimit_kbps' }, 'options'],
] as const)('names the wrong field of %j', (typed, field) => {
  expect(wrongField(form(typed))).toBe(field)
})
