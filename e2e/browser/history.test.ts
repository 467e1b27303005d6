// history.test.ts — The history of a replica in a real browser: results, charts and the same numbers as a table, over
// 7, 30 and 90 days; what was not measured is not shown.
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { writeFiles } from '@kagami/demo'
import { subjectFor, type SyncReport } from '@kagami/protocol'
import { sampleReport } from '@kagami/protocol/testing/samples'
import { connectBus, createLogger, newId } from '@kagami/runtime'
import type { Browser } from 'playwright-core'
import { beforeAll, describe, expect, test } from 'vitest'
import { openBrowser, openTab } from '../harness/browser.ts'
import { createPlace, startNats } from '../harness/place.ts'
import { startSupervisor, startWorker, type SupervisorProgram } from '../harness/programs.ts'
import { until } from '../harness/wait.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

describe('the history on the page of a replica', () => {
  const place = createPlace()
  let browser: Browser
  let supervisor: SupervisorProgram
  let send: (reports: readonly SyncReport[]) => Promise<void>
  const replica = async (name: string) =>
    (await supervisor.api.call('listReplicas', { query: { name } })).items[0]?.replica_id
  const open = async (name: string, query = '', look: Parameters<typeof openTab>[2] = {}) => {
    const tab = await openTab(browser, supervisor.url, look)
    await tab.page.goto(`/ui/replicas/${await replica(name)}${query}`)
    return { ...tab, panel: tab.page.getByTestId('history') }
  }

  /** A sync every 4 hours for 80 days; none for a week of them, and two days of failures. */
  const longHistory = (replicaId: string) =>
    Array.from({ length: 80 * 6 }, (_, index) => ({ index, ago: (80 * 6 - index) * 4 * HOUR_MS }))
      .filter(({ ago }) => ago < 40 * DAY_MS || ago > 47 * DAY_MS)
      .map(({ index, ago }) => {
        const failed = ago > 4 * DAY_MS && ago < 6 * DAY_MS
        return sampleReport({
          sync_id: newId(),
          worker_id: 'w-1',
          replica_id: replicaId,
          outcome: failed ? 'failed' : index % 50 === 7 ? 'held' : 'success',
          reason: failed ? 'timed_out' : null,
          started_at: new Date(Date.now() - ago).toISOString(),
          ended_at: new Date(Date.now() - ago + 480_000).toISOString(),
          duration_ms: 400_000 + ((index * 7919) % 200) * 1000,
          bytes: failed ? null : ((index * 104_729) % 900) * 2 ** 20,
          files: failed ? null : 1000 + index,
          size_bytes: failed ? null : 600 * 2 ** 30 + index * 2 ** 27,
        })
      })

  beforeAll(async () => {
    writeFiles(place.at('upstream'), { a: 'a', b: 'b' })
    const nats = await startNats(place)
    supervisor = await startSupervisor(place, { nats: nats.url })
    browser = await openBrowser(place)
    // Its syncs never end: nobody answers.
    const silent = createServer(() => {}).listen(0, '127.0.0.1')
    await once(silent, 'listening')
    place.onEnd(() => silent.close().closeAllConnections())
    const slow = `http://127.0.0.1:${(silent.address() as AddressInfo).port}/file`
    const upstream = `file://${place.at('upstream')}`
    await startWorker(place, {
      nats: nats.url,
      providers: [
        ...['long', 'young', 'none'].map((name) => ({ name, kind: 'rsync', upstream, interval_secs: 0 })),
        { name: 'slow', kind: 'http', upstream: slow, interval_secs: 0 },
      ],
      env: {
        KAGAMI_UPSTREAM_ROOTS: JSON.stringify([place.dir]),
        KAGAMI_WORKER_ID: 'w-1',
        KAGAMI_NAME: 'sh-12',
      },
    })
    await until('they are there', () => replica('none'))
    const bus = await connectBus({ url: nats.url, name: 'test', logger: createLogger('test', { LOG_LEVEL: 'silent' }) })
    place.onEnd(() => bus.close())
    send = async (reports) => {
      for (const report of reports) await bus.stream.publish(subjectFor('report', 'w-1'), JSON.stringify(report))
    }
    const ids = { long: (await replica('long'))!, slow: (await replica('slow'))!, young: (await replica('young'))! }
    const reports = longHistory(ids.long)
    await send(reports)
    await send(
      reports.slice(-3).map((report) => ({ ...report, sync_id: newId(), replica_id: ids.slow, duration_ms: 480_000 })),
    )
    await send(reports.slice(-2).map((report) => ({ ...report, sync_id: newId(), replica_id: ids.young })))
    const stored = async () => (await supervisor.api.call('listSyncs', { query: { replica: ids.young } })).total
    await until('all are stored', async () => (await stored()) >= 2)
  })

  test.each([
    ['light', 1280, '90'],
    ['dark', 1280, '30'],
    ['light', 390, '90'],
    ['dark', 390, ''],
  ] as const)('shows results, charts and a table in %s at %i px', async (theme, width, days) => {
    const { page, panel, problems, axe } = await open('long', days && `?days=${days}`, { theme, width })
    await panel.getByText(/^usually \d+ m .*, 95 % within \d+ m/).waitFor()
    await panel.getByTestId('plot-received').locator('canvas').waitFor()
    expect(await panel.locator('canvas').count()).toBe(3)
    expect(await panel.getByRole('button', { pressed: true }).textContent()).toBe(`${days || 7} days`)
    await panel.getByText('Show as table').click()
    await panel.getByRole('table').waitFor()
    const shown = await supervisor.api.call('replicaHistory', {
      params: { id: (await replica('long'))! },
      query: { days: days || '7' },
    })
    const known = shown.buckets.filter(({ to }) => to > shown.known_since!)
    expect(await panel.getByRole('row').count()).toBe(known.length + 1)
    const failures = shown.buckets.findLast((bucket) => bucket.failures > 0)!
    const row = panel.getByRole('row').filter({ hasText: 'Timed out' }).first()
    expect((await row.getByRole('cell').allTextContents()).slice(1, 3)).toEqual([
      String(failures.syncs),
      String(failures.failures),
    ])
    if (process.env['KAGAMI_SHOTS'])
      await page.screenshot({ path: `${process.env['KAGAMI_SHOTS']}/history-${theme}-${width}.png`, fullPage: true })
    expect(await axe()).toEqual([])
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width)
    expect(problems).toEqual([])
  })

  test('leaves the time empty of which nothing is known, and that in which no sync ended', async () => {
    const { panel } = await open('long', '?days=90')
    const strip = panel.getByRole('slider')
    await strip.waitFor()
    const cells = await strip.locator('i').evaluateAll((all) => all.map((cell) => cell.getAttribute('data-shape')))
    expect(cells.length).toBe(90)
    expect(cells.slice(0, 8)).toEqual(Array.from({ length: 8 }, () => 'unknown'))
    // Parts are days of UTC: one more is empty when the first sync, 80 days ago, ended after midnight.
    expect(cells.slice(10).filter((shape) => shape === 'unknown')).toEqual([])
    expect(cells.filter((shape) => shape === 'none').length).toBeGreaterThanOrEqual(6)
    await panel.getByText('Show as table').click()
    const row = panel.getByRole('row').filter({ hasText: 'No sync ended' }).first()
    await row.waitFor()
    expect(await row.getByRole('cell').allTextContents()).toEqual(['· No sync ended', '0', '0', '0', '0', ...rest('—')])
  })

  test('tells each part to the keyboard, and keeps the time that was chosen in the address', async () => {
    const { page, panel, problems } = await open('long')
    const strip = panel.getByRole('slider')
    await strip.focus()
    await page.keyboard.press('End')
    for (let part = 0; part < 20; part++) await page.keyboard.press('ArrowLeft')
    await panel
      .locator('.pointed')
      .getByText(/syncs?, \d failed \(Timed out\)/)
      .waitFor()
    expect(await strip.getAttribute('aria-valuetext')).toMatch(/failed \(Timed out\)/)
    await panel.getByRole('button', { name: '30 days' }).click()
    await until('it is in the address', () => page.url().endsWith('?days=30'))
    await page.reload()
    await until('it is there again', async () => (await strip.locator('i').count()) === 30)
    expect(problems).toEqual([])
  })

  test('says how many syncs are missing, and shows the third when it ends', async () => {
    const { panel, axe, problems } = await open('young')
    await panel.getByText('Not enough history for charts yet (2 of 3 syncs in this time).').waitFor()
    expect(await panel.locator('canvas').count()).toBe(0)
    expect(await axe()).toEqual([])
    await supervisor.api.call('syncResource', { params: { id: 'young' } })
    await panel.getByTestId('plot-duration').locator('canvas').waitFor()
    expect(problems).toEqual([])
  })

  test('says beside a running sync how long such syncs usually take, and shows no percent', async () => {
    await supervisor.api.call('syncResource', { params: { id: 'slow' } })
    const running = async () => (await supervisor.api.call('listSyncs', { query: { state: 'running' } })).items[0]
    await until('it runs', running)
    const { page, problems, axe } = await openTab(browser, supervisor.url)
    for (const path of ['', `replicas/${await replica('slow')}`, `syncs/${(await running())!.sync_id}`]) {
      await page.goto(`/ui/${path}`)
      await page.getByTestId('usual').getByText('usually 8 m · about 7 m to 8 m left').waitFor()
      expect(await page.getByRole('progressbar').first().getAttribute('aria-valuenow')).toBeNull()
      expect(await axe()).toEqual([])
    }
    expect(problems).toEqual([])
  })

  test('has no numbers for a replica that has never been synced', async () => {
    const { panel } = await open('none')
    await panel.getByText(/^No sync has ended yet/).waitFor()
    expect(await panel.locator('i, canvas, table').count()).toBe(0)
  })
})

const rest = (text: string) => Array.from({ length: 6 }, () => text)
