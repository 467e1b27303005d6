// lists.test.ts — Lists as people arrange them: columns, density, views and strips of days; by mouse and by keyboard,
// kept in this browser or in the address.
import { beforeAll, describe, expect, test } from 'vitest'
import type { Browser, Page } from 'playwright-core'
import { openBrowser, openTab } from '../harness/browser.ts'
import { startPageFleet, type PageFleet } from '../harness/page-fleet.ts'
import { createPlace } from '../harness/place.ts'
import { until } from '../harness/wait.ts'

describe('lists', () => {
  const place = createPlace()
  let browser: Browser
  let fleet: PageFleet
  const open = async (path: string, look: Parameters<typeof openTab>[2] = {}) => {
    const tab = await openTab(browser, fleet.supervisor.url, look)
    await tab.page.goto(path)
    await tab.page.getByTestId('shown').waitFor()
    return tab
  }
  const heads = async (page: Page) => {
    const texts = await page.locator('thead th').allInnerTexts()
    return texts.map((text) => text.replace(/[↑↓]/g, '').trim()).filter((text) => text !== '' && text !== 'Actions')
  }
  const total = async (page: Page) => Number(/of ([\d,]+)/.exec(await page.getByTestId('shown').innerText())?.[1])
  const query = (page: Page) => new URL(page.url()).searchParams
  const lookMenu = (page: Page) => page.getByRole('dialog', { name: 'Columns and order' })
  const openLook = (page: Page) => page.getByRole('button', { name: /^(Columns and order|Order by)$/ }).click()
  const row = (page: Page, name: string | RegExp) => page.getByRole('row', { name }).first()
  const shoot = async (page: Page, name: string) => {
    const folder = process.env['KAGAMI_SHOTS']
    if (folder) await page.screenshot({ path: `${folder}/${name}.png` })
  }

  beforeAll(async () => {
    browser = await openBrowser(place)
    fleet = await startPageFleet(place)
  })

  test('have the columns that were chosen by keyboard alone, also after a reload, until they are reset', async () => {
    const { page, problems } = await open('/ui/replicas')
    const before = await heads(page)
    expect(before.slice(0, 3)).toEqual(['Health', 'Mirror', 'Worker'])
    await page.getByRole('button', { name: 'Columns and order' }).focus()
    await page.keyboard.press('Enter')
    await lookMenu(page).getByRole('checkbox', { name: 'Health' }).focus()
    await page.keyboard.press('Space')
    await lookMenu(page).getByRole('button', { name: 'Move Worker up' }).focus()
    await page.keyboard.press('Enter')
    await lookMenu(page).getByRole('status').getByText('Worker is column 1 of 10').waitFor({ state: 'attached' })
    // The name leads to the page of a row, so it stays.
    expect(await lookMenu(page).getByRole('checkbox', { name: 'Mirror' }).isDisabled()).toBe(true)
    await page.keyboard.press('Escape')
    const chosen = await heads(page)
    expect(chosen.slice(0, 3)).toEqual(['Worker', 'Mirror', 'Last good copy'])
    await page.reload()
    await page.getByTestId('shown').waitFor()
    expect(await heads(page)).toEqual(chosen)
    // An address that names columns shows these to everybody, and what this browser has kept stays.
    await page.goto('/ui/replicas?columns=size,name,took,bytes')
    await page.getByTestId('shown').waitFor()
    expect(await heads(page)).toEqual(['Size', 'Mirror', 'Took', 'Received'])
    await page.goto('/ui/replicas')
    await page.getByTestId('shown').waitFor()
    expect(await heads(page)).toEqual(chosen)
    await openLook(page)
    await lookMenu(page).getByRole('button', { name: 'Reset' }).click()
    expect(await heads(page)).toEqual(before)
    expect(problems).toEqual([])
    await page.context().close()
  })

  test('have columns that are dragged elsewhere, and say which have no room', async () => {
    const { page } = await open('/ui/replicas')
    await openLook(page)
    const item = (name: string) => lookMenu(page).getByRole('listitem').filter({ hasText: name })
    await item('Upstream').getByText('no room').waitFor()
    await item('Size').dragTo(item('Health'))
    await until('the size comes first', async () => (await heads(page))[0] === 'Size')
    await page.context().close()
  })

  test('have rows as high as was chosen, also after a reload', async () => {
    const { page } = await open('/ui/replicas')
    const height = async () => Math.round((await row(page, /gentoo/).boundingBox())!.height)
    expect(await height()).toBe(32)
    await openLook(page)
    await lookMenu(page).getByRole('radio', { name: 'Comfortable' }).check()
    await until('rows are higher', async () => (await height()) === 44)
    await page.goto('/ui/mirrors')
    await page.getByTestId('shown').waitFor()
    expect(await height()).toBe(44)
    await page.goto('/ui/mirrors?density=dense')
    await page.getByTestId('shown').waitFor()
    expect(await height()).toBe(32)
    await page.context().close()
  })

  test('have views with as many rows as they say', async () => {
    const { page } = await open('/ui/replicas?q=e&sort=-name')
    const views = page.getByRole('group', { name: 'Views' })
    for (const [name, health] of [
      ['Failing', 'failed'],
      ['Stale', 'stale'],
      ['Stuck', 'stuck'],
      ['Running', 'syncing'],
      ['Queued', 'queued'],
      ['All', null],
    ] as const) {
      const view = views.getByRole('button', { name: new RegExp(`^\\S? ?${name} \\d+$`) })
      const said = Number(/\d+/.exec(await view.innerText())?.[0])
      await view.click()
      await until(`${name} is shown`, async () => (await view.getAttribute('aria-pressed')) === 'true')
      expect([query(page).get('health'), query(page).get('q'), query(page).get('sort')]).toEqual([
        health,
        null,
        '-name',
      ])
      await until(`as many as ${name} says`, async () => (await total(page)) === said)
    }
    await page.context().close()
  })

  test('have views that were saved, in their order, under other names, and by their link elsewhere', async () => {
    const { page, problems } = await open('/ui/replicas?kind=!http&sort=name&columns=name,health,kind')
    const dialog = page.getByRole('dialog', { name: 'Save view' })
    const own = (name: string) => page.getByRole('group', { name: 'Views' }).getByRole('button', { name, exact: true })
    const save = async (name: string) => {
      await page.getByRole('button', { name: 'Save view …' }).click()
      await dialog.getByLabel('Name', { exact: true }).fill(name)
      await page.keyboard.press('Enter')
      await dialog.waitFor({ state: 'detached' })
    }
    await page.getByRole('button', { name: 'Save view …' }).click()
    await dialog.getByRole('button', { name: 'Save view' }).click()
    await dialog.getByText('Give the view a name.').waitFor()
    await page.keyboard.press('Escape')
    await save('no http')
    await page.getByRole('button', { name: /^.? ?All \d+$/ }).click()
    await save('all of it')
    await page.reload()
    await own('no http').click()
    await until('the view is shown', () => query(page).get('kind') === '!http')
    expect(await heads(page)).toEqual(['Mirror', 'Health', 'Kind'])
    expect(await own('no http').getAttribute('aria-pressed')).toBe('true')
    const link = page.url()
    await page.getByRole('button', { name: 'Save view …' }).click()
    await dialog.getByLabel('Name of no http').fill('rsync')
    await page.keyboard.press('Tab')
    await dialog.getByRole('button', { name: 'Move all of it up' }).click()
    await shoot(page, 'list-views')
    await page.keyboard.press('Escape')
    await own('rsync').waitFor()
    expect((await page.locator('.view.own').allInnerTexts()).map((text) => text.trim())).toEqual(['all of it', 'rsync'])
    await page.getByRole('button', { name: 'Save view …' }).click()
    await dialog.getByRole('button', { name: 'Delete rsync' }).click()
    await page.keyboard.press('Escape')
    await own('rsync').waitFor({ state: 'detached' })
    // Somebody else, who has no such view.
    const { page: other } = await open(link)
    expect(await heads(other)).toEqual(['Mirror', 'Health', 'Kind'])
    await other.getByRole('button', { name: 'Remove filter Kind: not http' }).waitFor()
    expect(problems).toEqual([])
    for (const one of [page, other]) await one.context().close()
  })

  test('say in words what a strip of days shows', async () => {
    const { page } = await open('/ui/replicas?q=broken')
    await row(page, /broken/)
      .getByRole('img', { name: 'Last 14 days: Failed 1, Not known 13' })
      .waitFor()
    const { items } = await fleet.supervisor.api.call('listReplicas', { query: { q: 'broken', include: 'strip' } })
    expect(items[0]?.strip?.worst).toEqual([...Array.from({ length: 13 }, () => null), 'failed'])
    // The sync that ends next is there without a reload.
    await page.goto('/ui/replicas?q=mirror-9')
    await row(page, /mirror-9/)
      .getByRole('img', { name: 'Last 14 days: Success 1, Not known 13' })
      .waitFor()
    await page.context().close()
  })

  test('are asked for strips only where they are shown', async () => {
    const { page } = await openTab(browser, fleet.supervisor.url)
    const asked: string[] = []
    page.on('request', (request) => {
      const url = new URL(request.url())
      if (url.pathname === '/api/v1/replicas') asked.push(url.searchParams.get('include') ?? 'nothing')
    })
    for (const columns of ['name', 'name,strip', 'name,took,strip']) {
      await page.goto(`/ui/replicas?columns=${columns}`)
      await page.getByTestId('shown').waitFor()
    }
    expect(new Set(asked)).toEqual(new Set(['nothing', 'strip', 'strip,usual']))
    await page.context().close()
  })
})
