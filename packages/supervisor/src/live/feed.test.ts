// feed.test.ts — What a subscriber of the live stream receives, and how it continues after a break.
import { describe, expect, test } from 'vitest'
import { createFeed } from './feed.ts'

const gone = (worker_id: string) => ({ type: 'worker_gone' as const, worker_id })
const subscribe = (feed: ReturnType<typeof createFeed>, lastId: string | null) => {
  const seen: string[] = []
  const stop = feed.subscribe(lastId, (item) =>
    seen.push(/event: (\w+)/.exec(item.text)![1]! + (/"worker_id":"(\w+)"/.exec(item.text)?.[1] ?? '')),
  )
  return { seen, stop }
}

describe('the live feed', () => {
  test('sends a subscriber what happens from now on, until it unsubscribes', () => {
    const feed = createFeed('run')
    feed.publish(gone('before'))
    const { seen, stop } = subscribe(feed, null)
    feed.publish(gone('a'))
    stop()
    feed.publish(gone('b'))
    expect(seen).toEqual(['worker_gonea'])
    expect(feed.subscribers).toBe(0)
  })

  test('a subscriber that was away continues after the last event it received', () => {
    const feed = createFeed('run')
    for (const id of ['a', 'b', 'c']) feed.publish(gone(id))
    expect(subscribe(feed, 'run-1').seen).toEqual(['worker_goneb', 'worker_gonec'])
    expect(subscribe(feed, 'run-3').seen).toEqual([])
  })

  test('one that missed too much, or comes from another run, gets a reset, and then what is new', () => {
    const feed = createFeed('run', 10)
    for (let i = 0; i < 50; i++) feed.publish(gone(`w${i}`))
    for (const lastId of ['run-1', 'other-49', 'nonsense', 'run-999'])
      expect(subscribe(feed, lastId).seen).toEqual(['reset'])
    const { seen } = subscribe(feed, 'run-1')
    feed.publish(gone('next'))
    expect(seen).toEqual(['reset', 'worker_gonenext'])
    expect(subscribe(feed, 'run-50').seen).toEqual(['worker_gonenext'])
  })
})
