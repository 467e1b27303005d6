// status.test.ts — The status page in a real browser: without JavaScript, in both themes, on small screens.
import { beforeAll, describe, expect, test } from 'vitest'
import type { Browser } from 'playwright-core'
import { openBrowser, openTab } from '../harness/browser.ts'
import { createPlace } from '../harness/place.ts'
import { HOSTILE_NAMES, startStatusFleet, type StatusFleet } from '../harness/status-fleet.ts'
import { until } from '../harness/wait.ts'

const PATHS = ['/status/', '/status/?show=new&lang=zh-CN', '/status/debian/', '/status/nobody']

describe('the status page', () => {
  let browser: Browser
  const place = createPlace()
  let fleet: StatusFleet

  beforeAll(async () => {
    fleet = await startStatusFleet(place, {
      SUPERVISOR_STATUS_NOTICE: 'Maintenance on Friday.',
      SUPERVISOR_STATUS_TITLE: 'Mirrors of Example',
    })
    browser = await openBrowser(fleet.place)
  })

  describe.each(['light', 'dark'] as const)('in %s', (theme) => {
    test.each([1280, 390, 320])('is accessible at %s px, and not wider than the screen', async (width) => {
      const { page, problems, axe } = await openTab(browser, fleet.supervisor.url, { theme, width })
      for (const [index, path] of PATHS.entries()) {
        await page.goto(path)
        expect([path, await axe()]).toEqual([path, []])
        // oxlint-disable-next-line no-undef
        expect([path, await page.evaluate(() => document.documentElement.scrollWidth)]).toEqual([path, width])
        const shots = process.env['KAGAMI_SHOTS']
        if (shots) await page.screenshot({ path: `${shots}/status-${index}-${theme}-${width}.png`, fullPage: true })
      }
      expect(problems).toEqual([])
    })
  })

  test('has a feed and badges that are well-formed', async () => {
    const { page } = await openTab(browser, fleet.supervisor.url)
    const badges = HOSTILE_NAMES.map((name) => `${encodeURIComponent(name)}/badge.svg`)
    for (const path of ['feed.atom', 'debian/badge.svg', ...badges]) {
      const text = await (await fetch(`${fleet.supervisor.url}/status/${path}`)).text()
      const problem = await page.evaluate((xml) => {
        const document = new DOMParser().parseFromString(xml, 'application/xml')
        return document.querySelector('parsererror')?.textContent ?? null
      }, text)
      expect([path, problem]).toEqual([path, null])
    }
  })

  test('is whole with JavaScript off, and used by keyboard alone', async () => {
    const context = await browser.newContext({ javaScriptEnabled: false, baseURL: fleet.supervisor.url })
    const page = await context.newPage()
    await page.goto('/status/')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    expect(new URL(page.url()).hash).toBe('#content')
    await page.getByLabel('Search mirrors').fill('deb')
    await page.keyboard.press('Enter')
    await page.waitForURL('**/status/?q=deb')
    await page.getByRole('link', { name: 'Help for debian' }).click()
    await page.getByRole('heading', { level: 1, name: 'debian' }).waitFor()
    await page.getByRole('link', { name: '简体中文' }).click()
    await page.getByRole('heading', { level: 2, name: '如何使用此镜像' }).waitFor()
    await page.getByRole('link', { name: '全部镜像' }).click()
    await page.getByRole('link', { name: '有问题' }).click()
    const debian = page.getByRole('link', { name: 'debian', exact: true })
    await until('only those with problems are shown', async () => (await debian.count()) === 0)
    await page.getByRole('link', { name: 'stale', exact: true }).waitFor()
    await context.close()
  })
})
