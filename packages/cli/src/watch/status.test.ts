// status.test.ts — kagami status: the fleet on one screen, and an exit code for cron.
import { describe, expect, it } from 'vitest'
import { startApi } from '../testing/api-server.ts'
import { runKagami } from '../testing/run-kagami.ts'
import { aDisk, aForecast, aPage, aSummary, aWorker, secondsFromNow } from '../testing/samples.ts'

const quiet = await startApi({ summary: () => aSummary(), listWorkers: () => aPage() })
const troubled = await startApi({
  summary: () =>
    aSummary({
      workers: { total: 3, approved: 2, pending: 1, rejected: 0, online: 1, late: 0, lost: 1 },
      jobs: { running: 0, queued: 0, limit: 4, unknown: 1 },
      health_counts: { fresh: 1, failed: 2, unknown: 1 },
      causes: [
        {
          reason: 'upstream_missing',
          message: 'the upstream answers 404',
          hint: 'Check the path.',
          replicas: 2,
          since: secondsFromNow(-60),
          workers: ['sh-12', 'sh-13'],
          examples: [],
          last: {
            replica_id: 'r-1',
            name: 'debian',
            worker_name: 'sh-13',
            sync_id: 's-1',
            at: secondsFromNow(-120),
            line: 'http://deb.example.org/debian answered 404 Not Found, which a mirror that moved would say',
          },
        },
        {
          reason: 'too_many_deletions',
          message: 'the sync would delete more than its limit',
          hint: 'Approve or reject it.',
          replicas: 1,
          held: 1,
          since: secondsFromNow(-60),
          workers: ['sh-12'],
          examples: [],
        },
        {
          reason: 'upstream_empty',
          message: 'the upstream is empty',
          hint: 'Look at it.',
          replicas: 3,
          held: 2,
          since: null,
          workers: ['sh-12'],
          examples: [],
        },
      ],
      disks: {
        total: 9,
        full_soon: 3,
        worst: [
          aDisk({ name: 'sh-12', full_soon: true, forecast: aForecast({ days: 9, from_days: 6, to_days: null }) }),
          aDisk({ name: 'bj-1', forecast: aForecast() }),
          aDisk({ name: 'hk-3', full_soon: true, forecast: aForecast({ verdict: 'not_growing', days: null }) }),
        ],
      },
      nats: { connected: false, server_version: null },
    }),
  listWorkers: ({ query }) =>
    aPage(
      aWorker(
        query?.presence === 'lost'
          ? { name: 'silent-1', last_seen_at: secondsFromNow(-200) }
          : { name: 'new-1', admission: 'pending' },
      ),
    ),
})
const empty = await startApi({
  summary: () =>
    aSummary({
      workers: { total: 0, approved: 0, pending: 0, rejected: 0, online: 0, late: 0, lost: 0 },
      resources_total: 0,
      replicas_total: 0,
      health_counts: {},
      storage: { total_bytes: 0, used_bytes: 0 },
      last_failure: { at: secondsFromNow(-3600), name: 'debian', worker_name: 'sh-12' },
    }),
  listWorkers: () => aPage(),
})

