// check.test.ts — kagami check: one line and the exit codes of monitoring plugins.
import { describe, expect, it } from 'vitest'
import { startApi } from '../testing/api-server.ts'
import { runKagami } from '../testing/run-kagami.ts'
import { aSummary } from '../testing/samples.ts'

const workers = { total: 3, approved: 2, pending: 1, rejected: 0, online: 1, late: 0, lost: 1 }
const troubled = await startApi({
  summary: () =>
    aSummary({ workers, replicas_total: 149, health_counts: { fresh: 146, late: 3, stale: 1, failed: 2 } }),
})
const unreached = await startApi({ summary: () => aSummary({ nats: { connected: false, server_version: null } }) })
const quiet = await startApi({ summary: () => aSummary({ replicas_total: 4, health_counts: { fresh: 4 } }) })

describe('kagami check', () => {
  it('is a warning for what needs a person, with all counts', async () => {
    const { code, stdout } = await runKagami('check', troubled.env)
    expect(code).toBe(1)
    expect(stdout).toMatch(/^KAGAMI WARNING - 2 failed, 1 stale, 1 worker silent \| [a-z= 0-9]+\n$/)
    expect(stdout).toContain(' failed=2 ')
    expect(stdout).toContain(' late=3 ')
    expect(stdout).toContain(' pending=1 ')
  })

  it('is critical by what was named so, first', async () => {
    const { code, stdout } = await runKagami('check --critical stale,pending --warning failed,late', troubled.env)
    expect([code, stdout.split(' | ')[0]]).toEqual([2, 'KAGAMI CRITICAL - 1 stale, 1 worker pending, 2 failed, 3 late'])
  })

  it('is critical when the supervisor does not reach NATS', async () => {
    const { code, stdout } = await runKagami('check', unreached.env)
    expect([code, stdout.split(' | ')[0]]).toEqual([2, 'KAGAMI CRITICAL - NATS not reached'])
  })

  it('is fine when nothing of that is there', async () => {
    const { code, stdout } = await runKagami('check', quiet.env)
    expect([code, stdout.split(' | ')[0]]).toEqual([0, 'KAGAMI OK - 4 of 4 fresh'])
    const { verdict, counts } = JSON.parse((await runKagami('check --json', quiet.env)).stdout)
    expect([verdict, counts.fresh, counts.failed]).toEqual(['OK', 4, 0])
  })

  it('is unknown when nobody can be asked, and when a word is wrong', async () => {
    const down = await runKagami('check --api http://127.0.0.1:1')
    expect([down.code, down.stdout]).toEqual([
      3,
      expect.stringMatching(/^KAGAMI UNKNOWN - cannot reach the supervisor at http:\/\/127\.0\.0\.1:1.*; .+\n$/i),
    ])
    const wrong = await runKagami('check --warning faled', quiet.env)
    expect([wrong.code, wrong.stdout]).toEqual([
      3,
      'KAGAMI UNKNOWN - --warning: "faled" is no word that is counted; Did you mean failed?\n',
    ])
  })
})
