// pages.test.ts — Every page of the UI in both themes and on three screens: accessible, no wider than the screen, few
// elements, nothing from elsewhere. `npm run screenshots` takes its pictures of them.
import { beforeAll, describe, expect, test } from 'vitest'
import type { Browser, Page, Route } from 'playwright-core'
import { openBrowser, openTab } from '../harness/browser.ts'
import { startPageFleet, type PageFleet } from '../harness/page-fleet.ts'
import { createPlace } from '../harness/place.ts'
import { until } from '../harness/wait.ts'

/** How many elements any page may have. */
const ELEMENTS_MAX = 2500
const LOOKS = [
  ['light', 1280, 'en'],
  ['dark', 1280, 'en'],
  ['light', 390, 'en'],
  ['dark', 390, 'en'],
  ['light', 320, 'en'],
  ['light', 1280, 'zh-CN'],
  ['dark', 390, 'zh-CN'],
] as const

const isLoaded = (page: Page) =>
  until('the page has loaded', () =>
    page.evaluate(
      () =>
        document.querySelector('[aria-busy="true"]') === null &&
        document.querySelector('main h1, [role=dialog] h2') !== null,
    ),
  )

describe('every page', () => {
  const place = createPlace()
  let browser: Browser
  let fleet: PageFleet
  const shoot = async (page: Page, name: string) => {
    const folder = process.env['KAGAMI_SHOTS']
    if (folder) await page.screenshot({ path: `${folder}/${name}.png`, fullPage: true })
  }

  beforeAll(async () => {
    browser = await openBrowser(place)
    fleet = await startPageFleet(place)
  })

  test.each(LOOKS)('is for everybody, in %s at %i px, in %s', async (theme, width, locale) => {
    const { page, problems, axe } = await openTab(browser, fleet.supervisor.url, { theme, width, locale })
    for (const [name, path] of Object.entries(fleet.pages)) {
      await page.goto(`/ui/${path}`)
      await isLoaded(page)
      await shoot(page, `${name}-${theme}-${width}${locale === 'en' ? '' : '-zh'}`)
      const wide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth)
      const elements = await page.evaluate(() => document.querySelectorAll('*').length)
      expect([path, wide, elements < ELEMENTS_MAX, await axe()]).toEqual([path, false, true, []])
    }
    expect(problems).toEqual([])
    await page.context().close()
  })

  test('tells a silent worker from a live one, and what waits from what runs', async () => {
    const { page } = await openTab(browser, fleet.supervisor.url)
    await page.goto('/ui/workers')
    const silent = page.getByRole('row', { name: /hk-3/ })
    await silent.getByText('Silent').waitFor()
    expect(await silent.innerText()).not.toContain('1 of 4')
    await page.getByRole('row', { name: /sh-12/ }).getByText('Online').waitFor()
    await page.goto('/ui/replicas?health=unknown')
    await page.getByText('1–2 of 2').waitFor()
    await page.goto('/ui/replicas?health=stuck')
    await page.getByRole('link', { name: 'pypi' }).first().waitFor()
    await page.context().close()
  })

  test('does not show a sync of a silent worker as if it went on', async () => {
    const { page } = await openTab(browser, fleet.supervisor.url)
    await page.goto('/ui/')
    const words = /worker silent for .+, unknown since/
    const item = page.getByRole('listitem').filter({ has: page.getByRole('link', { name: 'archlinux@hk-3' }) })
    await item.getByText(words).waitFor()
    await item.getByText('Unknown', { exact: true }).waitFor()
    await expect(item.getByRole('progressbar').count()).resolves.toBe(0)
    await page.getByText(', 1 unknown').waitFor()
    const other = page.getByRole('listitem').filter({ has: page.getByRole('link', { name: 'archlinux@bj-1' }) })
    await other.getByRole('progressbar').waitFor()
    for (const path of ['syncs/running-hk-3-3', 'replicas/hk-3-archlinux']) {
      await page.goto(`/ui/${path}`)
      await page.getByText(words).first().waitFor()
      await expect(page.getByRole('progressbar').count()).resolves.toBe(0)
    }
    await page.goto('/ui/syncs?state=running')
    const row = page.getByRole('row', { name: /archlinux hk-3/ })
    await row.getByText(/^worker silent for/).waitFor()
    await row.getByText('Unknown', { exact: true }).waitFor()
    await page.context().close()
  })

  test('does not make a sync that nobody has measured look as if a part were done', async () => {
    for (const width of [1280, 390]) {
      const { page } = await openTab(browser, fleet.supervisor.url, { width })
      await page.goto('/ui/')
      const item = page.getByRole('listitem').filter({ has: page.getByRole('link', { name: 'pypi@bj-1' }) })
      const bar = item.getByRole('progressbar')
      await bar.waitFor()
      const [whole, drawn] = [await bar.boundingBox(), await bar.locator('span').boundingBox()]
      expect([drawn!.x, drawn!.width]).toEqual([whole!.x, whole!.width])
      // The bar is below its name, as wide as the list.
      const name = await item.getByRole('link', { name: 'pypi@bj-1' }).boundingBox()
      expect([Math.round(name!.x), name!.y < whole!.y]).toEqual([Math.round(whole!.x), true])
      await page.context().close()
    }
  })

  test('says the same of a disk on each page', async () => {
    const { page } = await openTab(browser, fleet.supervisor.url)
    const totals: string[] = []
    for (const path of ['storage', 'workers/sh-12']) {
      await page.goto(`/ui/${path}`)
      const used = await page
        .getByText(/of .+ used/)
        .first()
        .innerText()
      totals.push(/of ([\d.]+ \w+) used/.exec(used)![1]!)
    }
    expect(totals[0]).toBe(totals[1])
    await page.context().close()
  })

  test('says at once that a worker has the name already that a preset brings', async () => {
    const { page } = await openTab(browser, fleet.supervisor.url)
    await page.goto(`/ui/${fleet.pages['replica-add']}`)
    await page.getByText('sh-12 already has a replica called debian').waitFor()
    await page.context().close()
  })

  test('keeps the words of the bar at the bottom apart, on the narrowest screen too', async () => {
    for (const width of [390, 320]) {
      const { page } = await openTab(browser, fleet.supervisor.url, { width })
      await page.goto('/ui/replicas')
      await isLoaded(page)
      const boxes = await page
        .locator('.rail a .word:visible')
        .evaluateAll((words) =>
          words.map((word) => word.getBoundingClientRect()).map(({ left, right }) => ({ left, right })),
        )
      const overlaps = boxes.slice(1).filter(({ left }, index) => left < boxes[index]!.right)
      expect([width, overlaps]).toEqual([width, []])
      await page.context().close()
    }
  })

  test('shows on the card of a worker what its numbers are, and the numbers', async () => {
    const { page } = await openTab(browser, fleet.supervisor.url, { width: 390 })
    await page.goto('/ui/workers')
    const card = page.getByRole('row', { name: /sh-12/ })
    const [box, replicas] = [await card.boundingBox(), await card.getByText('12', { exact: true }).boundingBox()]
    expect(replicas!.y + replicas!.height).toBeLessThanOrEqual(box!.y + box!.height)
    const share = await card.getByText(/^\d+%$/).boundingBox()
    expect(share!.y + share!.height).toBeLessThanOrEqual(box!.y + box!.height)
    // Word and number stand in one line.
    const words = await card.getByText('12', { exact: true }).evaluate((element) => {
      const cell = element.closest('td')!
      return [cell.dataset['word'], Math.round(cell.getBoundingClientRect().height)]
    })
    expect(words).toEqual(['Replicas', 24])
    await page.context().close()
  })

  test('shows on the card of a mirror its health and its newest copy', async () => {
    const { page } = await openTab(browser, fleet.supervisor.url, { width: 390 })
    await page.goto('/ui/mirrors')
    const card = page.getByRole('row', { name: /gentoo/ })
    const box = (await card.boundingBox())!
    for (const fact of [card.getByText('Failed'), card.locator('time').first()]) {
      const place = (await fact.boundingBox())!
      expect(place.y).toBeGreaterThanOrEqual(box.y)
      expect(place.y + place.height).toBeLessThanOrEqual(box.y + box.height)
    }
    await page.context().close()
  })

  test('says of no list that it is empty before it is loaded', async () => {
    const { page } = await openTab(browser, fleet.supervisor.url)
    const waiting: (() => void)[] = []
    const hold = async (route: Route) => {
      await new Promise<void>((resolve) => waiting.push(resolve))
      await route.continue()
    }
    await page.route('**/api/v1/replicas?*', hold)
    await page.route('**/api/v1/syncs?*', hold)
    await page.goto('/ui/workers/sh-12')
    await until('both lists are asked for', () => waiting.length === 2)
    await page.getByText('First seen').waitFor()
    await expect(page.getByText(/It has no replicas yet|No syncs yet/).count()).resolves.toBe(0)
    for (const release of waiting) release()
    await page.getByRole('link', { name: 'alpine' }).first().waitFor()
    await page.context().close()
  })

  test('tries again what fails for one cause as a job, and leads to it', async () => {
    const { page } = await openTab(browser, fleet.supervisor.url)
    await page.goto('/ui/')
    const cause = page.getByText('Upstream missing').first()
    await cause.waitFor()
    await page
      .getByText(/failing since 7 h/)
      .first()
      .waitFor()
    await page.getByRole('button', { name: 'Retry 1' }).last().click()
    await page.getByText('1 sync requested').waitFor()
    await page.locator('.toasts').getByRole('link').click()
    await page.waitForURL(/\/ui\/jobs\//)
    await page
      .getByRole('link', { name: /broken/ })
      .first()
      .waitFor()
    await page.context().close()
  })

  test('shows what the replica that failed last said, cut to a line that opens', async () => {
    const { page } = await openTab(browser, fleet.supervisor.url, { width: 390 })
    await page.goto('/ui/')
    const line = page.getByRole('button', { name: /No space left on device \(28\)/ })
    await line.waitFor()
    const heightOf = async () => (await line.boundingBox())!.height
    const closed = await heightOf()
    expect(await line.getAttribute('title')).toContain('No space left on device (28)')
    await line.click()
    await expect.poll(heightOf).toBeGreaterThan(closed * 2)
    await line.click()
    await expect.poll(heightOf).toBe(closed)
    await page.getByRole('link', { name: 'openwrt@bj-1' }).first().click()
    await page.waitForURL(/\/ui\/syncs\/sync-bj-1-disk_full/)
    await page.context().close()
  })

  test('says how old its numbers are also where it was never live', async () => {
    const { page } = await openTab(browser, fleet.supervisor.url)
    await page.addInitScript('delete globalThis.SharedWorker')
    await page.route('**/api/v1/stream?*', (route) => route.abort())
    await page.goto('/ui/')
    await isLoaded(page)
    await page.getByText(/No connection to the supervisor. What you see is from/).waitFor()
    await page.context().close()
  })

  test('says so when the code of a page cannot be loaded', async () => {
    const { page } = await openTab(browser, fleet.supervisor.url)
    await page.route(/EventList|\/ui\/events$/, (route) => route.abort())
    await page.goto('/ui/')
    await page.getByRole('link', { name: 'Events' }).click()
    await page.getByText('Cannot reach the supervisor').waitFor()
    await page.unrouteAll()
    await page.getByRole('link', { name: 'Events' }).click()
    await page.getByRole('heading', { level: 1, name: 'Events' }).waitFor()
    await page.context().close()
  })

  test('says how old its numbers are when the supervisor is gone, and shows none that it does not know', async () => {
    const looks = [
      ['light', 1280],
      ['dark', 390],
    ] as const
    const tabs = await Promise.all(
      looks.map(([theme, width]) => openTab(browser, fleet.supervisor.url, { theme, width })),
    )
    for (const { page } of tabs) {
      await page.goto('/ui/')
      await isLoaded(page)
    }
    await fleet.supervisor.kill()
    for (const [index, { page, axe }] of tabs.entries()) {
      await page.getByText(/No connection to the supervisor. What you see is from/).waitFor()
      await shoot(page, `down-${looks[index]!.join('-')}`)
      expect(await axe()).toEqual([])
      // The banner says since when; the bar keeps its buttons on the screen.
      const display = await page.getByRole('button', { name: 'Display' }).boundingBox()
      expect(display!.x + display!.width).toBeLessThanOrEqual(looks[index]![1])
      expect(
        await page
          .getByRole('button', { name: /Retry|Sync/ })
          .first()
          .getAttribute('aria-disabled'),
      ).toBe('true')
    }
  })
})
