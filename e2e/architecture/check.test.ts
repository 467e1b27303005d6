// check.test.ts — What `npm run check` selects: tests that exist, for every room, and never nothing.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { rooms } from '../../scripts/check/rooms.ts'
import { roomOf, testsFor } from '../../scripts/check/selection.ts'
import { code, ROOT } from './sources.ts'

test('every room and every test it names exists', () => {
  const paths = Object.entries(rooms).flatMap(([room, tests]) => [room, ...tests])
  expect(paths.filter((path) => !existsSync(join(ROOT, path)))).toEqual([])
})

test('every file of a package has a room', () => {
  expect(code.filter((path) => path.startsWith('packages/') && roomOf(path) === null)).toEqual([])
})

test('a change selects the tests of its room, a changed test itself, and the rules of the house', () => {
  expect(testsFor(['packages/worker/src/core/guard.ts'])).toEqual([
    'e2e/architecture',
    'packages/worker/src/core',
    'e2e/faults/convergence.test.ts',
  ])
  expect(testsFor(['e2e/scenarios/up.test.ts'])).toEqual(['e2e/architecture', 'e2e/scenarios/up.test.ts'])
  expect(testsFor(['README.md'])).toEqual(['e2e/architecture'])
})

test('the longest room of a file decides', () => {
  expect(roomOf('packages/worker/src/providers/git/git.ts')).toBe('packages/worker/src/providers/git')
  expect(roomOf('packages/worker/src/providers/index.ts')).toBe('packages/worker/src/providers')
  expect(roomOf('docs/README.md')).toBeNull()
})
