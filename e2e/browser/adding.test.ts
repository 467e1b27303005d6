// adding.test.ts — A replica is added in a real browser: by a preset, as a copy of another, by cron, to several workers
// of which one refuses, paused, and by keyboard alone; accessible in both themes and on small screens.
import { startHttpUpstream, writeFiles } from '@kagami/demo'
import { nextRuns } from '@kagami/protocol'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Browser, Page } from 'playwright-core'
import { openBrowser, openTab } from '../harness/browser.ts'
import { createPlace, startNats } from '../harness/place.ts'
import { startSupervisor, startWorker, type SupervisorProgram } from '../harness/programs.ts'
import { until } from '../harness/wait.ts'

const SECRET = 'correct-horse-battery'

describe('the sheet that adds a replica', () => {
  const place = createPlace()
  let browser: Browser
  let supervisor: SupervisorProgram
  let web: string
  const shoot = async (page: Page, name: string) => {
    if (process.env['KAGAMI_SHOTS']) await page.screenshot({ path: `${process.env['KAGAMI_SHOTS']}/${name}.png` })
  }
  const open = async (query = '', look: Parameters<typeof openTab>[2] = {}) => {
    const tab = await openTab(browser, supervisor.url, look)
    await tab.page.goto(`/ui/replicas/add${query}`)
    const dialog = tab.page.getByRole('dialog')
    await dialog.getByRole('checkbox', { name: 'sh-13' }).waitFor()
    const press = (name: string) => dialog.getByRole('button', { name, exact: true }).click()
    return { ...tab, dialog, press, field: (label: string) => dialog.getByLabel(label, { exact: true }) }
  }
  const get = (id: string) => supervisor.api.call('getReplica', { params: { id } })
  const add = (id: string, body: { name: string; auth?: { type: 'token'; token: string }; options?: object }) =>
    supervisor.api.call('addReplica', {
      params: { id },
      body: { kind: 'http', upstream: `${web}/a.iso`, interval_secs: 7200, labels: { env: 'test' }, ...body } as never,
    })
  const fits = (page: Page) =>
    page.evaluate(() => {
      const { scrollWidth, clientWidth } = document.querySelector('.sheet .middle')!
      return scrollWidth <= clientWidth && document.documentElement.scrollWidth <= innerWidth
    })

  beforeAll(async () => {
    writeFiles(place.at('www'), { 'a.iso': 'text' })
    const served = await startHttpUpstream({ dir: place.at('www') })
    place.onEnd(served.stop)
    web = served.url
    const nats = await startNats(place)
    supervisor = await startSupervisor(place, { nats: nats.url })
    browser = await openBrowser(place)
    for (const name of ['sh-12', 'sh-13']) {
      const env = { KAGAMI_NAME: name, KAGAMI_WORKER_ID: name, KAGAMI_DATA_DIR: place.at(name) }
      await startWorker(place, { nats: nats.url, env, providers: [] })
    }
    await until('both joined', async () => (await supervisor.api.call('listWorkers')).total === 2)
    await until('both have said how full their disks are', async () =>
      (await supervisor.api.call('listWorkers')).items.every(({ storage }) => storage !== null),
    )
  })

  test.each([
    ['light', 1280],
    ['dark', 1280],
    ['light', 390],
    ['dark', 320],
  ] as const)('offers the preset of an address that is pasted, in %s at %i px', async (theme, width) => {
    const { page, dialog, field, press, axe, problems } = await open('?worker=sh-12', { theme, width })
    await field('Upstream').fill('rsync://127.0.0.1:1/debian/')
    await dialog.getByText('This looks like Debian.').waitFor()
    await shoot(page, `add-offer-${theme}-${width}`)
    await press('Use the Debian preset')
    await dialog.getByText('two_stage = debian').waitFor()
    expect(await field('Upstream').inputValue()).toBe('rsync://127.0.0.1:1/debian/')
    expect([await field('Amount').inputValue(), await field('Unit').inputValue()]).toEqual(['6', 'hours'])
    expect(await field('two_stage').inputValue()).toBe('debian')
    expect(await field('Labels').inputValue()).toBe('category=distribution')
    await dialog.getByText(`${place.at('sh-12')}/debian`).waitFor()
    await shoot(page, `add-preset-${theme}-${width}`)
    await dialog.getByTestId('runs').scrollIntoViewIfNeeded()
    await shoot(page, `add-schedule-${theme}-${width}`)
    expect(await fits(page)).toBe(true)
    expect(await axe()).toEqual([])
    expect(problems).toEqual([])
  })

  test('fills in another preset in place of the first, and asks for a host where one is missing', async () => {
    const { dialog, field, press } = await open('?worker=sh-12&preset=debian')
    expect(await field('Upstream').inputValue()).toBe('rsync://HOST/debian/')
    await press('Add replica')
    await dialog.getByText('Write the host of a mirror near you in place of HOST.').first().waitFor()
    await field('Preset').selectOption({ label: 'Linux kernel (git)' })
    expect(await field('Upstream').inputValue()).toMatch(/torvalds\/linux\.git$/)
    expect(await field('Kind').inputValue()).toBe('git')
    expect(await field('Name').inputValue()).toBe('linux.git')
    expect(await field('Labels').inputValue()).toBe('category=source')
    await field('Preset').selectOption({ label: 'Debian' })
    await field('Upstream').fill('rsync://127.0.0.1:1/pub/')
    await field('Preset').selectOption({ label: 'CRAN' })
    expect(await field('Upstream').inputValue()).toBe('rsync://127.0.0.1:1/pub/')
    expect(await field('two_stage').inputValue()).toBe('')
  })

  test('shows what is wrong with a cron schedule as it is typed, then its next five syncs in both zones', async () => {
    const { page, dialog, field, press } = await open('?worker=sh-12&name=nightly&kind=http', { zone: 'Asia/Shanghai' })
    await field('Upstream').fill(`${web}/a.iso`)
    await field('Schedule').last().selectOption('cron')
    await field('Cron schedule').fill('61 3 * * *')
    await dialog.getByText('"61 3 * * *" is not a cron schedule').waitFor()
    await field('Cron schedule').fill('30 3 * * *')
    await field('Time zone').fill('Europe/Berli')
    await dialog.getByText('"Europe/Berli" is not a time zone').waitFor()
    await field('Time zone').fill('Europe/Berlin')
    const runs = dialog.getByTestId('runs').locator('li')
    await until('there are five', async () => (await runs.count()) === 5)
    const schedule = { cron: '30 3 * * *', timezone: 'Europe/Berlin', windows: [], intervalSeconds: null }
    const wanted = nextRuns(schedule, new Date(), 5).map(({ from }) => from.toISOString())
    expect(
      await runs.locator('time').evaluateAll((times) => times.map((time) => time.getAttribute('datetime'))),
    ).toEqual(wanted)
    expect(await runs.first().innerText()).toMatch(/(09|10):30 GMT\+8\s+.*0[12]:30 UTC/)
    await dialog.getByTestId('runs').scrollIntoViewIfNeeded()
    await shoot(page, 'add-cron')
    await press('Add replica')
    await page.waitForURL(/\/ui\/replicas\/[0-9a-f-]{36}/)
    expect(await get('nightly@sh-12')).toMatchObject({
      interval_secs: null,
      options: { cron: '30 3 * * *', timezone: 'Europe/Berlin' },
    })
    await page.getByText('30 3 * * * (Europe/Berlin)').waitFor()
    await page.getByText('Next five syncs').first().click()
    await until('its page has them', async () => (await page.getByTestId('runs').locator('li').count()) === 5)
    await shoot(page, 'replica-runs')
  })

  test('adds to several workers: says which refused, keeps what was typed, and tries those alone again', async () => {
    const { page, dialog, field, press, axe } = await open('?name=both&kind=http')
    await field('Upstream').fill(`${web}/a.iso`)
    for (const name of ['sh-12', 'sh-13']) await dialog.getByRole('checkbox', { name }).check()
    await dialog.getByText(`${place.at('sh-13')}/both`).waitFor()
    expect(await dialog.getByText(/ free$/).count()).toBe(2)
    // Somebody else is faster on one of them.
    await add('sh-13', { name: 'both' })
    await press('Add replica')
    const results = dialog.getByTestId('results')
    await results.getByRole('link', { name: 'both is added' }).waitFor()
    expect(await results.innerText()).toContain('already has a replica "both"')
    expect(await results.evaluate((one) => one === document.activeElement)).toBe(true)
    await shoot(page, 'add-results')
    expect(await axe()).toEqual([])
    expect(await dialog.getByRole('checkbox', { name: 'sh-12' }).isChecked()).toBe(false)
    expect(await field('Upstream').inputValue()).toBe(`${web}/a.iso`)
    await field('Name').fill('both-2')
    await press('Add replica')
    await page.waitForURL(/\/ui\/mirrors\/both-2$/)
    const { items } = await supervisor.api.call('listReplicas', { query: { q: 'both' } })
    expect(items.map(({ name, worker_name }) => `${name}@${worker_name}`).sort()).toEqual([
      'both-2@sh-13',
      'both@sh-12',
      'both@sh-13',
    ])
  })

  test('copies a replica without its credentials, from its page', async () => {
    await add('sh-12', { name: 'source', auth: { type: 'token', token: SECRET }, options: { max_delete_percent: 40 } })
    const { page, dialog, field, press } = await open()
    await page.goto(`/ui/replicas/${(await get('source@sh-12')).replica_id}`)
    await page.getByRole('button', { name: 'Clone', exact: true }).click()
    await dialog.getByRole('heading', { name: 'Add a copy of source' }).waitFor()
    await dialog.getByText('Its credentials are not copied').waitFor()
    await dialog.getByRole('checkbox', { name: 'sh-13' }).check()
    expect([await field('Name').inputValue(), await field('Labels').inputValue()]).toEqual(['source', 'env=test'])
    expect([await field('Amount').inputValue(), await field('Unit').inputValue()]).toEqual(['2', 'hours'])
    await shoot(page, 'add-clone')
    await press('Add paused')
    await page.waitForURL(/\/ui\/replicas\/[0-9a-f-]{36}/)
    expect(await get('source@sh-13')).toMatchObject({
      upstream: `${web}/a.iso`,
      options: { max_delete_percent: 40 },
      has_credentials: false,
      paused: { reason: 'added so' },
    })
    expect(await page.content()).not.toContain(SECRET)
  })

  test('adds when the button is pressed before the list of workers has come', async () => {
    const { page } = await openTab(browser, supervisor.url)
    let answer = () => {}
    const answered = new Promise<void>((done) => (answer = done))
    await page.route('**/api/v1/workers?*', async (route) => {
      await answered
      await route.continue()
    })
    await page.goto(`/ui/replicas/add?worker=sh-12&kind=http&name=early&upstream=${web}/a.iso`)
    await page.getByRole('dialog').getByRole('button', { name: 'Add replica', exact: true }).click()
    answer()
    await page.waitForURL(/\/ui\/replicas\/[0-9a-f-]{36}/)
    expect((await get('early@sh-12')).upstream).toBe(`${web}/a.iso`)
  })

  test.each([
    ['light', 1280],
    ['dark', 320],
  ] as const)('imports what a configuration declares, in %s at %i px', async (theme, width) => {
    const [fresh, text] = [
      `fresh-${theme}`,
      (interval: number) => `
[[providers]]
name = "fresh-${theme}"
kind = "http"
upstream = "${web}/a.iso"
interval_secs = ${interval}
auth = { type = "token", token = "${SECRET}" }
[[providers]]
name = "odd"
kind = "http"
upstream = "ftp://127.0.0.1/"
`,
    ]
    const { page, dialog, press, field, axe, problems } = await open('?worker=sh-12', { theme, width })
    await dialog.getByRole('link', { name: 'Import from a configuration' }).click()
    await dialog.getByRole('heading', { name: 'Import replicas' }).waitFor()
    await field('Configuration').fill(text(3600))
    await press('Preview')
    const rows = dialog.getByTestId('imported').locator('li')
    await rows.nth(1).waitFor()
    expect(await rows.nth(0).innerText()).toContain('its credentials are not taken over')
    expect(await rows.nth(1).innerText()).toContain('upstream must be a URL that begins with https:// or http://')
    expect(await rows.nth(1).getByRole('checkbox').isDisabled()).toBe(true)
    await dialog.getByText('Add them paused').click()
    await shoot(page, `import-plan-${theme}-${width}`)
    expect(await fits(page)).toBe(true)
    expect(await axe()).toEqual([])
    await press('Import 1')
    await page.getByText('1 of 1 imported').waitFor()
    await rows.nth(0).getByText('Added').waitFor()
    expect(await get(`${fresh}@sh-12`)).toMatchObject({ interval_secs: 3600, has_credentials: false })
    await field('Configuration').fill(text(7200))
    await press('Preview')
    await rows.nth(0).getByText('interval_secs: 3600 → 7200').waitFor()
    // What is there is changed only when somebody chooses that.
    await rows.nth(0).getByRole('checkbox').check()
    await shoot(page, `import-differs-${theme}-${width}`)
    await press('Import 1')
    await rows.nth(0).getByText('Edited').waitFor()
    expect(await get(`${fresh}@sh-12`)).toMatchObject({ interval_secs: 7200, paused: { reason: 'added so' } })
    expect(problems).toEqual([])
    expect(supervisor.output()).not.toContain(SECRET)
  })

  test('is done by keyboard alone: a list leads to each field that is wrong, and the focus goes back', async () => {
    const { page, problems } = await openTab(browser, supervisor.url)
    await page.goto('/ui/replicas')
    const button = page.getByRole('button', { name: 'Add replica' }).first()
    await button.focus()
    await page.keyboard.press('Enter')
    const dialog = page.getByRole('dialog')
    await dialog.getByRole('checkbox', { name: 'sh-13' }).waitFor()
    await dialog.getByRole('button', { name: 'Add replica', exact: true }).focus()
    await page.keyboard.press('Enter')
    const list = dialog.getByTestId('problems')
    await list.waitFor()
    expect(await list.getByRole('link').allInnerTexts()).toEqual(['Upstream', 'Kind', 'Name', 'Workers'])
    await shoot(page, 'add-problems')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    await page.keyboard.type(`${web}/a.iso`)
    await dialog.getByRole('checkbox', { name: 'sh-12' }).focus()
    await page.keyboard.press('Space')
    await list.waitFor({ state: 'detached' })
    await page.keyboard.press('Escape')
    await dialog.waitFor({ state: 'detached' })
    expect(await button.evaluate((one) => one === document.activeElement)).toBe(true)
    expect(problems).toEqual([])
  })
})
