// filterText.test.ts — What becomes of a filter when a word is added or taken away.
import { expect, it } from 'vitest'
import { addWord, dropWord, filterOut, filterTo } from './filterText.ts'

it.each([
  ['', 'failed', 'failed'],
  ['failed,!late', 'fresh', 'fresh'],
  ['!fresh', 'fresh', 'fresh'],
])('%j filtered to %s is %j', (text, word, expected) => expect(filterTo(text, word, false)).toBe(expected))

it('of labels those with another key stay', () => {
  expect(filterTo('env=prod,team=x,!tier=1', 'env=test', true)).toBe('team=x,env=test,!tier=1')
  expect(filterTo('!env=prod', 'env=prod', true)).toBe('env=prod')
})

it.each([
  ['', 'fresh', '!fresh'],
  ['failed,fresh', 'fresh', 'failed,!fresh'],
  ['!late', 'fresh', '!late,!fresh'],
  ['!fresh', 'fresh', '!fresh'],
])('%j without %s is %j', (text, word, expected) => expect(filterOut(text, word)).toBe(expected))

it('words come and go, with the commas that are in them', () => {
  expect(addWord('failed', 'late')).toBe('failed,late')
  expect(addWord('!late', 'late')).toBe('late')
  expect(dropWord('failed,!fresh', 'fresh', true)).toBe('failed')
  expect(dropWord('failed,!fresh', 'failed', false)).toBe('!fresh')
  expect(dropWord('fresh,!fresh', 'fresh', false)).toBe('!fresh')
  const [one, both] = [addWord('', 'note=a,b'), addWord('note=a\\,b', 'x')]
  expect([one, both, dropWord(both, 'x', false)]).toEqual(['note=a\\,b', 'note=a\\,b,x', 'note=a\\,b'])
})
