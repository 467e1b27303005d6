// bulk.test.ts — Many replicas at once in the web UI: chosen one by one, in ranges or by the filter, with the keyboard
// and on a phone; what a dialog says before it is done, and the page of the job with its results.
import { beforeAll, describe, expect, test } from 'vitest'
import type { Browser, Page } from 'playwright-core'
import { openBrowser, openTab } from '../harness/browser.ts'
import { createPlace, startNats } from '../harness/place.ts'
import { startSupervisor, startWorker, type SupervisorProgram } from '../harness/programs.ts'
import { until } from '../harness/wait.ts'

const DECLARED = 130
const ADDED = 3

describe('many replicas in the web UI', () => {
  const place = createPlace()
  let browser: Browser
  let supervisor: SupervisorProgram
  const bar = (page: Page) => page.getByTestId('bulk')
  const dialog = (page: Page) => page.getByRole('dialog')
  const box = (page: Page, name: string) => page.getByRole('checkbox', { name: `Choose ${name}@sh-12` })
  const replicas = async () => (await supervisor.api.call('listReplicas', { query: { limit: 500 } })).items
  const sees = (page: Page, text: string | RegExp) => page.getByText(text).first().waitFor()
  const open = async (path: string, look: Parameters<typeof openTab>[2] = {}) => {
    const tab = await openTab(browser, supervisor.url, look)
    await tab.page.goto(path)
    await tab.page.getByTestId('shown').waitFor()
    return tab
  }

  beforeAll(async () => {
    const nats = await startNats(place)
    supervisor = await startSupervisor(place, { nats: nats.url })
    browser = await openBrowser(place)
    await startWorker(place, {
      nats: nats.url,
      env: { KAGAMI_WORKER_ID: 'w-1', KAGAMI_NAME: 'sh-12' },
      providers: Array.from({ length: DECLARED }, (_, index) => ({
        name: `declared-${String(index).padStart(3, '0')}`,
        kind: 'http',
        upstream: `http://127.0.0.1:1/${index}`,
      })),
    })
    await until('all are known', async () => (await replicas()).length === DECLARED)
    for (let index = 0; index < ADDED; index++)
      await supervisor.api.call('addReplica', {
        params: { id: 'w-1' },
        body: { name: `added-${index}`, kind: 'http', upstream: 'http://127.0.0.1:1/', labels: { set: 'added' } },
      })
  })

  test('are chosen with a click, in a range with Shift, with the key x, and all by one box', async () => {
    const { page, problems } = await open('/ui/replicas?sort=name')
    await box(page, 'declared-000').click()
    await sees(page, '1 replica chosen')
    await box(page, 'declared-004').click({ modifiers: ['Shift'] })
    await bar(page).getByText('5 replicas chosen').waitFor()
    await bar(page).getByText('declared-000@sh-12, declared-001@sh-12').waitFor()
    await page.getByRole('link', { name: 'declared-002', exact: true }).focus()
    await page.keyboard.press('x')
    await bar(page).getByText('4 replicas chosen').waitFor()
    expect(await box(page, 'declared-002').isChecked()).toBe(false)
    await page.getByRole('checkbox', { name: /^Choose the \d+ rows that are loaded$/ }).check()
    await bar(page)
      .getByText(/^1\d\d replicas chosen$/)
      .waitFor()
    // Another filter shows other rows: what was chosen among these is not chosen any more.
    await page.getByLabel('Name, upstream or worker').fill('added')
    await until('nothing is chosen', async () => !(await bar(page).isVisible()))
    expect(problems).toEqual([])
    await page.context().close()
  })

  test('all that match a filter are paused, and the page of the job shows each result', async () => {
    const { page, problems } = await open('/ui/replicas?worker=sh-12')
    await page.getByRole('checkbox', { name: 'Choose the 100 rows that are loaded' }).check()
    await page.getByRole('button', { name: `Choose all ${DECLARED + ADDED} that match this filter` }).click()
    await bar(page).getByText('Worker: sh-12').waitFor()
    await bar(page).getByRole('button', { name: 'Pause' }).click()
    await dialog(page)
      .getByRole('heading', { name: `Pause ${DECLARED + ADDED} replicas?` })
      .waitFor()
    await dialog(page).getByText('Chosen by: Worker: sh-12').waitFor()
    await dialog(page).getByLabel('Reason').fill('new disks')
    await dialog(page).getByRole('button', { name: 'Pause' }).click()
    await page.getByRole('link', { name: 'Look at the results' }).click()
    await page.getByRole('heading', { level: 1, name: `Pause of ${DECLARED + ADDED} replicas` }).waitFor()
    await sees(page, `${DECLARED + ADDED} of ${DECLARED + ADDED} done`)
    await sees(page, 'new disks')
    await until('all are paused', async () => (await replicas()).every(({ paused }) => paused?.reason === 'new disks'))
    expect(await page.locator('tr.item').count()).toBeLessThanOrEqual(60)
    expect(problems).toEqual([])
    await page.context().close()
  })

  test('of an edit those that were refused are shown with the reason, and are tried again', async () => {
    const { page, problems } = await open('/ui/replicas?q=0&sort=name')
    await page.getByRole('checkbox', { name: /^Choose the \d+ rows that are loaded$/ }).check()
    await bar(page).getByRole('button', { name: 'Edit …' }).click()
    await dialog(page).getByRole('button', { name: 'Save' }).click()
    await dialog(page).getByText('Nothing is changed yet').waitFor()
    await dialog(page).getByLabel('Labels to set').fill('env=prod')
    await dialog(page).getByRole('button', { name: 'Save' }).click()
    await page.getByRole('link', { name: 'Look at the results' }).click()
    await sees(page, 'can be changed only there')
    await page.getByRole('button', { name: /^Refused/ }).click()
    await until('the filter is in the address', () => page.url().includes('result=refused'))
    await until(
      'only those are listed',
      async () => (await page.getByRole('link', { name: 'added-0@sh-12' }).count()) === 0,
    )
    const [edited] = (await replicas()).filter(({ name }) => name === 'added-0')
    expect(edited?.labels).toEqual({ set: 'added', env: 'prod' })
    const before = page.url()
    await page.getByRole('button', { name: /^Retry the \d+ that were refused$/ }).click()
    await until('it is another job', () => !page.url().startsWith(before.split('?')[0]!))
    await sees(page, 'Tries again')
    expect(problems).toEqual([])
    await page.context().close()
  })

  test('are removed after the number was typed, and the dialog names what loses its only copy', async () => {
    const { page, problems } = await open('/ui/replicas?label=set=added')
    await page.getByRole('checkbox', { name: `Choose the ${ADDED} rows that are loaded` }).focus()
    await page.keyboard.press('Space')
    const remove = bar(page).getByRole('button', { name: 'Remove …' })
    await remove.focus()
    await page.keyboard.press('Enter')
    await dialog(page).getByTestId('last-copies').getByText('added-0, added-1, added-2').waitFor()
    const confirm = dialog(page).getByRole('button', { name: 'Remove' })
    expect(await confirm.isDisabled()).toBe(true)
    await page.keyboard.press('Escape')
    await until('the focus is back', () => remove.evaluate((element) => element === document.activeElement))
    await page.keyboard.press('Enter')
    await dialog(page).getByLabel(`Type the number of replicas to continue: ${ADDED}`).fill(String(ADDED))
    await page.keyboard.press('Enter')
    await page.getByRole('link', { name: 'Look at the results' }).waitFor()
    await until('they are gone', async () => (await replicas()).length === DECLARED)
    expect(problems).toEqual([])
    await page.context().close()
  })

  test('when another number matches by then nothing is done, and the new number is shown', async () => {
    const { page } = await open('/ui/replicas?q=declared')
    await page.getByRole('checkbox', { name: 'Choose the 100 rows that are loaded' }).check()
    await page.getByRole('button', { name: `Choose all ${DECLARED} that match this filter` }).click()
    await bar(page).getByRole('button', { name: 'Resume' }).click()
    await dialog(page)
      .getByRole('heading', { name: `Resume ${DECLARED} replicas?` })
      .waitFor()
    const { total } = await supervisor.api.call('listBulk')
    await supervisor.api.call('addReplica', {
      params: { id: 'w-1' },
      body: { name: 'declared-late', kind: 'http', upstream: 'http://127.0.0.1:1/' },
    })
    await dialog(page).getByRole('button', { name: 'Resume' }).click()
    await dialog(page)
      .getByText(`${DECLARED} replicas were expected and ${DECLARED + 1} match now`)
      .waitFor()
    await dialog(page)
      .getByRole('heading', { name: `Resume ${DECLARED + 1} replicas?` })
      .waitFor()
    expect((await supervisor.api.call('listBulk')).total).toBe(total)
    await page.context().close()
  })

  test.each(['light', 'dark'] as const)('pass axe in the %s theme, on a phone too', async (theme) => {
    const [newest] = (await supervisor.api.call('listBulk', { query: { limit: 1 } })).items
    for (const width of [1280, 390]) {
      const { page, axe } = await open('/ui/replicas?sort=name', { theme, width })
      await box(page, 'declared-001').click()
      await bar(page).waitFor()
      expect(await axe()).toEqual([])
      const wide = await page.evaluate('document.documentElement.scrollWidth - innerWidth')
      expect(wide).toBeLessThanOrEqual(0)
      await bar(page).getByRole('button', { name: 'Edit …' }).click()
      await dialog(page).getByText('On 1 worker:').waitFor()
      // The button has just become one that can be pressed: its colours are those of before for a moment.
      await page.waitForTimeout(500)
      expect(await axe()).toEqual([])
      await page.goto(`/ui/jobs/${newest!.job_id}`)
      await page.getByTestId('shown').waitFor()
      expect(await axe()).toEqual([])
      await page.context().close()
    }
  })
})
