// lifecycle.test.ts — The exit code says whether somebody asked for the end.
import { expect, test } from 'vitest'
import { exitCodeFor } from './lifecycle.ts'

test('an end that was asked for is a success, one because the parent is gone is none', () => {
  expect(['SIGINT', 'SIGTERM', 'SIGHUP'].map(exitCodeFor)).toEqual([0, 0, 0])
  // The reason that e2e/faults/descriptors.test.ts sees in the log.
  expect(exitCodeFor('parent died')).toBe(1)
})
