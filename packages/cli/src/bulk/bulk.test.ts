// bulk.test.ts — kagami bulk: how replicas are chosen, what is asked before, and what is said of a job.
import type { BulkAnswer, BulkJob } from '@kagami/protocol'
import { describe, expect, it } from 'vitest'
import { startApi, type Answers } from '../testing/api-server.ts'
import { runOnTerminal } from '../testing/on-terminal.ts'
import { runKagami } from '../testing/run-kagami.ts'
import { aPage, secondsFromNow } from '../testing/samples.ts'

const aJob = (changed: Partial<BulkJob> = {}): BulkJob => ({
  job_id: '0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b',
  action: 'sync',
  state: 'running',
  total: 3,
  waiting: 3,
  ok: 0,
  refused: 0,
  cancelled: 0,
  names: ['debian@sh-12', 'arch@sh-12', 'pypi@hk-3'],
  query: { health: 'failed' },
  patch: null,
  reason: null,
  retry_of: null,
  started_by: 'token',
  started_at: secondsFromNow(-60),
  ended_at: null,
  ...changed,
})
const anAnswer = (changed: Partial<BulkAnswer> = {}): BulkAnswer => ({
  matching: 3,
  names: ['debian@sh-12', 'arch@sh-12', 'pypi@hk-3'],
  workers: 2,
  last_copies: [],
  last_copies_total: 0,
  job: null,
  ...changed,
})
const refusedItem = {
  position: 1,
  replica_id: 'r-2',
  worker_id: 'w-1',
  name: 'arch@sh-12',
  result: 'refused' as const,
  code: 'conflict',
  message: 'arch is declared in worker.toml of sh-12, and can be changed only there',
  hint: 'Edit the provider arch in worker.toml.',
}
/** A supervisor where the job ends so. */
const answers = (end: Partial<BulkJob> = {}, seen: Partial<BulkAnswer> = {}): Answers => ({
  startBulk: ({ body }) => anAnswer({ ...seen, job: body.dry_run ? null : aJob({ action: body.action }) }),
  getBulk: () => aJob({ state: 'finished', waiting: 0, ok: 3, ended_at: secondsFromNow(-1), ...end }),
  listBulkItems: () => aPage(refusedItem),
  listBulk: () => aPage(aJob(), aJob({ state: 'cancelled', waiting: 0, ok: 1, cancelled: 2 })),
  retryBulk: () => aJob({ total: 1, waiting: 1 }),
  cancelBulk: () => undefined,
})

