// summary.test.ts — What the summary counts: the longest queues, of workers that count, and what silent ones ran.
import type { Admission } from '@kagami/protocol'
import { sampleHeartbeat } from '@kagami/protocol/testing/samples'
import { expect, test } from 'vitest'
import { recordOf } from '../testing/services.ts'
import type { Fleet } from '../core/entries.ts'
import { applyHeartbeat, createFleet, putWorker, setPresence } from '../core/fleet.ts'
import { totalsOf } from '../core/totals.ts'

const NOW = Date.parse('2026-01-01T00:00:00Z')

function queued(fleet: Fleet, id: string, count: number, admission: Admission = 'approved') {
  const worker = putWorker(fleet, { ...recordOf(id), admission }, NOW)
  const jobs = { running: 4, queued: count, limit: 4 }
  applyHeartbeat(fleet, worker, sampleHeartbeat({ worker_id: id, jobs }), NOW)
  return worker
}

test('the five longest queues are named, and how many there are', () => {
  const fleet = createFleet()
  for (const [index, count] of [3, 0, 9, 5, 7, 1, 5].entries()) queued(fleet, `w${index}`, count)
  queued(fleet, 'pending', 99, 'pending')
  setPresence(fleet, queued(fleet, 'lost', 99), 'lost', NOW)
  const { queues, jobs } = totalsOf(fleet)
  expect(queues.longest.map(({ name, queued: count }) => [name, count])).toEqual([
    ['w2', 9],
    ['w4', 7],
    ['w3', 5],
    ['w6', 5],
    ['w0', 3],
  ])
  expect(queues.longest[0]).toEqual({ worker_id: 'w2', name: 'w2', running: 4, queued: 9, limit: 4 })
  expect([queues.workers, jobs.queued]).toEqual([6, 30])
  // Of a silent worker nobody knows what still runs; one that waits for approval does not count.
  expect([jobs.running, jobs.unknown]).toEqual([28, 4])
})
