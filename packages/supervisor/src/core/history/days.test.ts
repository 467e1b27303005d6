// days.test.ts — The strip of a replica: the worst of each day, and nothing where nothing is known.
import { expect, it } from 'vitest'
import { stripOf, stripStart } from './days.ts'

const day = (number: number) => Date.UTC(2026, 0, number)

it('ends with the present day of UTC, and has fourteen', () => {
  expect(stripStart(Date.parse('2026-01-31T23:59:59.999Z'))).toBe(day(18))
  expect(stripStart(Date.parse('2026-02-01T00:00:00.000Z'))).toBe(day(19))
})

it('has the worst outcome of each day, none where no sync ended, and says from when on anything is known', () => {
  const strip = stripOf(day(18), {
    firstMs: day(20),
    outcomes: new Map([
      [day(20), ['success']],
      [day(22), ['success', 'held', 'interrupted']],
      [day(31), ['failed', 'success']],
    ]),
  })
  expect(strip).toEqual({
    from: '2026-01-18T00:00:00.000Z',
    known_since: '2026-01-20T00:00:00.000Z',
    worst: [null, null, 'success', null, 'held', ...Array.from({ length: 8 }, () => null), 'failed'],
  })
})

it('knows nothing of a replica that never synced', () => {
  const { known_since, worst } = stripOf(day(18), undefined)
  expect([known_since, worst.every((one) => one === null)]).toEqual([null, true])
})
