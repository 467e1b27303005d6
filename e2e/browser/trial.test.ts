// trial.test.ts — An upstream is tested in the forms of a replica, in a real browser: by keyboard, on a phone, when it
// fails, and saved nevertheless; accessible in both themes and languages.
import { startHttpUpstream, writeFiles } from '@kagami/demo'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Browser, Page } from 'playwright-core'
import { openBrowser, openTab } from '../harness/browser.ts'
import { startNats, createPlace } from '../harness/place.ts'
import { startSupervisor, startWorker, type SupervisorProgram } from '../harness/programs.ts'
import { until } from '../harness/wait.ts'

describe('the test of an upstream', () => {
  const place = createPlace()
  let browser: Browser
  let supervisor: SupervisorProgram
  let web: string
  const shoot = async (page: Page, name: string) => {
    if (process.env['KAGAMI_SHOTS']) await page.screenshot({ path: `${process.env['KAGAMI_SHOTS']}/${name}.png` })
  }
  const open = async (upstream: string, look: Parameters<typeof openTab>[2] = {}) => {
    const tab = await openTab(browser, supervisor.url, look)
    await tab.page.goto(`/ui/replicas/add?worker=w&kind=http&upstream=${encodeURIComponent(upstream)}`)
    const dialog = tab.page.getByRole('dialog')
    await dialog.waitFor()
    return { ...tab, dialog }
  }

  beforeAll(async () => {
    writeFiles(place.at('www'), { 'a.iso': 'text' })
    const served = await startHttpUpstream({ dir: place.at('www') })
    place.onEnd(served.stop)
    web = served.url
    const nats = await startNats(place)
    supervisor = await startSupervisor(place, { nats: nats.url })
    browser = await openBrowser(place)
    await startWorker(place, {
      nats: nats.url,
      env: { KAGAMI_NAME: 'sh-12', KAGAMI_WORKER_ID: 'w' },
      providers: [],
    })
    await until('it joined', async () => (await supervisor.api.call('listWorkers')).total === 1)
  })

  test.each(['light', 'dark'] as const)('says by keyboard and on a phone what was found, in %s', async (theme) => {
    const { page, dialog, axe, problems } = await open(`${web}/a.iso`, { theme, width: 390 })
    await dialog.getByRole('button', { name: 'Test upstream' }).focus()
    await page.keyboard.press('Enter')
    const found = dialog.getByRole('region', { name: 'Test of the upstream' })
    await found.getByText('sh-12 can mirror it').waitFor()
    const text = (await found.textContent()) ?? ''
    for (const part of ['Connection ok', 'Upstream ok', 'the file a.iso, 4 bytes', 'free on sh-12'])
      expect(text).toContain(part)
    await shoot(page, `trial-${theme}`)
    expect(await page.evaluate(() => document.documentElement.scrollWidth > innerWidth)).toBe(false)
    const body = found.locator('xpath=..')
    expect(await body.evaluate(({ scrollWidth, clientWidth }) => scrollWidth > clientWidth)).toBe(false)
    expect(await axe()).toEqual([])
    expect(problems).toEqual([])
  })

  test('that fails says why and what to do; what is typed then makes it void, and the replica is saved', async () => {
    const { page, dialog, axe } = await open(`${web}/none.iso`)
    await dialog.getByRole('button', { name: 'Test upstream' }).click()
    await dialog.getByText('sh-12 could not sync it now').waitFor()
    await dialog.getByText('the upstream answered 404').waitFor()
    await dialog.getByText('It can be saved nevertheless').waitFor()
    await shoot(page, 'trial-failed')
    expect(await axe()).toEqual([])
    await dialog.getByLabel('Upstream', { exact: true }).fill(`${web}/other.iso`)
    await dialog.getByText('could not sync it now').waitFor({ state: 'detached' })
    await dialog.getByLabel('Name', { exact: true }).fill('other')
    await dialog.getByRole('button', { name: 'Add replica', exact: true }).click()
    await page.waitForURL(/\/ui\/replicas\/[0-9a-f-]{36}/)
  })

  test('is there when a replica is edited, and in Chinese', async () => {
    const body = { name: 'edited', kind: 'http', upstream: `${web}/a.iso` }
    const { replica_id } = await supervisor.api.call('addReplica', { params: { id: 'w' }, body })
    const { page, problems } = await openTab(browser, supervisor.url, { locale: 'zh-CN' })
    await page.goto(`/ui/replicas/${replica_id}/edit`)
    const dialog = page.getByRole('dialog')
    await dialog.getByRole('button', { name: '测试上游' }).click()
    await dialog.getByText('sh-12 可以镜像它').waitFor()
    expect(problems).toEqual([])
  })

  test('needs an upstream', async () => {
    const { dialog } = await open('')
    const button = dialog.getByRole('button', { name: 'Test upstream' })
    expect(await button.getAttribute('aria-disabled')).toBe('true')
  })
})
