// ids.test.ts — Ids that stay the same after every start.
import { expect, test } from 'vitest'
import { replicaIdOf } from './ids.ts'

test('a declared replica has the same id at every start, another worker’s has another', () => {
  expect(replicaIdOf('w', 'debian')).toBe(replicaIdOf('w', 'debian'))
  expect(replicaIdOf('w', 'debian')).not.toBe(replicaIdOf('x', 'debian'))
})
