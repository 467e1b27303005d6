import { describe, expect, test } from 'vitest'
import { findLag, type Seen } from './lag.ts'

const none: Seen = { term: 5, records: new Map(), documents: new Map(), confirmed: 0, gone: 0, stored: 0 }
const lagOf = (change: Partial<Seen>) => findLag({ ...none, ...change })
const at = (term: number, rev: number) => new Map([['w', { term, rev }]])

describe('a database that supervisors wrote to without a break', () => {
  test.each<[string, Partial<Seen>]>([
    ['is new, and so is everything else', {}],
    [
      'has what the bucket and the stream have',
      { records: new Map([['w', 3]]), documents: at(4, 3), confirmed: 9, stored: 9 },
    ],
    [
      'is ahead of what was written and confirmed, as after a crash',
      { records: new Map([['w', 4]]), documents: at(4, 3), confirmed: 8, stored: 9 },
    ],
    ['waited so long that reports left the stream', { confirmed: 50, gone: 50, stored: 9 }],
    ['belongs to a fleet that another worker has left', { documents: at(4, 9) }],
  ])('that %s does not lag', (_what, change) => {
    expect(lagOf(change)).toEqual({ term: null, revisions: new Map(), reports: false, restored: false, because: [] })
  })
})

describe('a database that was restored or made anew', () => {
  test('is noticed by the term of a document', () => {
    expect(lagOf({ documents: at(5, 1) })).toMatchObject({ term: 5, reports: true, restored: true })
  })
  test('is noticed by a revision, though the start has raised the term, and counts on above it', () => {
    expect(lagOf({ records: new Map([['w', 3]]), documents: at(4, 7) })).toMatchObject({
      term: null,
      revisions: new Map([['w', 8]]),
      reports: true,
      restored: true,
      because: ['later revisions of 1 documents'],
    })
  })
  test('is noticed by reports alone, after a night in which nobody decided anything', () => {
    expect(lagOf({ confirmed: 9, stored: 4 })).toMatchObject({
      restored: true,
      because: ['reports confirmed up to number 9, of which it has 4'],
    })
  })
})

test('a database of a version that noted nothing has the history read once more, and nobody is alarmed', () => {
  expect(lagOf({ confirmed: 9, stored: null })).toMatchObject({ reports: true, restored: false })
})
