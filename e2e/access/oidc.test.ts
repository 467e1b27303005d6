// oidc.test.ts — Signing in with an account at a real OpenID Connect provider, in a real browser; and what a session is
// refused, and a page of another site.
import type { Browser, Page } from 'playwright-core'
import { beforeAll, describe, expect, test } from 'vitest'
import { ROOT_TOKEN } from './fleet.ts'
import { openBrowser } from '../harness/browser.ts'
import { queryDatabase } from '../harness/database.ts'
import { expectDocumented } from '../harness/documented.ts'
import { OIDC_CLIENT, startOidcProvider, type OidcProvider } from './provider.ts'
import { createPlace, startNats } from '../harness/place.ts'
import { freePort, startSupervisor, type SupervisorProgram } from '../harness/programs.ts'
import { startSpokenWorker } from '../harness/spoken-worker.ts'
import { PATIENCE_MS, until } from '../harness/wait.ts'

const GROUPS: Record<string, string[]> = { wang: ['mirror-admins', 'staff'], li: ['mirror-team'], eve: ['staff'] }

describe('an account at an OpenID Connect provider', () => {
  const place = createPlace()
  let provider: OidcProvider
  let supervisor: SupervisorProgram
  let browser: Browser
  let db: string

  beforeAll(async () => {
    for (const words of ['SUPERVISOR_PUBLIC_URL', 'SUPERVISOR_OIDC_ISSUER', 'SUPERVISOR_ROLE_GROUPS'])
      expectDocumented(words)
    const { url: nats } = await startNats(place)
    const port = await freePort()
    const publicUrl = `http://127.0.0.1:${port}`
    provider = await startOidcProvider(place, publicUrl, (account) => GROUPS[account] ?? [])
    db = `sqlite://${place.at('supervisor.db')}?mode=rwc`
    supervisor = await startSupervisor(place, {
      nats,
      port,
      db,
      env: {
        SUPERVISOR_AUTH: 'token',
        SUPERVISOR_API_TOKEN: ROOT_TOKEN,
        SUPERVISOR_AUTO_APPROVE: 'false',
        SUPERVISOR_PUBLIC_URL: publicUrl,
        SUPERVISOR_OIDC_ISSUER: provider.issuer,
        SUPERVISOR_OIDC_CLIENT_ID: OIDC_CLIENT.id,
        SUPERVISOR_OIDC_CLIENT_SECRET: OIDC_CLIENT.secret,
        SUPERVISOR_ROLE_GROUPS: '{"mirror-admins": "admin", "mirror-team": "operator"}',
        SUPERVISOR_DEFAULT_ROLE: 'none',
      },
    })
    for (const [id, name] of [
      ['w-1', 'sh-12'],
      ['w-2', 'bj-1'],
    ] as const)
      await startSpokenWorker(place, nats, { replicas: [], about: { worker_id: id, name } })
    browser = await openBrowser(place)
  })

  const openPage = async (path = '/ui/workers') => {
    const context = await browser.newContext({ baseURL: supervisor.url, locale: 'en-US' })
    const page = await context.newPage()
    page.setDefaultTimeout(PATIENCE_MS)
    await page.goto(path)
    return page
  }
  /** At the provider: gives the account, and consents. */
  const passProvider = async (page: Page, account: string) => {
    await page.locator('input[name=login]').fill(account)
    await page.locator('input[name=password]').fill('any')
    await page.getByRole('button', { name: 'Sign-in' }).click()
    await page.getByRole('button', { name: 'Continue' }).click()
  }
  /** Signs in with the dialog of a page, in the tab that it opens. */
  const signIn = async (page: Page, account: string) => {
    await page.getByRole('banner').getByRole('button', { name: 'Sign in' }).click()
    const opened = page.context().waitForEvent('page')
    await page.getByRole('link', { name: 'Sign in with your account' }).click()
    await passProvider(await opened, account)
  }
  /** Those of ours: the provider is on the same host. */
  const cookiesOf = async (page: Page) =>
    (await page.context().cookies(supervisor.url)).filter(({ name }) => name.includes('kagami'))
  const actions = async (actor: string) =>
    (await supervisor.api.call('audit', { query: { actor } })).items.map(({ action, result }) => `${action} ${result}`)
  const statusOf = (page: Page, path: string, headers: Record<string, string> = {}) =>
    page.request.post(`${supervisor.url}${path}`, {
      headers: { 'content-type': 'application/json', ...headers },
      data: {},
    })

  test('signs in, with the role of the groups, and acts under the name; then signs out', async () => {
    const page = await openPage()
    await signIn(page, 'wang')
    await page.getByRole('link', { name: 'wang' }).waitFor()
    await until('its tab has closed', () => page.context().pages().length === 1)
    await page.getByRole('listitem').filter({ hasText: 'sh-12' }).getByRole('button', { name: 'Approve' }).click()
    await until('it is approved', async () => (await actions('wang')).includes('approve ok'))
    expect(await actions('wang')).toContain('sign_in ok')
    await page.goto('/ui/settings')
    await page.getByText('Administrator: may do everything').waitFor()
    const cookies = await cookiesOf(page)
    expect(cookies.map(({ name, httpOnly, sameSite }) => [name, httpOnly, sameSite])).toEqual([
      ['kagami_session', true, 'Lax'],
    ])
    expect(JSON.stringify(await queryDatabase(db, 'SELECT * FROM sessions'))).not.toContain(cookies[0]!.value)
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.waitForURL((url) => url.origin === provider.issuer)
    await page.goto('/ui/settings')
    await page.getByText('Not signed in').waitFor()
    const again = await statusOf(page, '/workers/w-1/sync', {
      cookie: `kagami_session=${cookies[0]!.value}`,
      origin: supervisor.url,
    })
    expect(again.status()).toBe(401)
  })

  test('may do only what its role allows, and the page says so before', async () => {
    const page = await openPage('/ui/workers/w-1')
    await signIn(page, 'li')
    await page.getByRole('link', { name: 'li', exact: true }).waitFor()
    const terminate = page.getByRole('button', { name: 'Terminate' })
    expect(await terminate.getAttribute('title')).toBe(
      'This takes the role Administrator, and li has the role Operator',
    )
    const deleted = await page.request.delete(`${supervisor.url}/workers/w-1`, { headers: { origin: supervisor.url } })
    expect([deleted.status(), await deleted.text()]).toEqual([
      403,
      expect.stringContaining('this takes the role admin, and li has the role operator'),
    ])
  })

  test('is refused without a group that has a role', async () => {
    const page = await openPage()
    await signIn(page, 'eve')
    const tab = page.context().pages().at(-1)!
    await tab.getByRole('heading', { name: 'Not signed in' }).waitFor()
    await tab.getByText('have no role here').waitFor()
    expect(await cookiesOf(page)).toEqual([])
  })

  test('loses its session in the middle of a write: what was typed stays, and is sent after signing in', async () => {
    const page = await openPage('/ui/workers')
    await signIn(page, 'wang')
    await page.getByRole('link', { name: 'wang' }).waitFor()
    await page.getByRole('listitem').filter({ hasText: 'bj-1' }).getByRole('button', { name: 'Reject' }).click()
    const reason = page.getByRole('dialog').getByRole('textbox')
    await reason.fill('not one of ours')
    await queryDatabase(db, 'UPDATE sessions SET expires_at = 1')
    await page.getByRole('dialog').getByRole('button', { name: 'Reject' }).click()
    await page.getByRole('dialog', { name: 'Sign in' }).waitFor()
    const opened = page.context().waitForEvent('page')
    await page.getByRole('link', { name: 'Sign in with your account' }).click()
    const tab = await opened
    // The provider still knows its user, so it leads back at once.
    await until('its tab has closed', () => tab.isClosed())
    const dialog = page.getByRole('dialog', { name: /Reject/ })
    expect(await dialog.getByRole('textbox').inputValue()).toBe('not one of ours')
    await dialog.getByRole('button', { name: 'Reject' }).click()
    await until('it is held', async () => (await actions('wang')).some((action) => action.startsWith('hold_reject')))
  })

  test('does not write for a page of another site, nor for one that is not known', async () => {
    const page = await openPage()
    await signIn(page, 'wang')
    await page.getByRole('link', { name: 'wang' }).waitFor()
    for (const headers of [{ origin: 'https://evil.example.org' }, {}] as Record<string, string>[]) {
      const answer = await statusOf(page, '/workers/w-1/sync', headers)
      expect([answer.status(), await answer.text()]).toEqual([401, expect.stringContaining('are not allowed')])
    }
  })

  test.each([
    ['state of somebody else', 'code=x&state=somebody-else'],
    ['no state', 'code=x'],
    ['an error', 'error=access_denied&state=x'],
    ['nothing', ''],
  ])('is not signed in by a callback with %s', async (_, query) => {
    const page = await openPage()
    await page.goto(`/auth/callback?${query}`)
    await page.getByRole('heading', { name: 'Not signed in' }).waitFor()
    expect(await cookiesOf(page)).toEqual([])
  })

  test.each(['https://evil.example.org/', '//evil.example.org/', '/ui/../auth/sign-in', '/api/v1/session'])(
    'is never led to %s afterwards',
    async (to) => {
      const page = await openPage()
      await page.goto(`/auth/sign-in?to=${encodeURIComponent(to)}`)
      await passProvider(page, 'wang')
      await page.waitForURL(`${supervisor.url}/ui/signed-in`)
    },
  )

  test('cannot sign in while the provider does not answer: the page says so, and tokens go on', async () => {
    provider.break(true)
    const page = await openPage()
    await page.goto('/auth/sign-in')
    await passOrFail(page)
    expect(supervisor.output()).toMatch(/somebody could not sign in/)
    expect((await supervisor.api.call('session')).role).toBe('admin')
    provider.break(false)
  })

  /** The provider's addresses may be known from before: then it is its page that fails. */
  const passOrFail = async (page: Page) => {
    const heading = page.getByRole('heading', { name: 'Not signed in' })
    await until('it failed', async () => (await heading.count()) > 0 || (await page.content()).includes('broken'))
    if ((await heading.count()) === 0) await page.goto('/auth/callback?code=x&state=y')
    await heading.waitFor()
  }
})
