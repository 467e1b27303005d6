// replicaFilters.test.ts — What of a replica one can filter by.
import type { Replica } from '@kagami/protocol'
import { sampleState } from '@kagami/protocol/testing/samples'
import { expect, it } from 'vitest'
import { wordsOfReplica } from './replicaFilters.ts'

const replica = {
  ...sampleState({
    name: 'debian',
    kind: 'rsync',
    upstream: 'rsync://Deb.example.org/debian/',
    labels: { env: 'prod' },
    last_success_at: '2025-12-31T00:00:00Z',
  }),
  worker_id: 'w-1',
  worker_name: 'sh-12',
  health: 'stale',
  last_sync: { reason: 'timed_out' },
} as unknown as Replica

it('can be filtered by what its cells say', () =>
  expect(wordsOfReplica(replica).map(({ field, word }) => `${field} ${word}`)).toEqual([
    'health stale',
    'worker sh-12',
    'kind rsync',
    'upstream deb.example.org',
    'cause timed_out',
    'label env=prod',
  ]))
