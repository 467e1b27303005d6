// languages.test.ts — The web UI in Chinese and English, in local times and UTC, as the browser prefers or as somebody
// chooses, which stays so.
import { beforeAll, describe, expect, test } from 'vitest'
import type { Browser, Page } from 'playwright-core'
import { openBrowser, openTab } from '../harness/browser.ts'
import { createPlace, startNats } from '../harness/place.ts'
import { startSupervisor, startWorker, type SupervisorProgram } from '../harness/programs.ts'
import { until } from '../harness/wait.ts'

describe('the web UI', () => {
  const place = createPlace()
  let browser: Browser
  let supervisor: SupervisorProgram
  const choose = async (page: Page, menu: string, choice: string) => {
    await page.getByRole('button', { name: menu }).click()
    await page.getByRole('radio', { name: choice }).check()
    await page.keyboard.press('Escape')
  }

  beforeAll(async () => {
    const nats = await startNats(place)
    supervisor = await startSupervisor(place, { nats: nats.url })
    browser = await openBrowser(place)
    await startWorker(place, {
      nats: nats.url,
      env: { KAGAMI_WORKER_ID: 'w-1', KAGAMI_NAME: 'sh-12' },
      providers: [{ name: 'debian', kind: 'http', upstream: 'http://127.0.0.1:1/', interval_secs: 3600 }],
    })
    await until('its sync has failed', async () => {
      const { items } = await supervisor.api.call('listSyncs', { query: { outcome: 'failed' } })
      return items.length > 0
    })
  })

  test.each(['light', 'dark'] as const)('is in Chinese for a browser that prefers it, in %s', async (theme) => {
    const { page, problems, axe } = await openTab(browser, supervisor.url, { theme, locale: 'zh-CN' })
    const pages: [string, string][] = [
      ['/ui/', '需要关注'],
      ['/ui/mirrors', '镜像'],
      ['/ui/mirrors/debian', '最近的同步'],
      ['/ui/replicas', '添加副本'],
      ['/ui/replicas/add', '类型'],
      ['/ui/workers', '节点'],
      ['/ui/workers/w-1', '最近出现'],
      ['/ui/syncs', '同步'],
    ]
    for (const [path, text] of pages) {
      await page.goto(path)
      await page.getByText(text).filter({ visible: true }).first().waitFor()
      expect(await page.locator('html').getAttribute('lang')).toBe('zh-CN')
      expect([path, await axe()]).toEqual([path, []])
      if (process.env['KAGAMI_SHOTS'])
        await page.screenshot({
          path: `${process.env['KAGAMI_SHOTS']}/zh${path.replaceAll('/', '-')}-${theme}.png`,
          fullPage: true,
        })
    }
    expect(problems).toEqual([])
    await page.context().close()
  })

  test('changes its language when somebody chooses one, and keeps it', async () => {
    const { page, axe } = await openTab(browser, supervisor.url)
    await page.goto('/ui/')
    await choose(page, 'Display', '简体中文')
    await page.getByText('需要关注').waitFor()
    await page.reload()
    await page.getByText('需要关注').waitFor()
    await choose(page, '显示', 'English')
    await page.getByText('Needs attention').waitFor()
    await page.getByRole('button', { name: 'Display' }).click()
    expect(await axe()).toEqual([])
    if (process.env['KAGAMI_SHOTS']) await page.screenshot({ path: `${process.env['KAGAMI_SHOTS']}/display.png` })
    await page.context().close()
  })

  test('shows times in the zone of the browser, or in UTC', async () => {
    const { page } = await openTab(browser, supervisor.url, { zone: 'Asia/Shanghai' })
    const times = (zone: RegExp) => page.locator('main').getByText(zone)
    await page.goto('/ui/syncs')
    await page.locator('[data-rows] a[href*="/syncs/"]').first().click()
    await times(/GMT\+8/)
      .first()
      .waitFor()
    await choose(page, 'Display', 'UTC')
    await times(/UTC$/).first().waitFor()
    expect(await times(/GMT\+8/).count()).toBe(0)
    await page.context().close()
  })
})
