// ui.test.ts — The web UI in a real browser, with a real supervisor and worker: live updates, decisions, an outage of
// the supervisor. Each page by itself is in pages.test.ts.
import { mkdirSync, writeFileSync } from 'node:fs'
import { startHttpUpstream } from '@kagami/demo'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Browser, Page } from 'playwright-core'
import { openBrowser, openTab } from '../harness/browser.ts'
import { startNats, createPlace } from '../harness/place.ts'
import { startSupervisor, startWorker, type SupervisorProgram } from '../harness/programs.ts'
import { until } from '../harness/wait.ts'

const TOKEN = 'kgm_a-token-for-these-tests'

describe('the web UI', () => {
  const place = createPlace()
  let browser: Browser
  let supervisor: SupervisorProgram
  let nats: { url: string }
  let upstream: string
  const start = (port?: number) =>
    startSupervisor(place, {
      nats: nats.url,
      ...(port ? { port } : {}),
      env: { SUPERVISOR_AUTH: 'token', SUPERVISOR_API_TOKEN: TOKEN, SUPERVISOR_AUTO_APPROVE: 'false' },
    })
  const signedIn = async (look: { theme?: 'light' | 'dark'; width?: number } = {}) => {
    const tab = await openTab(browser, supervisor.url, look)
    await tab.page.goto(`/ui/#token=${TOKEN}`)
    await tab.page.getByRole('button', { name: 'Sign out' }).waitFor()
    return tab
  }
  const sees = (page: Page, text: string | RegExp) => page.getByText(text).first().waitFor()

  beforeAll(async () => {
    mkdirSync(place.at('www'))
    writeFileSync(place.at('www', 'release.txt'), 'one\n'.repeat(1000))
    const files = await startHttpUpstream({ dir: place.at('www') })
    place.onEnd(() => files.stop())
    upstream = `${files.url}/release.txt`
    nats = await startNats(place)
    supervisor = await start()
    browser = await openBrowser(place)
    await startWorker(place, {
      nats: nats.url,
      env: { KAGAMI_WORKER_ID: 'w-1', KAGAMI_NAME: 'sh-12' },
      providers: [
        { name: 'declared', kind: 'http', upstream, interval_secs: 3600 },
        { name: 'broken', kind: 'http', upstream: `${files.url}/missing`, interval_secs: 3600 },
      ],
    })
    await until(
      'the worker joins',
      async () => (await supervisor.api.call('listWorkers')).items[0]?.presence === 'online',
    )
  })

  test('shows the fleet to anyone, and requires the token for changes', async () => {
    const { page, problems } = await openTab(browser, supervisor.url)
    await page.goto('/ui/workers')
    await sees(page, 'sh-12')
    await page.getByRole('button', { name: 'Approve' }).click({ force: true })
    await page.getByRole('dialog').getByLabel('API token').fill('wrong')
    await page.keyboard.press('Enter')
    await sees(page, /does not know this token/)
    expect(problems).toEqual([])
  })

  test('the link of the first start signs in, and the token disappears from the address at once', async () => {
    const { page } = await signedIn()
    expect(page.url()).not.toContain(TOKEN)
  })

  test('approves a worker; its mirrors appear without a reload, and the failing one shows why', async () => {
    const { page, problems } = await signedIn()
    await page.goto('/ui/workers')
    await page.getByRole('button', { name: 'Approve' }).click()
    await sees(page, 'sh-12 will be approved')
    await page.goto('/ui/')
    await until('the failure is counted in the title', async () => (await page.title()).startsWith('(1)'), {})
    await sees(page, 'What the address names is not there.')
    expect(problems).toEqual([])
  })

  test('adds a replica: mistakes are shown at the field, and a correct one syncs and shows its log', async () => {
    const { page, problems } = await signedIn()
    await page.goto('/ui/replicas/add?worker=w-1')
    const field = (name: string) => page.getByRole('textbox', { name, exact: true })
    await field('Upstream').fill('not a url')
    await page.keyboard.press('Tab')
    await sees(page, /must not contain spaces/i)
    await field('Upstream').fill(upstream)
    await page.keyboard.press('Tab')
    expect(await page.getByLabel('Kind', { exact: true }).inputValue()).toBe('http')
    await field('Name').fill('declared')
    await sees(page, `${place.at('data')}/declared`)
    await page.getByRole('button', { name: 'Add replica' }).last().click()
    await sees(page, /already|Another replica/)
    await field('Name').fill('added')
    await page.getByRole('button', { name: 'Add replica' }).last().click()
    await page.waitForURL(/\/ui\/replicas\/[0-9a-f-]{36}/)
    await page.getByRole('button', { name: 'Sync now' }).click()
    await sees(page, 'Fresh')
    await page.getByRole('link', { name: 'open' }).first().click()
    await sees(page, 'success in')
    expect(problems).toEqual([])
  })

  test('a change elsewhere shows within two seconds, without a reload', async () => {
    const { page } = await signedIn()
    const { items } = await supervisor.api.call('listReplicas', { query: { name: 'declared' } })
    await page.goto(`/ui/replicas/${items[0]!.replica_id}`)
    const rows = page.getByRole('table').getByRole('row')
    await rows.nth(1).waitFor()
    const before = await rows.count()
    const since = performance.now()
    await supervisor.api.call('syncReplica', { params: { id: items[0]!.replica_id } })
    await until('the new sync is in the table', async () => (await rows.count()) > before)
    // Two seconds are promised; the rest allows for a busy machine.
    expect(performance.now() - since).toBeLessThan(10_000)
  })

  test('shows that the supervisor is down and keeps the last state; reconnects when it is back', async () => {
    const { page } = await signedIn()
    const port = Number(new URL(supervisor.url).port)
    await page.goto('/ui/workers/w-1')
    await sees(page, 'sh-12')
    await supervisor.kill()
    await until(
      'the connection is shown as lost',
      async () => !/Live/.test((await page.getByTestId('connection').textContent()) ?? ''),
    )
    await sees(page, 'sh-12')
    await until(
      'nothing can be changed',
      async () => (await page.getByRole('button', { name: 'Terminate' }).getAttribute('aria-disabled')) === 'true',
    )
    supervisor = await start(port)
    await until('it is live again', async () => /Live/.test((await page.getByTestId('connection').textContent()) ?? ''))
  })

  test('terminates a worker only after its name was typed, and shows what is lost', async () => {
    const { page } = await signedIn()
    await page.goto('/ui/workers/w-1')
    await page.getByRole('button', { name: 'Terminate' }).click()
    const dialog = page.getByRole('dialog')
    const confirm = dialog.getByRole('button', { name: 'Terminate' })
    expect(await page.evaluate(() => document.activeElement?.textContent?.trim())).toBe('Cancel')
    await dialog.getByTestId('last-copies').waitFor()
    expect(await dialog.textContent()).toContain('declared')
    expect(await confirm.isDisabled()).toBe(true)
    await dialog.getByRole('textbox').fill('sh-1')
    expect(await confirm.isDisabled()).toBe(true)
    await dialog.getByRole('textbox').fill('sh-12')
    await confirm.click()
    await until('the worker is gone', async () => (await supervisor.api.call('listWorkers')).total === 0)
  })
})

