// keys.test.ts — The UI by keyboard alone: the palette finds and does, single keys go and act, dialogs give the focus
// back, and nobody who does not want keys has them.
import { beforeAll, describe, expect, test } from 'vitest'
import type { Browser, Page } from 'playwright-core'
import { openBrowser, openTab } from '../harness/browser.ts'
import { createPlace, startNats } from '../harness/place.ts'
import { startSupervisor, startWorker, type SupervisorProgram } from '../harness/programs.ts'
import { until } from '../harness/wait.ts'

const NAMES = ['archlinux', 'debian', 'debian-security', 'fedora']

describe('by keyboard', () => {
  const place = createPlace()
  let browser: Browser
  let supervisor: SupervisorProgram
  const syncsOf = async (name: string) => (await supervisor.api.call('listSyncs', { query: { name } })).total
  const focused = (page: Page) => page.evaluate(() => document.activeElement?.textContent?.trim() ?? '')
  const shown = async (page: Page, heading: RegExp | string) =>
    page.getByRole('heading', { level: 1, name: heading }).waitFor()
  const open = async (path: string, look: Parameters<typeof openTab>[2] = {}) => {
    const tab = await openTab(browser, supervisor.url, look)
    await tab.page.goto(path)
    await tab.page.getByTestId('connection').getByText('Live').waitFor()
    return tab
  }

  beforeAll(async () => {
    const nats = await startNats(place)
    supervisor = await startSupervisor(place, { nats: nats.url })
    browser = await openBrowser(place)
    await startWorker(place, {
      nats: nats.url,
      env: { KAGAMI_WORKER_ID: 'w-1', KAGAMI_NAME: 'sh-12' },
      providers: NAMES.map((name) => ({
        name,
        kind: 'http',
        upstream: `http://127.0.0.1:1/${name}`,
        interval_secs: 86_400,
      })),
    })
    await until('all are known', async () => (await supervisor.api.call('listReplicas')).total === NAMES.length)
  })

  test('the palette opens what is typed, and remembers it', async () => {
    const { page, problems } = await open('/ui/workers')
    await page.keyboard.press('Control+k')
    const box = page.getByRole('combobox', { name: 'Go to or do' })
    await expect.poll(() => box.evaluate((element) => element === document.activeElement)).toBe(true)
    await page.keyboard.type('debian-sec')
    await page.getByRole('option', { name: /debian-security@sh-12/ }).waitFor()
    await page.keyboard.press('Enter')
    await shown(page, /debian-security @ sh-12/)
    await page.keyboard.press('Control+k')
    await page.getByRole('option', { name: 'debian-security@sh-12 Replica' }).waitFor()
    await page.getByText('Looked at last').waitFor()
    // Down from the first line, up again, and out: nothing was opened.
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('Escape')
    await page.getByRole('combobox').waitFor({ state: 'detached' })
    await shown(page, /debian-security @ sh-12/)
    expect(problems).toEqual([])
    await page.context().close()
  })

  test('the palette syncs what is asked for, and says the command that does the same', async () => {
    const { page, problems } = await open('/ui/')
    const before = await syncsOf('fedora')
    await page.keyboard.press('Control+k')
    await page.keyboard.type('sync fedora')
    const line = page.getByRole('option', { name: /Sync fedora@sh-12/ })
    await line.waitFor()
    await line.getByText('kagami sync fedora@sh-12').waitFor()
    await page.keyboard.press('Enter')
    await page.getByText('fedora', { exact: false }).first().waitFor()
    await until('it was synced', async () => (await syncsOf('fedora')) > before)
    // Without a match it says so, and Enter does nothing.
    await page.keyboard.press('Control+k')
    await page.keyboard.type('pause no-such-mirror')
    await page.getByText('Nothing fits').waitFor()
    await page.keyboard.press('Enter')
    await page.getByRole('combobox').waitFor()
    expect(problems).toEqual([])
    await page.context().close()
  })

  test('keys go to pages, through rows, and act on what is open', async () => {
    const { page, problems } = await open('/ui/')
    await page.keyboard.press('g')
    await page.keyboard.press('r')
    await shown(page, 'Replicas')
    await page.getByRole('link', { name: 'archlinux' }).first().waitFor()
    await page.goto('/ui/replicas?sort=name')
    await page.getByRole('link', { name: 'archlinux' }).first().waitFor()
    await page.keyboard.press('j')
    expect(await focused(page)).toBe('archlinux')
    await page.keyboard.press('j')
    expect(await focused(page)).toBe('debian')
    await page.keyboard.press('k')
    expect(await focused(page)).toBe('archlinux')
    await page.keyboard.press('k')
    expect(await focused(page)).toBe('archlinux')
    await page.keyboard.press('Enter')
    await shown(page, /archlinux @ sh-12/)
    const before = await syncsOf('archlinux')
    await page.keyboard.press('s')
    await until('it was synced', async () => (await syncsOf('archlinux')) > before)
    await page.keyboard.press('p')
    await page.getByRole('button', { name: 'Resume' }).waitFor()
    await page.keyboard.press('p')
    await page.getByRole('button', { name: 'Pause' }).waitFor()
    await page.keyboard.press('l')
    await page.waitForURL(/\/ui\/syncs\//)
    expect(problems).toEqual([])
    await page.context().close()
  })

  test('keys act on the row with the focus; of several that are chosen s asks', async () => {
    const { page, problems } = await open('/ui/replicas?sort=name')
    const toRow = async (name: string, times: number) => {
      await page.getByRole('link', { name, exact: true }).first().waitFor()
      for (let index = 0; index < times; index++) await page.keyboard.press('j')
      expect(await focused(page)).toBe(name)
    }
    // Without a row they do nothing: the sync below is the only one.
    for (const key of ['s', 'e', 'l']) await page.keyboard.press(key)
    await toRow('debian', 2)
    const before = await syncsOf('debian')
    await page.keyboard.press('s')
    await until('it was synced', async () => (await syncsOf('debian')) > before)
    await page.keyboard.press('?')
    await page.getByRole('dialog', { name: 'Keys' }).getByText('Edit the replica of the row').waitFor()
    await page.keyboard.press('Escape')
    await expect.poll(() => focused(page)).toBe('debian')
    await page.keyboard.press('l')
    await page.waitForURL(/\/ui\/syncs\//)
    await page.goBack()
    await toRow('debian', 2)
    await page.keyboard.press('e')
    await page.waitForURL(/\/ui\/replicas\/.+\/edit/)
    await page.goto('/ui/replicas?sort=name')
    await toRow('archlinux', 1)
    const [arch, debian] = [await syncsOf('archlinux'), await syncsOf('debian')]
    for (const key of ['x', 'j', 'x', 's']) await page.keyboard.press(key)
    const dialog = page.getByRole('dialog', { name: /Sync 2 replicas/ })
    await dialog.getByRole('button', { name: 'Sync', exact: true }).click()
    await until(
      'both were synced',
      async () => (await syncsOf('archlinux')) > arch && (await syncsOf('debian')) > debian,
    )
    expect(problems).toEqual([])
    await page.context().close()
  })

  test('a key of a row is that of the page elsewhere on it', async () => {
    const { page } = await open('/ui/mirrors')
    await page.getByRole('link', { name: 'fedora' }).first().waitFor()
    await page.getByRole('link', { name: 'fedora' }).first().focus()
    const before = await syncsOf('fedora')
    await page.keyboard.press('s')
    await until('its only replica was synced', async () => (await syncsOf('fedora')) > before)
    await page.goto('/ui/mirrors/fedora')
    await page.getByRole('link', { name: 'sh-12' }).first().waitFor()
    await page.keyboard.press('s')
    await page.getByRole('dialog', { name: /Sync all/ }).waitFor()
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    await page.getByRole('link', { name: 'sh-12' }).first().focus()
    await page.keyboard.press('l')
    await page.waitForURL(/\/ui\/syncs\//)
    await page.context().close()
  })

  test('what is typed into a field is text', async () => {
    const { page } = await open('/ui/replicas')
    await page.getByRole('link', { name: 'archlinux' }).first().waitFor()
    await page.keyboard.press('/')
    await page.keyboard.type('g w')
    expect(await page.getByRole('searchbox').inputValue()).toBe('g w')
    await shown(page, 'Replicas')
    await page.context().close()
  })

  test('? says which keys there are; Esc gives the focus back', async () => {
    const { page } = await open('/ui/replicas')
    const link = page.getByRole('link', { name: 'archlinux' }).first()
    await link.waitFor()
    await link.focus()
    await page.keyboard.press('?')
    const help = page.getByRole('dialog', { name: 'Keys' })
    await help.getByText('Next row').waitFor()
    await help.getByText('Go to Workers').waitFor()
    // Keys are not for the page behind.
    await page.keyboard.press('j')
    await page.keyboard.press('Escape')
    await help.waitFor({ state: 'detached' })
    await expect.poll(() => focused(page)).toBe('archlinux')
    await page.context().close()
  })

  test('nobody has keys who turned them off', async () => {
    const { page } = await open('/ui/')
    await page.getByRole('button', { name: 'Display' }).click()
    await page.getByLabel('Keys without Ctrl or ⌘').uncheck()
    await page.keyboard.press('Escape')
    for (const key of ['g', 'r', '?']) await page.keyboard.press(key)
    await page.reload()
    await page.getByTestId('connection').getByText('Live').waitFor()
    for (const key of ['g', 'r', '?']) await page.keyboard.press(key)
    // With Ctrl it still opens, so what was pressed before has been handled.
    await page.keyboard.press('Control+k')
    await page.getByRole('combobox').waitFor()
    expect(await page.getByRole('dialog').count()).toBe(1)
    await page.keyboard.press('Escape')
    await shown(page, 'Overview')
    await page.context().close()
  })

  test.each([
    ['light', 1280],
    ['dark', 1280],
    ['light', 390],
    ['dark', 320],
  ] as const)('the palette is for everybody, in %s at %i', async (theme, width) => {
    const { page, axe, problems } = await open('/ui/replicas', { theme, width })
    const shoot = async (name: string) => {
      const folder = process.env['KAGAMI_SHOTS']
      if (folder) await page.screenshot({ path: `${folder}/${name}-${theme}-${width}.png` })
    }
    await page.getByRole('button', { name: 'Search or do' }).click()
    await page.getByRole('option', { name: 'Go to Workers' }).waitFor()
    await shoot('palette')
    expect(await axe()).toEqual([])
    await page.keyboard.type('debian')
    await page.getByRole('option', { name: /debian-security@sh-12/ }).waitFor()
    await shoot('palette-found')
    expect(await axe()).toEqual([])
    expect(await page.evaluate(() => document.documentElement.scrollWidth > innerWidth)).toBe(false)
    await page.keyboard.press('Escape')
    await page.keyboard.press('?')
    await page.getByRole('dialog', { name: 'Keys' }).waitFor()
    await shoot('keys')
    expect(await axe()).toEqual([])
    expect(problems).toEqual([])
    await page.context().close()
  })
})
