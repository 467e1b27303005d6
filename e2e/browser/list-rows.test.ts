// list-rows.test.ts — Rows of lists: filtered by what their cells say, with a menu for each, copied; by mouse and by
// keyboard, and for everybody.
import { beforeAll, describe, expect, test } from 'vitest'
import type { Browser, Page } from 'playwright-core'
import { openBrowser, openTab } from '../harness/browser.ts'
import { startPageFleet, type PageFleet } from '../harness/page-fleet.ts'
import { createPlace } from '../harness/place.ts'
import { until } from '../harness/wait.ts'

const LOOKS = [
  ['light', 1280],
  ['dark', 1280],
  ['dark', 390],
  ['light', 320],
] as const

describe('rows of lists', () => {
  const place = createPlace()
  let browser: Browser
  let fleet: PageFleet
  const open = async (path: string, look: Parameters<typeof openTab>[2] = {}) => {
    const tab = await openTab(browser, fleet.supervisor.url, look)
    await tab.page.goto(path)
    await tab.page.getByTestId('shown').waitFor()
    return tab
  }
  const total = async (page: Page) => Number(/of ([\d,]+)/.exec(await page.getByTestId('shown').innerText())?.[1])
  const query = (page: Page) => new URL(page.url()).searchParams
  const openLook = (page: Page) => page.getByRole('button', { name: /^(Columns and order|Facts and order)$/ }).click()
  const menu = (page: Page) => page.getByRole('menu')
  const row = (page: Page, name: string | RegExp) => page.getByRole('row', { name }).first()
  const shoot = async (page: Page, name: string) => {
    const folder = process.env['KAGAMI_SHOTS']
    if (folder) await page.screenshot({ path: `${folder}/${name}.png` })
  }
  const hasFocus = (page: Page, name: string) =>
    until(`${name} has the focus`, () =>
      page.evaluate((text) => document.activeElement?.textContent?.trim() === text, name),
    )

  beforeAll(async () => {
    browser = await openBrowser(place)
    fleet = await startPageFleet(place)
  })

  test('leave out what a cell says, and show it again by "back" or by the chip', async () => {
    const { page, problems } = await open('/ui/replicas?q=e&sort=name')
    const all = await total(page)
    await row(page, /gentoo/)
      .getByRole('button', { name: 'Failed' })
      .click()
    await menu(page).getByRole('menuitem', { name: 'Filter out Health: Failed' }).click()
    await until('failed ones are gone', async () => (await page.getByRole('link', { name: 'gentoo' }).count()) === 0)
    expect(query(page).get('health')).toBe('!failed')
    const left = await total(page)
    const { total: expected } = await fleet.supervisor.api.call('listReplicas', {
      query: { q: 'e', health: '!failed' },
    })
    expect([left, left < all]).toEqual([expected, true])
    await page.getByRole('button', { name: 'Remove filter Health: not Failed' }).waitFor()
    await page.goBack()
    await page.getByRole('link', { name: 'gentoo' }).waitFor()
    await page.goForward()
    await page.getByRole('button', { name: 'Remove filter Health: not Failed' }).click()
    await page.getByRole('link', { name: 'gentoo' }).waitFor()
    expect([query(page).get('health'), query(page).get('sort')]).toEqual([null, 'name'])
    expect(problems).toEqual([])
    await page.context().close()
  })

  test('are filtered from a cell by keyboard alone', async () => {
    const { page } = await open('/ui/replicas?columns=name,kind,labels,upstream&q=gentoo')
    await page.keyboard.press('j')
    await hasFocus(page, 'gentoo')
    await page.keyboard.press('ArrowRight')
    await hasFocus(page, 'rsync')
    await page.keyboard.press('Enter')
    await menu(page).waitFor()
    await page.keyboard.press('Escape')
    await hasFocus(page, 'rsync')
    await page.keyboard.press('ArrowRight')
    await hasFocus(page, 'region=asia')
    await page.keyboard.press('Enter')
    await page.keyboard.press('Enter')
    await until('the label is in the address', () => query(page).get('label') === 'region=asia')
    // The menu of the row has the same, and more.
    await page.getByRole('link', { name: 'gentoo' }).focus()
    await page.keyboard.press('.')
    await menu(page).getByRole('menuitem', { name: 'Filter by' }).press('Enter')
    await menu(page).getByRole('menuitem', { name: 'Filter out Upstream: rsync.example.org' }).press('Enter')
    await until('the host is left out', () => query(page).get('upstream') === '!rsync.example.org')
    await page.getByText(/0 of [\d,]+ match/).waitFor()
    await page.context().close()
  })

  test('are filtered by what is typed, and refuse an age that is none', async () => {
    const { page } = await open('/ui/replicas')
    await page.getByRole('button', { name: 'Add filter' }).click()
    const form = page.getByRole('dialog', { name: 'Add filter' })
    await form.getByLabel('Filter by').selectOption({ label: 'Last good copy' })
    await form.getByLabel('Value').fill('yesterday')
    await page.keyboard.press('Enter')
    await form.getByText('Write it as >24h, <30m, >7d or never.').waitFor()
    await form.getByLabel('Value').fill('>8h')
    await page.keyboard.press('Enter')
    await page.getByRole('button', { name: 'Remove filter Last good copy: >8h' }).waitFor()
    const { total: expected } = await fleet.supervisor.api.call('listReplicas', { query: { last_ok: '>8h' } })
    await until('these are listed', async () => (await total(page)) === expected)
    await page.context().close()
  })

  test('have a menu for each row that does what it says, and gives the focus back', async () => {
    const { page, problems } = await open('/ui/replicas?q=mirror-10')
    const button = page.getByRole('button', { name: 'Actions for mirror-10@sh-12' })
    const replica = () => fleet.supervisor.api.call('getReplica', { params: { id: 'mirror-10@sh-12' } })
    await button.click()
    await menu(page).getByRole('menuitem', { name: 'Pause' }).click()
    await until('it is paused', async () => (await replica()).paused !== null)
    await row(page, /mirror-10/)
      .getByRole('button', { name: 'Paused' })
      .waitFor()
    await button.click()
    await menu(page).getByRole('menuitem', { name: 'Resume' }).click()
    await until('it is resumed', async () => (await replica()).paused === null)
    await page.getByRole('link', { name: 'mirror-10' }).focus()
    await page.keyboard.press('.')
    await menu(page).getByRole('menuitem', { name: 'Remove' }).click()
    await page.getByRole('dialog').getByText('Remove mirror-10').first().waitFor()
    await page.keyboard.press('Escape')
    await page.keyboard.press('.')
    await page.keyboard.press('Escape')
    await until('the focus is back', () => button.evaluate((element) => element === document.activeElement))
    await button.click()
    const { replica_id: id } = await replica()
    await menu(page).getByRole('menuitem', { name: 'Clone' }).click()
    await page.waitForURL(`**/ui/replicas/add?clone=${id}`)
    await page.goBack()
    await button.click()
    await menu(page).getByRole('menuitem', { name: 'Log of the last sync' }).click()
    await page.waitForURL(/\/ui\/syncs\//)
    expect(problems).toEqual([])
    await page.context().close()
  })

  test('are copied with instants in place of ages', async () => {
    const { page } = await open('/ui/replicas?q=gentoo')
    const copied = await page.evaluate(() => {
      const item = document.querySelector('tr.item')!
      getSelection()!.selectAllChildren(item.parentElement!)
      const event = new ClipboardEvent('copy', { clipboardData: new DataTransfer(), bubbles: true, cancelable: true })
      item.dispatchEvent(event)
      return event.clipboardData!.getData('text/plain')
    })
    const year = new Date().getFullYear()
    expect(copied).toMatch(new RegExp(`gentoo\tbj-1.*\t\\w+ \\d+, ${year}, [\\d:]+ UTC`))
    expect(copied).not.toMatch(/ ago/)
    await page.context().close()
  })

  test('of mirrors are filtered and sorted as those of replicas', async () => {
    const { page, problems } = await open('/ui/mirrors')
    await page.getByRole('columnheader', { name: 'Size' }).getByRole('button').click()
    await until('the order is in the address', () => query(page).get('sort') === 'size_bytes')
    await row(page, /gentoo/)
      .getByRole('button', { name: 'rsync' })
      .click()
    await menu(page).getByRole('menuitem', { name: 'Filter out Kind: rsync' }).click()
    await until('these are gone', async () => (await page.getByRole('link', { name: 'gentoo' }).count()) === 0)
    const { total: expected } = await fleet.supervisor.api.call('listResources', { query: { kind: '!rsync' } })
    expect(await total(page)).toBe(expected)
    await page.getByRole('button', { name: 'Actions for alpine' }).click()
    await menu(page).getByRole('menuitem', { name: 'Show replicas' }).click()
    await page.waitForURL('**/ui/replicas?name=alpine')
    await page.getByRole('link', { name: 'alpine' }).waitFor()
    expect(problems).toEqual([])
    await page.context().close()
  })

  test.each(LOOKS)('are for everybody, in %s at %i px', async (theme, width) => {
    const { page, axe } = await open('/ui/replicas?health=!fresh&worker=bj-1', { theme, width })
    const check = async (name: string) => {
      await shoot(page, `list-${name}-${theme}-${width}`)
      const wide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth)
      expect([name, wide, await axe()]).toEqual([name, false, []])
      await page.keyboard.press('Escape')
    }
    await openLook(page)
    await check('columns')
    await page.getByRole('button', { name: 'Add filter' }).click()
    await check('filter')
    await page.getByRole('button', { name: 'Actions for gentoo@bj-1' }).click()
    await check('menu')
    await row(page, /gentoo/)
      .getByRole('button', { name: 'Failed' })
      .click()
    await check('cell')
    await page.getByRole('button', { name: 'Save view …' }).click()
    await page.getByRole('dialog').getByText('Filters, order, columns').last().waitFor()
    await check('view')
    await page.context().close()
  })

  test.each([
    ['light', 390],
    ['dark', 320],
  ] as const)('on a phone show the facts that were chosen for cards, in %s at %i px', async (theme, width) => {
    const { page, axe, problems } = await openTab(browser, fleet.supervisor.url, { theme, width })
    await page.goto('/ui/replicas?name=gentoo')
    const card = page.getByRole('row', { name: /gentoo/ }).first()
    await card.waitFor()
    expect(await card.getByText('rsync.example.org').count()).toBe(0)
    await page.getByRole('button', { name: 'Facts and order' }).click()
    const menu = page.getByRole('dialog', { name: 'Facts and order' })
    for (const fact of ['Size', 'Upstream', 'Labels', 'Failing', '14 days', 'Next sync'])
      await menu.getByRole('checkbox', { name: fact }).check()
    await menu.getByRole('checkbox', { name: 'Last good copy' }).uncheck()
    await shoot(page, `cards-menu-${theme}-${width}`)
    expect(await axe()).toEqual([])
    await page.keyboard.press('Escape')
    await card.getByText('rsync.example.org').waitFor()
    await page.reload()
    await card.getByText('rsync.example.org').waitFor()
    await card.getByRole('img', { name: /days/ }).waitFor()
    await shoot(page, `cards-${theme}-${width}`)
    // Nothing is cut off, and a card is as high as the list counts with.
    const cut = () =>
      page.locator('tr.item').evaluateAll((all) => all.some((one) => one.scrollHeight > one.clientHeight))
    expect(await cut()).toBe(false)
    expect(await page.evaluate(() => document.documentElement.scrollWidth > innerWidth)).toBe(false)
    expect(await axe()).toEqual([])
    expect(problems).toEqual([])
    // The columns of a wide screen are as they were.
    await page.setViewportSize({ width: 1280, height: 800 })
    await page.getByRole('columnheader', { name: 'Last good copy' }).waitFor()
    await page.context().close()
  })
})
