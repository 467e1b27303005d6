// stream.test.ts — Which events a client of the live stream is sent, by its topics.
import { describe, expect, test } from 'vitest'
import { createTopicFilter, findWrongTopic, type EventSubject } from './stream.ts'

const ids = { replica_id: 'r-1', worker_id: 'w-1', name: 'debian' }
const subjects: Record<string, EventSubject> = {
  fleet: { kind: 'fleet' },
  worker: { kind: 'worker', worker_id: 'w-1' },
  replica: { kind: 'replica', ...ids },
  progress: { kind: 'progress', ...ids },
  sync: { kind: 'sync', ...ids },
}
const sentTo = (topics: string[] | null): string[] => {
  const wants = createTopicFilter(topics)
  return Object.keys(subjects).filter((name) => wants(subjects[name]!))
}

describe('topics', () => {
  test.each([
    [null, ['fleet', 'worker', 'replica', 'progress', 'sync']],
    [[], ['fleet']],
    [['workers'], ['fleet', 'worker']],
    [['replicas'], ['fleet', 'replica', 'progress']],
    [['syncs'], ['fleet', 'sync']],
    [['worker:w-1'], ['fleet', 'worker']],
    [['replica:r-1'], ['fleet', 'replica', 'progress', 'sync']],
    [['mirror:debian'], ['fleet', 'replica', 'progress', 'sync']],
    [['within:w-1'], ['fleet', 'replica', 'progress', 'sync']],
    [['worker:w-2', 'replica:r-2', 'mirror:arch', 'within:w-2'], ['fleet']],
  ])('%j are sent %j', (topics, sent) => expect(sentTo(topics)).toEqual(sent))

  test('are checked: an unknown word, or one without its id, is found', () => {
    expect(findWrongTopic(['workers', 'replica:a', 'mirror:b', 'within:c', 'worker:d'])).toBeUndefined()
    for (const wrong of ['', 'worker', 'worker:', 'everything', 'syncs:1'])
      expect(findWrongTopic(['workers', wrong])).toBe(wrong)
  })
})
