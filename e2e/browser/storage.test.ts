// storage.test.ts — How full disks are, in a real browser: their forecasts, the last 14 days as line and table, what
// grew most, and what needs attention.
import { FORECAST_DAYS } from '@kagami/protocol'
import { createLogger } from '@kagami/runtime'
import { openSqlStore } from '@kagami/supervisor/store/sql'
import { makeReplica } from '@kagami/supervisor/testing/states'
import type { Browser } from 'playwright-core'
import { beforeAll, describe, expect, test } from 'vitest'
import { openBrowser, openTab } from '../harness/browser.ts'
import { keepDiskHistory } from '../harness/disk-history.ts'
import { createPlace, startNats } from '../harness/place.ts'
import { startSupervisor, type SupervisorProgram } from '../harness/programs.ts'
import { startSpokenWorker } from '../harness/spoken-worker.ts'
import { until } from '../harness/wait.ts'

const TIB = 2 ** 40
const GIB = 2 ** 30

/** A disk of each kind: its size, how full it is, its growth a day; `from`: the first day that is known. */
const DISKS = [
  { id: 'w-1', name: 'sh-12', total: 80 * TIB, used: 70.5 * TIB, rate: TIB, from: 0 },
  { id: 'w-2', name: 'bj-1', total: 80 * TIB, used: 20.5 * TIB, rate: TIB, from: 0 },
  { id: 'w-3', name: 'hk-3', total: 10 * TIB, used: 9.8 * TIB, rate: 0, from: 0 },
  { id: 'w-4', name: 'nj-2', total: 10 * TIB, used: TIB, rate: GIB, from: 10.5 },
]

