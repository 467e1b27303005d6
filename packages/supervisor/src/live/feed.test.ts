import { describe, expect, test } from 'vitest'
import { createFeed } from './feed.ts'

const gone = (worker_id: string) => ({ type: 'worker_gone' as const, worker_id })
const following = (feed: ReturnType<typeof createFeed>, lastId: string | null) => {
  const seen: string[] = []
  const stop = feed.follow(lastId, (item) =>
    seen.push(/event: (\w+)/.exec(item.text)![1]! + (/"worker_id":"(\w+)"/.exec(item.text)?.[1] ?? '')),
  )
  return { seen, stop }
}

describe('the live feed', () => {
  test('tells a watcher what happens from now on, until it leaves', () => {
    const feed = createFeed('life')
    feed.publish(gone('before'))
    const { seen, stop } = following(feed, null)
    feed.publish(gone('a'))
    stop()
    feed.publish(gone('b'))
    expect(seen).toEqual(['worker_gonea'])
    expect(feed.watchers).toBe(0)
  })

  test('a watcher that was away goes on after the last event it saw', () => {
    const feed = createFeed('life')
    for (const id of ['a', 'b', 'c']) feed.publish(gone(id))
    expect(following(feed, 'life-1').seen).toEqual(['worker_goneb', 'worker_gonec'])
    expect(following(feed, 'life-3').seen).toEqual([])
  })

  test('one that missed too much, or knew another life, is told to fetch anew, and then goes on', () => {
    const feed = createFeed('life', 10)
    for (let i = 0; i < 50; i++) feed.publish(gone(`w${i}`))
    for (const lastId of ['life-1', 'other-49', 'nonsense', 'life-999'])
      expect(following(feed, lastId).seen).toEqual(['reset'])
    const { seen } = following(feed, 'life-1')
    feed.publish(gone('next'))
    expect(seen).toEqual(['reset', 'worker_gonenext'])
    expect(following(feed, 'life-50').seen).toEqual(['worker_gonenext'])
  })
})
