// listColumns.test.ts — Which columns a text names, and which of them have room.
import { expect, it } from 'vitest'
import { columnsFrom, fitColumns } from './listColumns.ts'

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
