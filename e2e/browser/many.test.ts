// many.test.ts — The web UI with many: eight tabs of one browser are all live over one connection, and a long list goes
// on under constant changes and is where it was when somebody comes back to it.
import { beforeAll, describe, expect, test } from 'vitest'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { openBrowser, openTab } from '../harness/browser.ts'
import { createPlace, startNats } from '../harness/place.ts'
import { startSupervisor, startWorker, type SupervisorProgram } from '../harness/programs.ts'
import { until } from '../harness/wait.ts'

const MIRRORS = 420

describe('the web UI', () => {
  const place = createPlace()
  let browser: Browser
  let supervisor: SupervisorProgram
  let nats: { url: string }
  const watchers = async () => {
    const text = await (await fetch(`${supervisor.url}/metrics`)).text()
    return Number(/^kagami_stream_watchers (\d+)$/m.exec(text)?.[1])
  }
  const isLive = (page: Page) => page.getByTestId('connection').getByText('Live').waitFor()
  const tabOf = async (context: BrowserContext, path: string) => {
    const page = await context.newPage()
    await page.goto(path)
    return page
  }

  beforeAll(async () => {
    nats = await startNats(place)
    supervisor = await startSupervisor(place, { nats: nats.url })
    browser = await openBrowser(place)
    await startWorker(place, {
      nats: nats.url,
      env: { KAGAMI_WORKER_ID: 'w-1', KAGAMI_NAME: 'sh-12', KAGAMI_SLOTS: '2' },
      providers: Array.from({ length: MIRRORS }, (_, index) => ({
        name: `mirror-${String(index).padStart(3, '0')}`,
        kind: 'http',
        // Nobody answers there, so that syncs fail at once and something changes all the time.
        upstream: `http://127.0.0.1:1/${index}`,
        interval_secs: 2,
      })),
    })
    await until(
      'all are known',
      async () => (await supervisor.api.call('listReplicas', { query: { limit: 1 } })).total === MIRRORS,
    )
  })

  test('in eight tabs is live in all of them, over one connection', async () => {
    const { page, problems } = await openTab(browser, supervisor.url)
    const context = page.context()
    await page.goto('/ui/')
    const tabs = [page]
    for (let index = 1; index < 8; index++)
      tabs.push(await tabOf(context, ['/ui/replicas', '/ui/workers', '/ui/syncs', '/ui/'][index % 4]!))
    for (const tab of tabs) await isLive(tab)
    await until('there is one connection', async () => (await watchers()) === 1)
    // Each still has connections left for requests of its own.
    for (const tab of tabs) {
      await tab.goto('/ui/workers')
      await tab.getByText('sh-12').first().waitFor()
      await isLive(tab)
    }
    await supervisor.api.call('pauseReplica', {
      params: { id: 'mirror-000@sh-12' },
      body: { reason: 'for a test' },
    })
    for (const tab of tabs) await tab.goto('/ui/replicas?name=mirror-000')
    await supervisor.api.call('resumeReplica', { params: { id: 'mirror-000@sh-12' } })
    for (const tab of tabs)
      await tab
        .getByText(/^in |due|requested|queued/)
        .first()
        .waitFor()
    expect(problems).toEqual([])
    await context.close()
    await until('the connection ends with the last tab', async () => (await watchers()) === 0)
  })

  test('without shared workers follows by itself', async () => {
    const { page } = await openTab(browser, supervisor.url)
    await page.addInitScript('delete globalThis.SharedWorker')
    await page.goto('/ui/')
    await isLive(page)
    await until('there is one connection', async () => (await watchers()) === 1)
    await page.context().close()
  })

  test('asks for what its page shows, and hears of it wherever it has come from', async () => {
    const { page } = await openTab(browser, supervisor.url)
    await page.addInitScript('delete globalThis.SharedWorker')
    const asked: string[] = []
    page.on('request', (request) => {
      const url = new URL(request.url())
      if (url.pathname === '/api/v1/stream') asked.push(url.searchParams.get('topics')!)
    })
    await page.goto('/ui/workers/sh-12')
    await isLive(page)
    const worker = (await supervisor.api.call('getWorker', { params: { id: 'sh-12' } })).worker_id
    await until('the worker is asked for', () => asked.at(-1)?.includes(`within:${worker}`))
    const { replica_id } = await supervisor.api.call('getReplica', { params: { id: 'mirror-001@sh-12' } })
    await page.getByRole('link', { name: 'mirror-001' }).first().click()
    await page.getByRole('heading', { name: 'mirror-001' }).waitFor()
    await supervisor.api.call('pauseReplica', { params: { id: replica_id }, body: { reason: 'for a test' } })
    await page.getByText('Paused').first().waitFor()
    // What is within the worker covers its replicas; some time later nobody wants all of them any more.
    await until('the replica alone is asked for', () => asked.at(-1) === `replica:${replica_id}`)
    await supervisor.api.call('resumeReplica', { params: { id: replica_id } })
    await page.getByText('Paused').first().waitFor({ state: 'detached' })
    await page.context().close()
  })

  test('says in every tab that the supervisor is away, and is live again in every tab', async () => {
    const { page } = await openTab(browser, supervisor.url)
    await page.goto('/ui/')
    const other = await tabOf(page.context(), '/ui/workers')
    await isLive(other)
    const port = Number(new URL(supervisor.url).port)
    await supervisor.kill()
    for (const tab of [page, other])
      await tab
        .getByTestId('connection')
        .getByText(/Reconnecting|Offline/)
        .waitFor()
    supervisor = await startSupervisor(place, { nats: nats.url, port })
    for (const tab of [page, other]) await isLive(tab)
    await page.context().close()
  })

  test('loads the rows that were asked for, also when everything is loaded anew meanwhile', async () => {
    const { page } = await openTab(browser, supervisor.url)
    await page.addInitScript('delete globalThis.SharedWorker')
    const asked: string[] = []
    await page.route('**/api/v1/replicas?*', async (route) => {
      const { searchParams } = new URL(route.request().url())
      asked.push(searchParams.has('cursor') ? 'more' : 'first')
      // The first answer with more rows comes too late: the page has connected again, and loads all of its rows anew.
      if (asked.filter((one) => one === 'more').length === 1 && asked.at(-1) === 'more') {
        await page.evaluate("window.dispatchEvent(new Event('online'))")
        await until('the first rows were asked for again', () => asked.lastIndexOf('first') > asked.indexOf('more'))
      }
      await route.continue().catch(() => {})
    })
    // Of a stream that the supervisor does not know any more everything is loaded anew.
    await page.route('**/api/v1/stream?*', (route) =>
      route.continue({
        url: route
          .request()
          .url()
          .replace(/last_event_id=.*/, 'last_event_id=gone-1'),
      }),
    )
    await page.goto('/ui/replicas?sort=name')
    await isLive(page)
    await page.getByText('mirror-000').waitFor()
    // Somebody reads the list, so that changes of rows do not load it.
    await page.locator('[data-rows]').hover({ position: { x: 20, y: 200 } })
    await page.evaluate('window.scrollTo(0, document.body.scrollHeight)')
    await until('more than the first rows are there', async () => {
      const shown = await page.getByTestId('shown').innerText()
      return Number(/–(\d+)/.exec(shown)?.[1]) > 100
    })
    expect(asked.indexOf('first', asked.indexOf('more'))).toBeGreaterThan(0)
    await page.context().close()
  })

  test('shows a list of hundreds to its end while its rows change, and shows the same place after "back"', async () => {
    const { page } = await openTab(browser, supervisor.url)
    await page.goto('/ui/replicas?sort=name')
    await page.getByText('mirror-000').waitFor()
    await until('the last row is there', async () => {
      await page.mouse.move(5, 5)
      await page.evaluate('window.scrollTo(0, document.body.scrollHeight)')
      return await page.getByText(`mirror-${MIRRORS - 1}`, { exact: true }).isVisible()
    })
    await page.evaluate('window.scrollBy(0, -2000)')
    await page.waitForTimeout(500)
    const before = await page.evaluate('window.scrollY')
    const link = page.locator('[data-rows] a[href*="/replicas/"]:visible').nth(20)
    const name = await link.innerText()
    await link.click()
    await page.getByRole('heading', { level: 1, name }).waitFor()
    await page.goBack()
    await page.getByText(name, { exact: true }).waitFor()
    expect(Math.abs(Number(await page.evaluate('window.scrollY')) - Number(before))).toBeLessThan(40)
    await page.context().close()
  })
})
