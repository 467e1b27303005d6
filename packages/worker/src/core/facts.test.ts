// facts.test.ts — What a replica remembers of its syncs: since when it fails, whatever happens in between.
import type { Outcome } from '@kagami/protocol'
import { sampleReport, sampleSpec } from '@kagami/protocol/testing/samples'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { learn, noFacts, type Facts } from './facts.ts'

const START = Date.parse('2026-01-01T00:00:00Z')
const minute = (index: number) => new Date(START + index * 60_000).toISOString()

/** The facts after syncs that ended so, one each minute. */
function after(outcomes: readonly Outcome[], from: Facts = noFacts): Facts {
  return outcomes.reduce(
    (facts, outcome, index) =>
      learn({ spec: sampleSpec(), facts }, sampleReport({ outcome, reason: null, ended_at: minute(index) })),
    from,
  )
}

describe('since when a replica fails', () => {
  it.each<[string, Outcome[], number | null]>([
    ['never', ['success'], null],
    ['from the first failure', ['success', 'failed'], 1],
    ['still from the first one after more of them', ['success', 'failed', 'failed', 'failed'], 1],
    [
      'still from the first one after a sync that was cancelled or interrupted',
      ['failed', 'cancelled', 'interrupted'],
      0,
    ],
    ['no longer after a success', ['failed', 'success'], null],
    ['no longer once it is held', ['failed', 'held'], null],
    ['anew after a success', ['failed', 'success', 'failed'], 2],
    ['never because of a sync that was cancelled', ['cancelled'], null],
  ])('%s', (_, outcomes, since) => {
    expect(after(outcomes).failingSince).toBe(since === null ? null : minute(since))
  })

  it('is known exactly while it fails', () => {
    const outcome = fc.constantFrom<Outcome>('success', 'failed', 'cancelled', 'interrupted', 'held')
    fc.assert(
      fc.property(fc.array(outcome), (outcomes) => {
        const { failures, failingSince } = after(outcomes)
        expect(failingSince === null).toBe(failures === 0)
      }),
    )
  })

  it('is not made up for failures that an earlier version counted', () => {
    expect(after(['failed'], { ...noFacts, failures: 3 }).failingSince).toBeNull()
  })
})