describe('the page of storage', () => {
  const place = createPlace()
  let browser: Browser
  let supervisor: SupervisorProgram
  const open = async (path = '/ui/storage', look: Parameters<typeof openTab>[2] = {}) => {
    const tab = await openTab(browser, supervisor.url, look)
    await tab.page.goto(path)
    return tab
  }

  beforeAll(async () => {
    const nats = await startNats(place)
    const db = `sqlite://${place.at('supervisor.db')}?mode=rwc`
    const store = await openSqlStore(db, createLogger('test', { LOG_LEVEL: 'silent' }))
    await store.prepare(() => ({ workers: [], replicas: [], leftOut: 0 }))
    for (const { id, total, used, rate, from } of DISKS)
      await keepDiskHistory(store, id, (day) =>
        day < from || (id === 'w-1' && day > 5 && day < 7)
          ? null
          : { total_bytes: total, used_bytes: Math.round(used - rate * (FORECAST_DAYS - day)) },
      )
    await store.close()
    supervisor = await startSupervisor(place, { nats: nats.url, db })
    browser = await openBrowser(place)
    for (const { id, name, total, used } of DISKS)
      await startSpokenWorker(place, nats.url, {
        replicas: [makeReplica(id, 0, 1), makeReplica(id, 1, 1)],
        about: { worker_id: id, name },
        storage: { total_bytes: total, used_bytes: used },
      })
    await until('all are looked at', async () => (await supervisor.api.call('summary')).disks?.full_soon === 2, {
      seen: () => supervisor.api.call('summary'),
    })
  })

  test.each([
    ['light', 1280],
    ['dark', 1280],
    ['light', 390],
    ['dark', 390],
  ] as const)(
    'shows forecast, room and line of each disk, soonest full first, in %s at %i px',
    async (theme, width) => {
      const { page, problems, axe } = await open('/ui/storage', { theme, width })
      await page.getByText(/^full in ~9 d \(\d+–\d+\)$/).waitFor()
      expect(await page.getByTestId('full-in').allTextContents()).toEqual([
        expect.stringMatching(/^full in ~9 d \(\d+–\d+\)$/),
        expect.stringMatching(/^full in ~59 d \(\d+–\d+\)$/),
        'not growing',
        'not enough data yet (3 of 7 d)',
      ])
      const first = page.getByRole('listitem').filter({ hasText: 'sh-12' })
      await first.getByText('70.5 TiB of 80.0 TiB used · 9.50 TiB free').waitFor()
      await first.getByText(/^Measured .* ago$/).waitFor()
      await first.locator('canvas').waitFor()
      await first.getByText('What grows, and numbers').click()
      const table = first.getByRole('region', { name: 'Used bytes in numbers' })
      await table.getByRole('cell').first().waitFor()
      const numbers = await table.getByRole('cell').allTextContents()
      expect(numbers.length).toBe(57)
      // Newest first; of two days nothing is known, nor of the oldest part in its last hour.
      const gaps = numbers.flatMap((text, index) => (text === '—' ? [index] : []))
      expect(gaps.length).toBeGreaterThanOrEqual(6)
      expect(gaps.length).toBeLessThanOrEqual(10)
      expect(numbers.at(-2)).toMatch(/^5[67]\.\d TiB$/)
      await first.getByRole('table').first().getByText('@sh-12').first().waitFor()
      if (process.env['KAGAMI_SHOTS'])
        await page.screenshot({ path: `${process.env['KAGAMI_SHOTS']}/storage-${theme}-${width}.png`, fullPage: true })
      expect(await axe()).toEqual([])
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width)
      expect(problems).toEqual([])
    },
  )

  test.each(['light', 'dark'] as const)('is led to by what needs attention, in %s', async (theme) => {
    const { page, problems, axe } = await open('/ui/', { theme })
    const entry = page.getByTestId('disk-attention')
    await entry.getByText('Disk full soon').waitFor()
    const text = (await entry.innerText()).replaceAll(/\s+/g, ' ')
    expect(text).toMatch(/2 disks.* sh-12: full in ~9 d \(\d+–\d+\), 88% used · hk-3: not growing, 98% used/)
    expect(await axe()).toEqual([])
    await page.getByRole('list', { name: 'Full first' }).getByRole('link', { name: 'bj-1' }).click()
    await until('only that one is shown', async () => (await page.getByTestId('full-in').count()) === 1)
    expect(page.url()).toMatch(/\/ui\/storage\?worker=w-2$/)
    await page.goBack()
    await entry.getByRole('link', { name: 'Storage' }).click()
    await until('all are shown', async () => (await page.getByTestId('full-in').count()) === DISKS.length)
    expect(problems).toEqual([])
  })

  test('is in the navigation, and leads to a disk from the list of workers and the page of one', async () => {
    const { page, problems } = await open('/ui/workers', { width: 1400 })
    await page.getByRole('row').filter({ hasText: 'sh-12' }).getByRole('link', { name: '~9 d' }).click()
    await page.getByText(/^full in ~9 d/).waitFor()
    await page.getByRole('button', { name: 'Remove filter worker: w-1' }).click()
    await page.getByText('not enough data yet (3 of 7 d)').waitFor()
    await page.getByRole('link', { name: 'nj-2', exact: true }).click()
    await page.getByRole('link', { name: 'not enough data yet (3 of 7 d)' }).waitFor()
    await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Storage' }).click()
    await page.getByRole('heading', { level: 1, name: 'Storage' }).waitFor()
    expect(problems).toEqual([])
  })

  test('says so while nothing was measured, and what cannot be loaded', async () => {
    const { page } = await open()
    await page.route('**/api/v1/storage*', (route) =>
      route.fulfill({ json: { items: [], next_cursor: null, total: 0 } }),
    )
    await page.reload()
    await page.getByRole('heading', { name: 'No disks yet' }).waitFor()
    await page.unroute('**/api/v1/storage*')
    await page.route('**/api/v1/storage*', (route) => route.abort())
    await page.reload()
    await page.getByText('Could not load the disks').waitFor()
    await page.unroute('**/api/v1/storage*')
    await page.getByRole('button', { name: 'Retry' }).first().click()
    await page.getByText(/^full in ~9 d/).waitFor()
  })

  test('is in Chinese for who reads it so', async () => {
    const { page, problems } = await open('/ui/storage', { locale: 'zh-CN' })
    await page.getByText(/^约 9 天后写满（\d+–\d+）$/).waitFor()
    await page.getByText('数据还不够（3 / 7 天）').waitFor()
    expect(problems).toEqual([])
  })
})