describe('kagami status', () => {
  it('shows supervisor, workers, mirrors and storage of a fleet without trouble', async () => {
    const { code, stdout, stderr } = await runKagami('status', quiet.env)
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout.split('\n')).toEqual([
      `Supervisor  ${quiet.url}  0.1.0  up 2h   NATS ok (2.11.0)`,
      'Workers     ✓ 1 online',
      'Mirrors     2   ✓ 2 fresh   Syncing 0, queued 0, slots 4',
      'Storage     512 GiB / 1.0 TiB (50%)',
      'Needs attention',
      '  Nothing needs you.',
      '',
    ])
  })
  it('lists what needs attention, each with the command that leads on', async () => {
    const { stdout } = await runKagami('status', troubled.env)
    expect(stdout).toContain('NATS not reached')
    expect(stdout).toContain('Workers     ✓ 1 online  ? 1 silent  ○ 1 pending\n')
    expect(stdout).toContain('Mirrors     2   ✕ 2 failed  ? 1 unknown  ✓ 1 fresh ')
    expect(stdout).toMatch(
      /✕ failed {2}the upstream answers 404 {2}2 replicas on sh-12, sh-13, .*--cause upstream_missing/,
    )
    expect(stdout).toContain('on sh-12, sh-13, failing since 60s ago  → kagami')
    expect(stdout).toContain(
      '\n     debian@sh-13, 2m ago: http://deb.example.org/debian answered 404 Not Found, which a mirror that moved ' +
        'would say\n     Check the path.\n',
    )
    expect(stdout).toMatch(/○ pending {2}worker new-1 .*kagami workers approve new-1/)
    expect(stdout).toMatch(
      /\? silent {2}worker silent-1 for 3m, 1 sync unknown since {2}→ kagami workers get silent-1\n/,
    )
    expect(stdout).toContain('Syncing 0, 1 unknown, queued 0, slots 4\n')
    expect(stdout).not.toContain('Nothing needs you')
    expect(stdout).toContain('Storage     512 GiB / 1.0 TiB (50%)   sh-12 full in ~9d (6–never)\n')
    expect(stdout).toContain(
      '  ▲ disk full soon  sh-12  full in ~9d (6–never), 983 GiB free  → kagami storage get sh-12\n' +
        '  ▲ disk full soon  hk-3  not growing, 983 GiB free  → kagami storage get hk-3\n' +
        '  ▲ disk full soon  1 more  → kagami storage\n',
    )
  })
  it('tells of what is stale or stuck, though no sync has failed', async () => {
    const api = await startApi({
      summary: () => aSummary({ health_counts: { fresh: 1, stale: 2, stuck: 1 } }),
      listWorkers: () => aPage(),
    })
    const { stdout } = await runKagami('status', api.env)
    expect(stdout).toContain(
      'Needs attention\n' +
        '  ▲ 2 stale  the last good sync is too long ago, though none failed  → kagami replicas --health stale\n' +
        '  ◼ 1 stuck  a sync makes no progress  → kagami replicas --health stuck\n',
    )
    expect(stdout).not.toContain('Nothing needs you')
  })
  it('cuts what a replica said to the width of the terminal', async () => {
    const { isTTY, columns } = process.stdout
    Object.assign(process.stdout, { isTTY: true, columns: 60 })
    const { stdout } = await runKagami('status', troubled.env)
    Object.assign(process.stdout, { isTTY, columns })
    expect(stdout).toContain('\n     debian@sh-13, 2m ago: http://deb.example.org/debian an…\n')
  })
  it('shows what is held as held, not as failed', async () => {
    const { stdout } = await runKagami('status', troubled.env)
    expect(stdout).toMatch(
      /\n {2}◫ held {2}the sync would delete more than its limit {2}1 replica on sh-12 .*_deletions\n/,
    )
    expect(stdout).toMatch(/\n {2}✕ 1 failed, ◫ 2 held {2}the upstream is empty {2}3 replicas on sh-12 /)
  })
  it('says how to begin when there is no worker, and when the last failure was', async () => {
    const { stdout } = await runKagami('status', empty.env)
    expect(stdout).toContain('Workers     none yet: kagami run worker --nats-url URL --data-dir DIR\n')
    expect(stdout).toContain('Mirrors     0   -   ')
    expect(stdout).toMatch(/Storage {5}- \(no worker has .* yet\)\n/)
    expect(stdout).toContain('  Nothing needs you. Last failure 60m ago (debian)\n')
  })
  it('prints the summary for programs', async () => {
    const { stdout } = await runKagami('status --json', troubled.env)
    expect(JSON.parse(stdout)).toMatchObject({
      health_counts: { failed: 2 },
      causes: [{ reason: 'upstream_missing' }, { held: 1 }, { held: 2 }],
    })
  })
  it.each([
    ['failed', 1],
    ['stale,unknown', 1],
    ['stale,late', 0],
  ])('--fail-on %s exits %i', async (healths, code) =>
    expect((await runKagami(`status --fail-on ${healths}`, troubled.env)).code).toBe(code),
  )
  it('refuses a word that is no health, because it would never fail', async () => {
    const { code, stderr } = await runKagami('status --fail-on hold', troubled.env)
    expect([code, stderr]).toEqual([2, 'error: --fail-on: "hold" is no health\nhint: Did you mean held?\n'])
  })
  it('exits 6 when no supervisor answers, and 1 when what answers is none', async () => {
    const nobody = await runKagami('status --api http://127.0.0.1:2')
    expect([nobody.code, nobody.stdout]).toEqual([6, ''])
    expect(nobody.stderr).toContain('cannot reach the Supervisor at http://127.0.0.1:2: connection refused')
    const stranger = await runKagami('status', (await startApi({})).env)
    expect([stranger.code, stranger.stderr]).toEqual([1, expect.stringContaining('Is this a Kagami supervisor?')])
  })
})
