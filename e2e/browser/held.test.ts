// held.test.ts — Decisions that can be taken back, in a real browser: everybody sees them on every page with the time
// that is left, and anyone who may change things can undo them.
import { sampleState } from '@kagami/protocol/testing/samples'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Browser } from 'playwright-core'
import { openBrowser, openTab } from '../harness/browser.ts'
import { createPlace, startNats } from '../harness/place.ts'
import { startSupervisor, type SupervisorProgram } from '../harness/programs.ts'
import { startSpokenWorker } from '../harness/spoken-worker.ts'
import { until } from '../harness/wait.ts'

describe('a decision in the UI', () => {
  const place = createPlace()
  let browser: Browser
  let supervisor: SupervisorProgram
  let nats: { url: string }
  const admission = async (id: string) =>
    (await supervisor.api.call('getWorker', { params: { id } }).catch(() => null))?.admission
  const open = async (path: string, look: Parameters<typeof openTab>[2] = {}) => {
    const tab = await openTab(browser, supervisor.url, look)
    await tab.page.goto(path)
    await tab.page.getByTestId('connection').getByText('Live').waitFor()
    return tab
  }
  const join = (id: string) =>
    startSpokenWorker(place, nats.url, {
      replicas: [sampleState({ replica_id: `${id}-debian`, name: 'debian', origin: 'config' })],
      about: { worker_id: id, name: id },
    })

  beforeAll(async () => {
    nats = await startNats(place)
    supervisor = await startSupervisor(place, { nats: nats.url, env: { SUPERVISOR_AUTO_APPROVE: 'false' } })
    browser = await openBrowser(place)
    for (const id of ['bj-1', 'hk-3', 'sh-12']) await join(id)
    for (const id of ['hk-3', 'sh-12']) await supervisor.api.call('approve', { params: { id } })
  })

  test('approves after some seconds', async () => {
    const { page, problems } = await open('/ui/workers/bj-1')
    await page.getByRole('button', { name: 'Approve' }).click()
    const bar = page.getByRole('list', { name: 'Decisions that can be taken back' })
    await bar.getByText('bj-1 will be approved').waitFor()
    expect(await admission('bj-1')).toBe('pending')
    await page.getByRole('button', { name: 'Terminate' }).waitFor()
    await until('it is approved', async () => (await admission('bj-1')) === 'approved')
    await until('the bar is gone', async () => (await bar.getByRole('listitem').count()) === 0)
    expect(problems).toEqual([])
    await page.context().close()
  })

  test.each([
    ['light', 1280],
    ['dark', 390],
  ] as const)('terminates only when nobody has undone it, in %s at %i', async (theme, width) => {
    const { page, problems } = await open('/ui/workers/hk-3', { theme, width })
    const other = await open('/ui/replicas', { theme, width })
    await page.getByRole('button', { name: 'Terminate' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByText('It is done after 30 seconds').waitFor()
    await dialog.getByRole('textbox').fill('hk-3')
    await dialog.getByRole('button', { name: 'Terminate' }).click()
    await page.getByText('hk-3 will be terminated').first().waitFor()
    // Meanwhile the same cannot be decided again.
    expect(await page.getByRole('button', { name: 'Terminate' }).getAttribute('aria-disabled')).toBe('true')
    // Somebody else sees it, and takes it back by one key.
    await other.page.getByText('hk-3 will be terminated').first().waitFor()
    if (process.env['KAGAMI_SHOTS'])
      await other.page.screenshot({ path: `${process.env['KAGAMI_SHOTS']}/held-${theme}-${width}.png` })
    expect(await other.axe()).toEqual([])
    await other.page.keyboard.press('u')
    await other.page.getByText('Taken back: nothing changes for hk-3').waitFor()
    await until('nothing is held', async () => (await supervisor.api.call('listActions')).length === 0)
    await until('the bar is gone', async () => (await page.getByRole('button', { name: 'Undo' }).count()) === 0)
    expect(await admission('hk-3')).toBe('approved')
    expect([...problems, ...other.problems]).toEqual([])
    await page.context().close()
    await other.page.context().close()
  })

  test('is still shown to who comes later, also after the supervisor was killed', async () => {
    await supervisor.api.call('holdAction', { body: { action: 'terminate', target: 'sh-12', hold_secs: 600 } })
    const { page } = await open('/ui/')
    await page.getByText('sh-12 will be terminated').first().waitFor()
    const port = Number(new URL(supervisor.url).port)
    await supervisor.kill()
    supervisor = await startSupervisor(place, { nats: nats.url, port, env: { SUPERVISOR_AUTO_APPROVE: 'false' } })
    await page.getByTestId('connection').getByText('Live').waitFor()
    await page.getByRole('button', { name: 'Undo' }).click()
    await until('nothing is held', async () => (await supervisor.api.call('listActions')).length === 0)
    expect(await admission('sh-12')).toBe('approved')
    await page.context().close()
  })
})
