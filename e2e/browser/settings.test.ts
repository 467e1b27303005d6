// settings.test.ts — The page Settings in a real browser: who one is; access tokens are given out and taken back.
import type { Browser } from 'playwright-core'
import { beforeAll, describe, expect, test } from 'vitest'
import { refusalOf, ROOT_TOKEN, startAccessFleet, type AccessFleet } from '../access/fleet.ts'
import { openBrowser, openTab } from '../harness/browser.ts'
import { createPlace } from '../harness/place.ts'
import { until } from '../harness/wait.ts'

describe('the page Settings', () => {
  const place = createPlace()
  let browser: Browser
  let fleet: AccessFleet
  const open = async (token: string | null, look: Parameters<typeof openTab>[2] = {}) => {
    const tab = await openTab(browser, fleet.supervisor.url, look)
    await tab.page.goto(`/ui/settings${token ? `#token=${token}` : ''}`)
    await tab.page.getByRole('heading', { name: 'You' }).waitFor()
    return tab
  }
  const shoot = async ({ page }: Awaited<ReturnType<typeof open>>, name: string) => {
    const folder = process.env['KAGAMI_SHOTS']
    if (folder) await page.screenshot({ path: `${folder}/${name}.png`, fullPage: true })
  }

  beforeAll(async () => {
    browser = await openBrowser(place)
    fleet = await startAccessFleet(place)
    await fleet.clientFor('backup', 'viewer', {}, 86_400 * 30)
    await fleet.clientFor('kernel-ci', 'operator', { team: 'kernel', env: 'prod' })
  })

  test.each([
    ['light', 1280],
    ['dark', 1280],
    ['light', 390],
    ['dark', 390],
  ] as const)('shows who one is and all tokens, in %s at %i px', async (theme, width) => {
    const tab = await open(ROOT_TOKEN, { theme, width })
    const row = tab.page.getByRole('listitem').filter({ hasText: 'kernel-ci' })
    await row.getByText('team=kernel, env=prod').waitFor()
    await tab.page.getByText('The token of the supervisor', { exact: true }).waitFor()
    await tab.page.getByText('Administrator: may do everything').waitFor()
    expect((await row.innerText()).replaceAll(/\s+/g, ' ')).toContain(
      'kernel-ci Operator · replicas with team=kernel, env=prod ' +
        'ends when it is removed · last used never · created by token',
    )
    await shoot(tab, `settings-${theme}-${width}`)
    expect(await tab.axe()).toEqual([])
    await tab.page.getByRole('button', { name: 'Create token' }).click()
    await tab.page.getByRole('dialog').getByLabel('Name').waitFor()
    await shoot(tab, `settings-new-${theme}-${width}`)
    expect(await tab.axe()).toEqual([])
    expect(await tab.page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width)
    expect(tab.problems).toEqual([])
  })

  test('shows what the supervisor runs with to who may change something, and no secret', async () => {
    const tab = await open(ROOT_TOKEN)
    const lineOf = async (key: string) => {
      const line = tab.page.locator(`[data-setting=${key}]`)
      await line.waitFor()
      return (await line.innerText()).replaceAll(/\s+/g, ' ')
    }
    expect(await lineOf('api_token')).toBe('Token of the supervisor SUPERVISOR_API_TOKEN set; never shown environment')
    expect(await lineOf('history_days')).toBe('Days that the history is kept SUPERVISOR_HISTORY_DAYS 90 default')
    expect(await lineOf('oidc_issuer')).toBe('Provider of accounts SUPERVISOR_OIDC_ISSUER — not set')
    expect(await tab.page.locator('main').innerText()).not.toContain(ROOT_TOKEN)
    const settingsFor = async (token: string | null) => {
      const headers = token ? { authorization: `Bearer ${token}` } : undefined
      const answer = await fetch(`${fleet.supervisor.url}/api/v1/settings`, { headers })
      return [answer.status, (await answer.text()).includes(ROOT_TOKEN)]
    }
    expect(await settingsFor(ROOT_TOKEN)).toEqual([200, false])
    expect((await settingsFor(null))[0]).toBe(401)
    expect((await refusalOf((await fleet.clientFor('reader', 'viewer')).call('settings')))?.code).toBe('forbidden')
    expect((await (await fleet.clientFor('changer', 'operator')).call('settings')).kept.history_days).toBe(90)
    const nobody = await open(null)
    await nobody.page.getByRole('heading', { name: 'Access tokens' }).waitFor()
    expect(await nobody.page.getByRole('heading', { name: 'This supervisor' }).count()).toBe(0)
    expect(tab.problems).toEqual([])
  })

  test('creates a token, shows it once, and it may do what was chosen', async () => {
    const { page } = await open(ROOT_TOKEN)
    await page.getByRole('button', { name: 'Create token' }).click()
    const dialog = page.getByRole('dialog')
    const submit = dialog.getByRole('button', { name: 'Create token' })
    await dialog.getByLabel('Name').fill('two words')
    await submit.click()
    await dialog.getByText('Letters, digits').waitFor()
    await dialog.getByLabel('Name').fill('BACKUP')
    await dialog.getByLabel('Replicas').fill('team')
    await dialog.getByText('Write labels as KEY=VALUE').waitFor()
    await dialog.getByLabel('Replicas').fill('team=kernel')
    await submit.click()
    await dialog.getByText('the name BACKUP is taken').waitFor()
    await dialog.getByLabel('Name').fill('ci')
    await submit.click()
    const token = (await dialog.locator('code').textContent())!
    expect(token).toMatch(/^kgt_[\w-]{32}$/)
    await dialog.getByRole('button', { name: 'Close' }).last().click()
    await page.getByRole('heading', { name: 'ci', exact: true }).waitFor()
    expect(await page.content()).not.toContain(token)
    const { page: other } = await open(token)
    await other.getByRole('link', { name: 'ci', exact: true }).waitFor()
    await other.getByText('Administrators of this supervisor see').waitFor()
    await page.getByRole('button', { name: 'Remove the token ci' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click()
    await page.getByText('Removed the token ci').waitFor()
    await until(
      'the row is gone',
      async () => (await page.getByRole('heading', { name: 'ci', exact: true }).count()) === 0,
    )
    const audit = await fleet.supervisor.api.call('audit', { query: { target: 'ci' } })
    expect(audit.items.map(({ action }) => action)).toEqual(['remove_token', 'make_token'])
  })

  test('says to who is not signed in what they may do, and lets them sign in', async () => {
    const { page, axe } = await open(null)
    await page.getByText('Not signed in: you can read everything').waitFor()
    expect(await axe()).toEqual([])
    await page.getByRole('main').getByRole('button', { name: 'Sign in' }).click()
    await page.getByLabel('API token').fill(ROOT_TOKEN)
    await page.getByRole('dialog').getByRole('button', { name: 'Sign in' }).click()
    await page.getByText('Administrator: may do everything').waitFor()
  })

  test('offers a viewer no change that would be refused, and says why', async () => {
    const viewer = await fleet.supervisor.api.call('makeAccessToken', { body: { name: 'eve', role: 'viewer' } })
    const { page } = await open(viewer.token)
    await page.goto('/ui/workers/w-1')
    const sync = page.getByRole('button', { name: 'Sync all' })
    expect([await sync.getAttribute('aria-disabled'), await sync.getAttribute('title')]).toEqual([
      'true',
      'This takes the role Operator, and eve has the role Viewer',
    ])
    await sync.click({ force: true })
    expect(await page.getByRole('dialog').count()).toBe(0)
    expect(await refusalOf(fleet.supervisor.api.call('session'))).toBeNull()
  })
})
