// enrolment.test.ts — Which keys may be bound to a worker id.
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
const request = { workerId: 'w', publicKey: 'U1' }
const key = (change: Partial<WorkerKey> = {}): WorkerKey => ({
  public_key: 'U1',
  worker_id: 'w',
  claimed_at: earlier,
  revoked_at: null,
  ...change,
})

describe('a key is bound to a worker id', () => {
  test('when it is the first one, and comes with a valid token', () => {
    expect(decideEnrolment(request, { keys: [], token }, now)).toEqual({ verdict: 'claim', tokenId: 't' })
    expect(decideEnrolment(request, { keys: [], token: { ...token, worker_id: 'w' } }, now)).toEqual({
      verdict: 'claim',
      tokenId: 't',
    })
  })

  test('again, whatever has happened to the token', () => {
    for (const one of [null, { ...token, used: 1 }, { ...token, expires_at: earlier }])
      expect(decideEnrolment(request, { keys: [key()], token: one }, now)).toEqual({ verdict: 'bound' })
  })

  test('in place of one that was revoked', () => {
    expect(decideEnrolment(request, { keys: [key({ public_key: 'U0', revoked_at: earlier })], token }, now)).toEqual({
      verdict: 'claim',
      tokenId: 't',
    })
  })

  const refusals: [why: string, keys: WorkerKey[], token: JoinTokenRecord | null, reason: RegExp][] = [
    ['without a token', [], null, /not known/],
    ['with a token that has expired', [], { ...token, expires_at: now.toISOString() }, /expired at 2026-01-01T12/],
    ['with a token that is used up', [], { ...token, used: 1 }, /used up: it was valid for 1 worker$/],
    ['with a token for another id', [], { ...token, worker_id: 'x' }, /only for worker x$/],
    ['when it was revoked', [key({ revoked_at: earlier })], token, /was revoked/],
    ['when it belongs to another id', [key({ worker_id: 'x' })], token, /this key belongs to worker x/],
    ['when the id has another key', [key({ public_key: 'U0' })], token, /worker id w belongs to another key/],
  ]
  test.each(refusals)('but not %s', (_, keys, one, reason) => {
    expect(decideEnrolment(request, { keys, token: one }, now)).toEqual({
      verdict: 'refused',
      reason: expect.stringMatching(reason),
    })
  })
})
