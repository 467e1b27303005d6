// bulk.test.ts — What bulk jobs are chosen by and change, in words.
import { expect, test } from 'vitest'
import { describePatch, describeQuery } from './bulk.ts'

test('an edit is described by the keys that it changes', () => {
  expect(
    describePatch({ interval_secs: 3600, labels: { env: 'prod' }, options: { exclude: ['*.iso'], probe: null } }),
  ).toBe('interval_secs = 3600, labels.env = prod, options.exclude = ["*.iso"], options.probe = null')
  expect(describePatch({})).toBe('')
})

test('a choice is described by its filters', () => {
  expect(describeQuery({ health: 'failed,stale', worker: 'sh-12' })).toBe('health=failed,stale, worker=sh-12')
  expect(describeQuery({})).toBe('')
})
