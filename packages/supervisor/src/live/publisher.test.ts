// publisher.test.ts — Each change is published once, in its newest state; of too many at once only that there are.
import { createManualClock } from '@kagami/runtime/testing/manual-clock'
import { expect, test } from 'vitest'
import { noChanges } from '../core/changes.ts'
import { createFleet, putReplica, putWorker } from '../core/fleet.ts'
import { recordOf } from '../testing/services.ts'
import { makeReplica } from '../testing/states.ts'
import { createFeed } from './feed.ts'
import { createPublisher } from './publisher.ts'

test('a watcher is sent what has changed, and where that is a whole fleet, told to fetch everything again', () => {
  const clock = createManualClock(new Date())
  const feed = createFeed('run')
  const fleet = createFleet()
  const publisher = createPublisher({ fleet, feed, clock })
  const worker = putWorker(fleet, recordOf('worker-0001'), 0)
  let seen: string[] = []
  feed.subscribe(
    null,
    () => true,
    (text) => seen.push(/^event: (\w+)/m.exec(text)![1]!),
  )
  const change = (count: number, revision: number) => {
    const changes = noChanges()
    for (let index = 0; index < count; index++)
      putReplica({ fleet, worker, changes, now: 0 }, makeReplica('worker-0001', index, revision))
    publisher.publishChanges(changes)
  }
  const published = (ms: number) => {
    seen = []
    clock.advance(ms)
    return seen
  }
  change(3, 1)
  change(2, 2)
  expect(published(200)).toEqual(['replica', 'replica', 'replica'])
  change(2, 3)
  expect(published(200)).toEqual(['replica', 'replica'])
  // Its counts are what people look at: once a second.
  expect(published(600)).toEqual(['worker'])
  change(2001, 4)
  expect(published(200)).toEqual(['reset'])
  change(1, 5)
  expect(published(800)).toEqual(['replica', 'worker'])
  publisher.stop()
})
