// feed.test.ts — What a subscriber of the live stream receives, and how it continues after a break.
import { createTopicFilter } from '@kagami/protocol'
import { describe, expect, test } from 'vitest'
import { createFeed, type Feed } from './feed.ts'

const publishGone = (feed: Feed, worker_id: string) =>
  feed.publish(`worker:${worker_id}`, { type: 'worker_gone', worker_id })
const subscribe = (feed: Feed, lastId: string | null, topics: string[] | null = null) => {
  const seen: string[] = []
  const stop = feed.subscribe(lastId, createTopicFilter(topics), (text) =>
    seen.push(/event: (\w+)/.exec(text)![1]! + (/"(?:worker_id|at)":"(\w+)"/.exec(text)?.[1] ?? '')),
  )
  return { seen, stop }
}

describe('the live feed', () => {
  test('sends a subscriber what happens from now on, until it unsubscribes', () => {
    const feed = createFeed('run')
    publishGone(feed, 'before')
    const { seen, stop } = subscribe(feed, null)
    publishGone(feed, 'a')
    stop()
    publishGone(feed, 'b')
    expect(seen).toEqual(['connected', 'worker_gonea'])
    expect(feed.subscribers).toBe(0)
  })

  test('tells a new subscriber from where it goes on when its connection breaks', () => {
    const feed = createFeed('run')
    publishGone(feed, 'a')
    const texts: string[] = []
    feed.subscribe(null, createTopicFilter(null), (text) => texts.push(text))
    expect(texts).toEqual(['id: run-1\nevent: connected\ndata: {}\n\n'])
    publishGone(feed, 'b')
    expect(subscribe(feed, 'run-1').seen).toEqual(['worker_goneb'])
  })

  test('a subscriber that was away continues after the last event it received', () => {
    const feed = createFeed('run')
    for (const id of ['a', 'b', 'c']) publishGone(feed, id)
    expect(subscribe(feed, 'run-1').seen).toEqual(['worker_goneb', 'worker_gonec'])
    expect(subscribe(feed, 'run-3').seen).toEqual([])
  })

  test('of what changed more than once, one that was away is sent only how it is now', () => {
    const feed = createFeed('run')
    for (const id of ['a', 'b', 'a', 'c', 'a']) publishGone(feed, id)
    expect(subscribe(feed, 'run-0').seen).toEqual(['worker_goneb', 'worker_gonec', 'worker_gonea'])
  })

  test('one that missed too much, or comes from another run, gets a reset, and then what is new', () => {
    const feed = createFeed('run', 10)
    for (let i = 0; i < 50; i++) publishGone(feed, `w${i}`)
    for (const lastId of ['run-1', 'other-49', 'nonsense', 'run-999'])
      expect(subscribe(feed, lastId).seen).toEqual(['reset'])
    const { seen } = subscribe(feed, 'run-1')
    publishGone(feed, 'next')
    expect(seen).toEqual(['reset', 'worker_gonenext'])
    expect(subscribe(feed, 'run-50').seen).toEqual(['worker_gonenext'])
  })

  test('with topics it sends just what is about them, after a break too', () => {
    const feed = createFeed('run')
    const { seen } = subscribe(feed, null, ['worker:b'])
    for (const id of ['a', 'b', 'c']) publishGone(feed, id)
    feed.publish('reset', { type: 'reset' })
    expect(seen).toEqual(['connected', 'worker_goneb', 'reset'])
    expect(subscribe(feed, 'run-0', ['worker:c']).seen).toEqual(['worker_gonec', 'reset'])
  })

  test('makes an event when somebody is sent it, once for all of them, and never of what is gone', () => {
    const feed = createFeed('run')
    const made: string[] = []
    const publish = (worker_id: string, isThere: () => boolean) =>
      feed.publishLazily({
        key: worker_id,
        subject: () => ({ kind: 'worker', worker_id }),
        event: () => (isThere() ? (made.push(worker_id), { type: 'worker_gone', worker_id }) : null),
      })
    publish('unheard', () => true)
    const one = subscribe(feed, null)
    const other = subscribe(feed, null)
    publish('heard', () => true)
    publish('gone', () => false)
    const seen = ['connected', 'worker_goneheard']
    expect([made, one.seen, other.seen]).toEqual([['heard'], seen, seen])
  })
})