describe('kagami bulk', () => {
  it('looks first, and does it for just the number that it saw', async () => {
    const api = await startApi(answers())
    const line = 'bulk sync --health failed,stale --worker sh-12 --reason outage'
    const { code, stdout, stderr } = await runKagami(line, api.env)
    expect([code, stdout]).toEqual([0, `Job ${aJob().job_id}: sync 3 replicas\n`])
    expect(stderr).toContain(`kagami bulk get ${aJob().job_id}`)
    const query = { health: 'failed,stale', worker: 'sh-12' }
    expect(api.asked.map(({ body }) => body)).toEqual([
      { action: 'sync', query, dry_run: true },
      { action: 'sync', query, expected: 3, reason: 'outage' },
    ])
  })
  it('takes names too, and an edit what it sets', async () => {
    const api = await startApi(answers())
    await runKagami('bulk pause debian@sh-12 arch@sh-12', api.env)
    await runKagami('bulk edit --labelled env=test --interval 60 --label env=prod --unset publish --json', api.env)
    expect(api.asked.map(({ body }) => body).filter((_, index) => index % 2 === 1)).toEqual([
      { action: 'pause', replicas: ['debian@sh-12', 'arch@sh-12'], expected: 3 },
      {
        action: 'edit',
        query: { label: 'env=test' },
        patch: { interval_secs: 60, labels: { env: 'prod' }, options: { publish: null } },
        expected: 3,
      },
    ])
  })
  it.each([
    ['bulk sync', 'no replicas are chosen; nothing was done'],
    ['bulk sync debian@sh-12 --all', 'not several of them'],
    ['bulk sync --health fialed', '"fialed" is no health'],
    ['bulk edit --all', 'nothing was given that would change the replicas'],
    ['bulk remove --worker sh-12', 'removing many replicas needs a confirmation; nothing was done'],
  ])('%s is refused before anything is started', async (line, why) => {
    const api = await startApi(answers())
    const { code, stderr } = await runKagami(line, api.env)
    expect([code, stderr]).toEqual([2, expect.stringContaining(why)])
    expect(api.asked.filter(({ body }) => (body as { dry_run?: boolean }).dry_run !== true)).toEqual([])
  })
  it('says with --dry-run what it concerns and what is lost, and does nothing', async () => {
    const api = await startApi(answers({}, { last_copies: ['arch', 'pypi'], last_copies_total: 2 }))
    const { code, stdout } = await runKagami('bulk remove --worker sh-12 --dry-run', api.env)
    expect([code, stdout]).toEqual([
      0,
      'remove would concern 3 replicas on 2 workers: debian@sh-12, arch@sh-12, pypi@hk-3\n' +
        'These 2 mirrors lose the ONLY copy: arch, pypi\n',
    ])
    expect(api.asked).toHaveLength(1)
    const { stdout: json } = await runKagami('bulk remove --worker sh-12 --dry-run --json', api.env)
    expect(JSON.parse(json)).toMatchObject({ matching: 3, job: null })
  })
  it('removes on a terminal only when the number was typed', async () => {
    const api = await startApi(answers({}, { last_copies: ['arch'], last_copies_total: 1 }))
    const run = (typed: string) =>
      runOnTerminal('bulk remove --worker sh-12', { env: api.env, when: 'to go on: ', typed })
    const wrong = await run('2')
    expect([wrong.code, wrong.text]).toEqual([2, expect.stringContaining('that is not 3; nothing was done')])
    expect(wrong.text).toContain('This mirror loses the ONLY copy: arch')
    expect((await run('3')).code).toBe(0)
    expect(api.asked.map(({ body }) => body).filter((body) => !(body as { dry_run?: boolean }).dry_run)).toEqual([
      { action: 'remove', query: { worker: 'sh-12' }, expected: 3 },
    ])
  }, 60_000)
  it.each([
    [{}, 0, 'sync 3 of 3 ok\n'],
    [{ ok: 2, refused: 1 }, 8, 'sync 2 of 3 ok, 1 refused\n'],
    [{ ok: 0, refused: 3 }, 1, 'sync 0 of 3 ok, 3 refused\n'],
    [{ state: 'cancelled' as const, ok: 1, cancelled: 2 }, 8, 'sync 1 of 3 ok, 2 cancelled\n'],
  ])('with --wait, when the job ends with %j, exits with %i', async (end, code, first) => {
    const api = await startApi(answers(end))
    const ran = await runKagami('bulk sync --all --wait', api.env)
    expect([ran.code, ran.stdout.startsWith(first)]).toEqual([code, true])
    expect(ran.stdout.includes('✕ refused  arch@sh-12')).toBe('refused' in end)
    expect(ran.stderr.includes('kagami bulk retry')).toBe('refused' in end)
  })
  it('lists jobs, and says of one what it could not do and why', async () => {
    const api = await startApi(answers({ ok: 2, refused: 1 }))
    const { stdout: list } = await runKagami('bulk', api.env)
    expect(list).toMatch(/STATE +ACTION.*\n↻ running +sync +3 .*\n‖ cancelled +sync/)
    const { stdout } = await runKagami('bulk get 0190a1b2', api.env)
    expect(stdout).toMatch(/chosen +health=failed/)
    expect(stdout).toMatch(/✕ refused +arch@sh-12 +arch is declared in worker\.toml/)
  })
  it.each(['list', 'get 0190', 'items 0190 --result refused', 'retry 0190', 'cancel 0190'])(
    'prints JSON for bulk %s --json',
    async (words) => {
      const { code, stdout } = await runKagami(`bulk ${words} --json`, (await startApi(answers())).env)
      expect([code, typeof JSON.parse(stdout)]).toEqual([0, 'object'])
    },
  )
})