describe('a front end that was written for v0', () => {
  const place = createPlace()

  test('works from SUPERVISOR_WEBUI_DIR with only the routes of v0, also with inline scripts', async () => {
    mkdirSync(place.at('ui'))
    writeFileSync(
      place.at('ui', 'index.html'),
      `<!doctype html><title>v0</title><body><pre id=out></pre><button id=approve>approve</button><script>
const api = location.origin
const headers = { 'Content-Type': 'application/json' }
const call = (method, path, body) =>
  fetch(api + path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) })
async function show() {
  const paths = ['/overview', '/workers', '/resources', '/telemetry']
  const read = (path) => fetch(api + path).then((r) => r.json())
  const [overview, workers, resources, telemetry] = await Promise.all(paths.map(read))
  document.getElementById('out').textContent = [
    overview.workers_total,
    workers.map((w) => w.worker_id + ':' + w.status + ':' + w.approved),
    resources.map((r) => r.name + ':' + r.status),
    telemetry.traffic.length,
  ].join(' ')
}
document.getElementById('approve').onclick = async () => {
  const workers = await fetch(api + '/workers').then((r) => r.json())
  const id = workers[0].worker_id
  const worker = '/workers/' + id
  const replica = { name: 'n', kind: 'http', upstream: 'http://127.0.0.1:9/x', interval_secs: null, labels: {} }
  const codes = []
  codes.push((await call('POST', worker + '/approve')).status)
  codes.push((await call('POST', worker + '/add_replica', replica)).status)
  codes.push((await call('POST', worker + '/sync', { resource: null })).status)
  codes.push((await call('DELETE', worker)).status)
  document.title = codes.join(',')
}
setInterval(show, 200)
</script>`,
    )
    const nats = await startNats(place)
    const supervisor = await startSupervisor(place, {
      nats: nats.url,
      env: { SUPERVISOR_WEBUI_DIR: place.at('ui'), SUPERVISOR_AUTO_APPROVE: 'false' },
    })
    await startWorker(place, { nats: nats.url, env: { KAGAMI_WORKER_ID: 'w-1' } })
    const { page, problems } = await openTab(await openBrowser(place), supervisor.url)
    await page.goto('/')
    await page.getByText('1 w-1:pending:false').waitFor()
    await page.getByRole('button', { name: 'approve' }).click()
    await until('every call is answered as v0 answers it', async () => (await page.title()) === '200,202,202,204', {
      seen: () => page.title(),
    })
    expect(problems).toEqual([])
  })
})
