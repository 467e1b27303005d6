// listColumns.test.ts — Which columns a text names, and which of them have room.
import { expect, it } from 'vitest'
import { cardColumns, cardHeight, columnsFrom, fitColumns } from './listColumns.ts'

const known = { all: ['health', 'name', 'size', 'labels'], shown: ['health', 'name', 'size'], fixed: 'name' }

it.each([
  ['', 'health name size'],
  ['nonsense', 'health name size'],
  ['labels,name', 'labels name'],
  ['size,name,size,none', 'size name'],
  ['labels', 'name labels'],
])('%j names %s', (text, expected) => expect(columnsFrom(text, known).join(' ')).toBe(expected))

it('the last ones disappear first, and never the one that leads to a row', () => {
  const columns = [
    { key: 'health', label: 'Health', min: 100 },
    { key: 'name', label: 'Name', min: 150, grows: true },
    { key: 'size', label: 'Size', min: 80, numeric: true },
  ]
  const fitted = fitColumns(columns, ['size', 'health', 'name', 'none'], { fixed: 'name', taken: 70 })
  expect(fitted).toEqual([
    { key: 'size', label: 'Size', numeric: true, width: '80px', from: 300 },
    { key: 'health', label: 'Health', width: '100px', from: 400 },
    { key: 'name', label: 'Name' },
  ])
})

it('cards have a line for each fact that has no place of its own, and are as high as that', () => {
  const columns = [
    { key: 'health', label: 'Health', min: 100, card: 'end' as const },
    { key: 'name', label: 'Name', min: 150, grows: true },
    { key: 'size', label: 'Size', min: 80, card: 'off' as const },
    { key: 'took', label: 'Duration', min: 80, card: 'off' as const, word: 'Took' },
  ]
  const usual = cardColumns(columns, ['health', 'name'])
  const more = cardColumns(columns, ['took', 'name', 'none', 'size', 'health'])
  expect(more).toEqual([
    { key: 'took', label: 'Duration', card: 'full', word: 'Took' },
    { key: 'name', label: 'Name' },
    { key: 'size', label: 'Size', card: 'full', word: 'Size' },
    { key: 'health', label: 'Health', card: 'end' },
  ])
  expect(cardHeight(more) - cardHeight(usual)).toBe(
    2 * (cardHeight(cardColumns(columns, ['took', 'name'])) - cardHeight(usual)),
  )
  expect(cardHeight(more)).toBeGreaterThan(cardHeight(usual))
})
