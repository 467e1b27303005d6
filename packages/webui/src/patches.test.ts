// patches.test.ts — A row of a list after an event: what the list has asked for beside the replica stays, the sync that
// has ended since is on its day, and what runs is unknown while its worker is silent.
import type { ListedReplica, Outcome, Replica, Sync } from '@kagami/protocol'
import { sampleState } from '@kagami/protocol/testing/samples'
import { expect, it } from 'vitest'
import { patchListed, patchSync } from './patches.ts'

const usual = { syncs: 3, p50_ms: 10, p95_ms: 20 }
const replica = (sync: string | null, outcome: Outcome = 'success', ended_at = '2026-01-14T12:00:00Z') =>
  ({
    ...sampleState({ name: 'debian' }),
    last_sync: sync === null ? null : { sync_id: sync, outcome, ended_at },
  }) as unknown as Replica
const row = (worst: (Outcome | null)[], known_since: string | null = '2026-01-05T00:00:00Z'): ListedReplica => ({
  ...replica('one'),
  usual,
  strip: { from: '2026-01-01T00:00:00Z', known_since, worst },
})
const none: null[] = Array.from({ length: 13 }, () => null)
const last = (before: ListedReplica, now: Replica) =>
  patchListed(before, { type: 'replica', replica: now })?.strip?.worst.at(-1)

it('keeps what the event says nothing of', () => {
  const before = row([...none, 'success'])
  const after = patchListed(before, { type: 'replica', replica: { ...replica('one'), size_bytes: 7 } })
  expect(after).toEqual({ ...before, size_bytes: 7 })
  expect(patchListed(before, { type: 'replica', replica: { ...replica('two'), replica_id: 'x' } })).toBeUndefined()
  const { strip: _strip, usual: _usual, ...bare } = before
  expect(patchListed(bare, { type: 'replica', replica: replica('two') })?.strip).toBeUndefined()
})

it('has the sync that has ended on its day, where it is the worst of it', () => {
  expect(last(row([...none, null]), replica('two', 'success'))).toBe('success')
  expect(last(row([...none, 'success']), replica('two', 'failed'))).toBe('failed')
  expect(last(row([...none, 'failed']), replica('two', 'success'))).toBe('failed')
  expect(last(row([...none, null]), replica('one', 'failed'))).toBeNull()
  expect(last(row([...none, null]), replica('two', 'failed', '2026-01-15T00:00:00Z'))).toBeNull()
  expect(last(row([...none, null]), replica(null))).toBeNull()
})

it('says from when on something is known, once it is', () => {
  const after = patchListed(row([...none, null], null), { type: 'replica', replica: replica('two') })
  expect(after?.strip?.known_since).toBe('2026-01-14T00:00:00.000Z')
})

it('has a running sync unknown while its worker is silent', () => {
  const now = replica(null)
  const sync = { sync_id: 's', state: 'running', replica_id: now.replica_id } as Sync
  const silent = { ...now, worker_silent_since: '2026-01-14T12:00:00Z' }
  const after = patchSync(sync, { type: 'replica', replica: silent })
  expect(after).toEqual({ ...sync, worker_silent_since: '2026-01-14T12:00:00Z' })
  expect(patchSync(after!, { type: 'replica', replica: silent })).toBeUndefined()
  expect(patchSync(after!, { type: 'replica', replica: now })).toEqual(sync)
  expect(patchSync({ ...sync, state: 'finished' }, { type: 'replica', replica: silent })).toBeUndefined()
  expect(patchSync(sync, { type: 'replica', replica: { ...silent, replica_id: 'x' } })).toBeUndefined()
})
