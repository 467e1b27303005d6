// events.test.ts — The page of events in a real browser: what was asked for appears by itself, with who asked, of whom,
// and the result; refused requests too.
import { beforeAll, describe, expect, test } from 'vitest'
import type { Browser } from 'playwright-core'
import { openBrowser, openTab } from '../harness/browser.ts'
import { createPlace, startNats } from '../harness/place.ts'
import { startSupervisor, startWorker, type SupervisorProgram } from '../harness/programs.ts'
import { until } from '../harness/wait.ts'

describe('the page of events', () => {
  const place = createPlace()
  let browser: Browser
  let supervisor: SupervisorProgram

  beforeAll(async () => {
    const nats = await startNats(place)
    supervisor = await startSupervisor(place, { nats: nats.url })
    browser = await openBrowser(place)
    await startWorker(place, {
      nats: nats.url,
      env: { KAGAMI_WORKER_ID: 'w-1', KAGAMI_NAME: 'sh-12' },
      providers: [{ name: 'debian', kind: 'http', upstream: 'http://127.0.0.1:1/', interval_secs: 3600 }],
    })
    await until('it is known', async () => (await supervisor.api.call('listReplicas')).total === 1)
  })

  test.each([
    ['light', 1280],
    ['dark', 1280],
    ['light', 390],
  ] as const)('shows what is asked for as it happens, in %s at %i', async (theme, width) => {
    const { page, problems, axe } = await openTab(browser, supervisor.url, { theme, width })
    await page.goto('/ui/events')
    await page.getByRole('heading', { level: 1, name: 'Events' }).waitFor()
    const reason = `seen in ${theme} ${width}`
    await supervisor.api.call('pauseReplica', { params: { id: 'debian@sh-12' }, body: { reason } })
    const refused = await fetch(`${supervisor.url}/api/v1/replicas/debian@sh-12/reject`, { method: 'POST' })
    expect(refused.status).toBe(409)
    await page.getByText(reason).first().waitFor()
    await page.getByText('conflict').first().waitFor()
    if (process.env['KAGAMI_SHOTS'])
      await page.screenshot({ path: `${process.env['KAGAMI_SHOTS']}/events-${theme}-${width}.png` })
    expect(await axe()).toEqual([])
    await page.getByLabel('Result').selectOption('refused')
    await until('only refused ones are left', async () => (await page.getByText(reason).count()) === 0)
    expect(page.url()).toContain('result=refused')
    await page.getByRole('link', { name: 'debian@sh-12' }).first().click()
    await page.getByRole('heading', { level: 1, name: /debian/ }).waitFor()
    expect(problems).toEqual([])
    await supervisor.api.call('resumeReplica', { params: { id: 'debian@sh-12' } })
    await page.context().close()
  })
})
