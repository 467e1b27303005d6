// savedViews.test.ts — Saved views survive being stored, and nothing that is stored breaks them.
import { expect, it } from 'vitest'
import { isSameQuery, moveItem, parseViews, removeView, renameView, saveView } from './savedViews.ts'

const view = (name: string, query: Record<string, string> = {}) => ({ name, query })
const names = (views: readonly { name: string }[]) => views.map(({ name }) => name).join(' ')

it('are read as they were stored', () => {
  const views = [view('mine', { health: '!fresh', columns: 'name,health' }), view('雪')]
  expect(parseViews(JSON.stringify(views))).toEqual(views)
})

it.each([null, '', '{', '7', '{"name":"x"}', '[null, 3, {"name":""}, {"name":"x","query":{"a":1}}, {"query":{}}]'])(
  'are none where a browser stored %j',
  (text) => expect(parseViews(text)).toEqual([]),
)

it('have each name once: who saves again replaces, who renames does not', () => {
  const views = [view('a'), view('b')]
  expect(saveView(views, view('c'))).toHaveLength(3)
  expect(saveView(views, view('a', { q: 'x' }))).toEqual([view('a', { q: 'x' }), view('b')])
  expect(names(renameView(views, 'a', 'z'))).toBe('z b')
  expect(names(renameView(views, 'a', 'b'))).toBe('a b')
  expect(names(renameView(views, 'a', ''))).toBe('a b')
  expect(names(removeView(views, 'a'))).toBe('b')
})

it.each([
  [0, 1, 'b a c'],
  [2, -1, 'a c b'],
  [2, -9, 'c a b'],
  [0, 9, 'b c a'],
  [0, -1, 'a b c'],
  [7, 1, 'a b c'],
])('of three items the one at %i moved by %i gives %s', (from, by, expected) =>
  expect(moveItem(['a', 'b', 'c'], from, by).join(' ')).toBe(expected),
)

it('are the one that is shown when the address says the same, in whatever order', () => {
  expect(isSameQuery({ a: '1', b: '' }, { a: '1' })).toBe(true)
  expect(isSameQuery({ a: '1', b: '2' }, { b: '2', a: '1' })).toBe(true)
  expect(isSameQuery({ a: '1' }, { a: '2' })).toBe(false)
  expect(isSameQuery({ a: '1' }, {})).toBe(false)
})
