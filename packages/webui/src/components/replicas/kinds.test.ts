// kinds.test.ts — A kind that a worker brings along can be filtered by without a line of UI being written for it.
import type { Worker } from '@kagami/protocol'
import { expect, it } from 'vitest'
import { kindsOf } from './kinds.ts'

const announces = (...kinds: string[]) => ({ kinds: kinds.map((kind) => ({ kind })) as Worker['kinds'] })

it('offers git, rsync and http while nothing is known', () =>
  expect(kindsOf({ workers: [], replicas: [], chosen: [] })).toEqual(['git', 'rsync', 'http']))
it('offers what workers announce and what replicas have, each once', () =>
  expect(
    kindsOf({
      workers: [announces('http', 'oci', 'git'), announces('git')],
      replicas: [{ kind: 'unknown' }, { kind: 'git' }],
      chosen: [],
    }),
  ).toEqual(['git', 'http', 'oci', 'unknown']))
it('keeps the kind that is chosen, though nothing has it', () =>
  expect(kindsOf({ workers: [announces('git')], replicas: [], chosen: ['ipfs'] })).toEqual(['git', 'ipfs']))
