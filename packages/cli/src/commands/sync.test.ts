// sync.test.ts — kagami sync: what it asks for, and how --wait ends.
import type { Sync } from '@kagami/protocol'
import { describe, expect, it } from 'vitest'
import { startApi } from '../testing/api-server.ts'
import { runKagami } from '../testing/run-kagami.ts'
import { aHistory, aPage, aReplica, aSync } from '../testing/samples.ts'

/** A supervisor that takes requests for two copies and whose history becomes `ended` once they were made. */
async function answerWith(ended: (replica: string) => Sync | null, more: Parameters<typeof startApi>[0] = {}) {
  let requested = false
  const request = (replica: string, worker: string) => ({
    request_id: `q-${replica}`,
    replica_id: replica,
    name: 'debian',
    worker_id: worker,
  })
  return startApi({
    syncReplica: () => {
      requested = true
      return { requests: [request('r-1', 'w-1')] }
    },
    syncResource: () => {
      requested = true
      return { requests: [request('r-1', 'w-1'), request('r-2', 'w-2')] }
    },
    listSyncs: ({ query }) => {
      const one = requested ? ended(query?.replica ?? '') : null
      return one ? aPage(one) : aPage()
    },
    getReplica: () => aReplica({ activity: 'queued', queue: { position: 2, reason: 'waiting for a slot' } }),
    ...more,
  })
}
const good = (replica: string) => aSync({ replica_id: replica, request_id: `q-${replica}` })
const bad = (replica: string) =>
  aSync({ replica_id: replica, request_id: `q-${replica}`, outcome: 'failed', message: 'no route', bytes: null })

describe('kagami sync', () => {
  it('asks for every copy of a name, or for one as NAME@WORKER', async () => {
    const api = await answerWith(() => null)
    const { code, stdout, stderr } = await runKagami('sync debian debian@sh-12', api.env)
    expect([code, stdout.match(/\(q-r-\d\)/g)]).toEqual([0, ['(q-r-1)', '(q-r-2)', '(q-r-1)']])
    expect(stderr).toContain('kagami logs -f NAME@WORKER')
    expect(api.asked.map(({ name, params }) => `${name} ${params['id']}`)).toEqual([
      'syncResource debian',
      'syncReplica debian@sh-12',
    ])
  })
  it('prints the requests for programs', async () => {
    const api = await answerWith(() => null)
    const { stdout } = await runKagami('sync debian@sh-12 --json', api.env)
    expect(JSON.parse(stdout)).toMatchObject([{ request_id: 'q-r-1', replica_id: 'r-1' }])
  })
})

describe('kagami sync --wait', () => {
  it('says how a sync ended, and where its log is', async () => {
    const { code, stdout } = await runKagami('sync debian@sh-12 --wait', (await answerWith(good)).env)
    expect([code, stdout]).toEqual([
      0,
      `✓ success debian@sh-12. 2s, 3.0 MiB received   kagami logs ${good('r-1').sync_id}\n`,
    ])
  })
  it.each([
    ['every sync failed', bad, 1],
    ['some of them failed', (replica: string) => (replica === 'r-1' ? good(replica) : bad(replica)), 8],
    ['all went well', good, 0],
  ])('when %s exits so', async (_, ended, code) => {
    const ran = await runKagami('sync debian --wait', (await answerWith(ended)).env)
    expect(ran.code).toBe(code)
    expect(ran.stdout.includes('✕ failed debian@sh-12. 2s: no route')).toBe(code !== 0)
  })
  it('ends at once with a code of its own when the worker is silent, and names it', async () => {
    const api = await startApi({
      syncReplica: () => ({ requests: [{ request_id: 'q', replica_id: 'r-1', name: 'debian', worker_id: 'w-1' }] }),
      listSyncs: () => aPage(),
      getReplica: () => aReplica({ worker_presence: 'lost' }),
    })
    const { code, stdout, stderr } = await runKagami('sync debian@sh-12 --wait', api.env)
    expect([code, stdout]).toEqual([9, ''])
    expect(stderr).toContain('its worker sh-12 is silent')
    expect(stderr).toContain('the request stays')
  })
  it('asks for nothing when the time to wait is no number', async () => {
    const api = await answerWith(good)
    const { code, stderr } = await runKagami('sync debian --wait --timeout soon', api.env)
    expect([code, stderr, api.asked]).toEqual([2, expect.stringContaining('not "soon"'), []])
  })
  it('tells what it waits for, and gives up with exit code 7 when the time is over', async () => {
    const { code, stdout, stderr } = await runKagami(
      'sync debian@sh-12 --wait --timeout 0',
      (await answerWith(() => null)).env,
    )
    expect([code, stdout]).toEqual([7, ''])
    expect(stderr).toContain('debian: ')
  })
  it('shows phase and percent, one line for each ten', async () => {
    const percents = [12, 14, 38]
    const api = await answerWith((replica) => {
      const percent = percents.shift()
      const progress = {
        phase: 'transferring' as const,
        percent: percent ?? 0,
        bytes: null,
        files: null,
        bytes_per_second: null,
      }
      return percent === undefined
        ? good(replica)
        : aSync({ state: 'running', outcome: null, ended_at: null, duration_ms: null, progress })
    })
    const { stderr } = await runKagami('sync debian@sh-12 --wait', api.env)
    expect(stderr).toBe('debian: transferring 10%\ndebian: transferring 30%\n')
  })
  it('says beside the phase how long such syncs usually take, without a percent that no tool reports', async () => {
    const progress = { phase: 'listing' as const, percent: null, bytes: null, files: null, bytes_per_second: null }
    const running = aSync({ state: 'running', outcome: null, ended_at: null, duration_ms: null, progress })
    const steps = [running]
    const api = await answerWith((replica) => steps.shift() ?? good(replica), { replicaHistory: () => aHistory() })
    const { stderr } = await runKagami('sync debian@sh-12 --wait', api.env)
    expect(stderr).toBe('debian: listing; usually 8m, about 7m to 9m left\n')
  })
})
