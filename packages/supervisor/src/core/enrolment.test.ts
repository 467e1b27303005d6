import { describe, expect, test } from 'vitest'
import type { JoinTokenRecord, WorkerKey } from '../store/store.ts'
import { decideEnrolment } from './enrolment.ts'

const now = new Date('2026-01-01T12:00:00.000Z')
const later = '2026-01-01T13:00:00.000Z'
const earlier = '2026-01-01T11:00:00.000Z'
const token: JoinTokenRecord = {
  id: 't',
  hash: 'h',
  worker_id: null,
  uses: 1,
  used: 0,
  made_at: earlier,
  made_by: 'li',
  expires_at: later,
}
const asked = { workerId: 'w', publicKey: 'U1' }
const key = (change: Partial<WorkerKey> = {}): WorkerKey => ({
  public_key: 'U1',
  worker_id: 'w',
  claimed_at: earlier,
  revoked_at: null,
  ...change,
})

describe('who may speak for a worker id', () => {
  test('whoever comes first with a good token', () => {
    expect(decideEnrolment(asked, { keys: [], token }, now)).toEqual({ verdict: 'claim', tokenId: 't' })
    expect(decideEnrolment(asked, { keys: [], token: { ...token, worker_id: 'w' } }, now)).toEqual({
      verdict: 'claim',
      tokenId: 't',
    })
  })

  test('the same key again, whatever became of the token', () => {
    for (const one of [null, { ...token, used: 1 }, { ...token, expires_at: earlier }])
      expect(decideEnrolment(asked, { keys: [key()], token: one }, now)).toEqual({ verdict: 'bound' })
  })

  test('a new key once the old one was revoked', () => {
    expect(decideEnrolment(asked, { keys: [key({ public_key: 'U0', revoked_at: earlier })], token }, now)).toEqual({
      verdict: 'claim',
      tokenId: 't',
    })
  })

  const refusals: [why: string, keys: WorkerKey[], token: JoinTokenRecord | null, reason: RegExp][] = [
    ['without a token', [], null, /not known/],
    ['with one that expired', [], { ...token, expires_at: now.toISOString() }, /expired at 2026-01-01T12/],
    ['with one that was used up', [], { ...token, used: 1 }, /used up: it was valid for 1 worker$/],
    ['with one for another id', [], { ...token, worker_id: 'x' }, /only for worker x$/],
    ['with a revoked key', [key({ revoked_at: earlier })], token, /was revoked/],
    ['with a key of another id', [key({ worker_id: 'x' })], token, /this key belongs to worker x/],
    ['for an id that has another key', [key({ public_key: 'U0' })], token, /worker id w belongs to another key/],
  ]
  test.each(refusals)('not somebody %s', (_, keys, one, reason) => {
    expect(decideEnrolment(asked, { keys, token: one }, now)).toEqual({
      verdict: 'refused',
      reason: expect.stringMatching(reason),
    })
  })
})
