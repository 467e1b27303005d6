// useSelection.test.ts — Rows are chosen one by one, in ranges, and all at once.
import { expect, it } from 'vitest'
import { useSelection } from './useSelection.ts'

const rows = ['a', 'b', 'c', 'd', 'e']
const one = { rows, range: false }
const range = { rows, range: true }

it('chooses a row, and no more when it is picked again', () => {
  const selection = useSelection()
  selection.pick('b', one)
  selection.pick('d', one)
  selection.pick('b', one)
  expect([...selection.keys.value]).toEqual(['d'])
})

it('takes the rows since the last one with Shift, in both directions, on and off', () => {
  const selection = useSelection()
  selection.pick('d', one)
  selection.pick('b', range)
  expect([...selection.keys.value].sort()).toEqual(['b', 'c', 'd'])
  selection.pick('c', range)
  expect([...selection.keys.value].sort()).toEqual(['d'])
})

it('takes one row with Shift when the last one is no longer there', () => {
  const selection = useSelection()
  selection.pick('gone', one)
  selection.pick('c', range)
  expect([...selection.keys.value].sort()).toEqual(['c', 'gone'])
})

it('leaves out rows that are gone', () => {
  const selection = useSelection()
  selection.pickAll(rows, true)
  selection.forget(['b', 'never chosen'])
  expect([...selection.keys.value]).toEqual(['a', 'c', 'd', 'e'])
})

it('of everything without one row leaves the rows that are shown, without it', () => {
  const selection = useSelection()
  selection.pickAll(rows, true)
  selection.pickEverything()
  expect(selection.has('not loaded')).toBe(true)
  selection.pick('a', one)
  expect([selection.has('not loaded'), [...selection.keys.value]]).toEqual([false, ['b', 'c', 'd', 'e']])
  selection.clear()
  expect([selection.everything.value, selection.keys.value.size]).toEqual([false, 0])
})
