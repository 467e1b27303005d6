// topics.test.ts — What tabs want together, and from where the stream is continued for it.
import { expect, test } from 'vitest'
import { createPositions } from './positions.ts'
import { createRecent } from './recent.ts'
import { covers, mergeTopics, NAMED_MAX } from './topics.ts'

const named = (count: number) => Array.from({ length: count }, (_, index) => `replica:${index}`)

test('topics of several are asked for once, and too many by their kinds', () => {
  expect(mergeTopics([['workers', 'replica:a'], ['replica:a', 'mirror:b'], []])).toEqual([
    'mirror:b',
    'replica:a',
    'workers',
  ])
  expect(mergeTopics([named(NAMED_MAX)])).toHaveLength(NAMED_MAX)
  expect(mergeTopics([named(NAMED_MAX), ['worker:w', 'syncs']])).toEqual(['replicas', 'syncs', 'workers'])
})

test('a stream of kinds covers what is named of them', () => {
  expect(covers(['replicas', 'syncs'], ['replica:a', 'mirror:b', 'within:c'])).toBe(true)
  expect(covers(['replicas'], ['replica:a'])).toBe(false)
  expect(covers(['replica:a', 'workers'], ['replica:a', 'worker:b', 'workers'])).toBe(true)
  expect(covers(['replica:a'], ['replica:a', 'replica:b'])).toBe(false)
  expect(covers([], [])).toBe(true)
})

test('who wants something new hears what has happened to it lately, the newest of each thing', () => {
  const recent = createRecent(1000)
  const gone = (id: string) => ({ type: 'replica_gone' as const, replica_id: id, worker_id: 'w', name: 'debian' })
  const worker = { type: 'worker_gone' as const, worker_id: 'w' }
  recent.add([gone('a'), { type: 'reset' }], 0)
  recent.add([gone('b'), worker], 900)
  expect(recent.about(['replicas'])).toEqual([gone('a'), gone('b')])
  recent.add([gone('b')], 1500)
  expect(recent.about(['mirror:debian', 'worker:w'])).toEqual([worker, gone('b')])
  expect(recent.about([])).toEqual([])
})

test('the stream is continued from a while ago, or from the oldest event that is known', () => {
  const positions = createPositions(15_000)
  expect(positions.lastAt(0)).toBe('')
  positions.add('a', 1000)
  expect(positions.lastAt(0)).toBe('a')
  for (let second = 2; second <= 60; second++) positions.add(`b${second}`, second * 1000)
  expect(positions.lastAt(45_000)).toBe('b45')
  expect(positions.lastAt(45_900)).toBe('b45')
  // Of what is older than that, the last is kept.
  expect(positions.lastAt(10_000)).toBe('b45')
  positions.clear()
  expect(positions.lastAt(60_000)).toBe('')
})
