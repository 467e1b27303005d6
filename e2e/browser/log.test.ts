// log.test.ts — The log of a sync in a real browser: a line has an address, a text is found wherever it stands, errors
// are told apart, and one gets to the sync before and after.
import { chmodSync, writeFileSync } from 'node:fs'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Browser, Page } from 'playwright-core'
import { openBrowser, openTab } from '../harness/browser.ts'
import { createPlace, startNats } from '../harness/place.ts'
import { startSupervisor, startWorker, type SupervisorProgram } from '../harness/programs.ts'
import { until } from '../harness/wait.ts'

/** Far more than the page reads at first. */
const LINES = 8000

describe('the log on the page of a sync', () => {
  const place = createPlace()
  let browser: Browser
  let supervisor: SupervisorProgram
  let syncs: readonly string[]
  const here = (page: Page) => page.locator('.logbox .line.here')

  beforeAll(async () => {
    writeFileSync(
      place.at('long.sh'),
      `#!/bin/bash
echo x > file
for ((n = 1; n <= ${LINES}; n++)); do
  if ((n == 40)); then echo "the needle is here"; else echo "fetched package number $n"; fi
done
echo "one mirror did not answer" >&2
`,
    )
    chmodSync(place.at('long.sh'), 0o755)
    writeFileSync(place.at('worker.toml'), `[[commands]]\nname = "long"\ncommand = ["${place.at('long.sh')}"]\n`)
    const nats = await startNats(place)
    supervisor = await startSupervisor(place, { nats: nats.url })
    browser = await openBrowser(place)
    await startWorker(place, {
      nats: nats.url,
      env: { KAGAMI_NAME: 'sh-12', KAGAMI_WORKER_ID: 'w', KAGAMI_CONFIG: place.at('worker.toml') },
    })
    await until('it joined', async () => (await supervisor.api.call('listWorkers')).items[0]?.admission === 'approved')
    const { replica_id } = await supervisor.api.call('addReplica', {
      params: { id: 'w' },
      body: {
        name: 'pypi',
        kind: 'command',
        upstream: 'https://127.0.0.1/pypi',
        interval_secs: 0,
        options: { command: 'long' },
      },
    })
    const finished = async () => (await supervisor.api.call('listSyncs', { query: { state: 'finished' } })).items
    await until('it is known', async () => (await supervisor.api.call('listReplicas')).total === 1)
    for (let count = (await finished()).length + 1; count <= 3; count++) {
      await supervisor.api.call('syncReplica', { params: { id: replica_id } })
      await until(`${count} syncs`, async () => (await finished()).length >= count)
    }
    syncs = (await finished()).map(({ sync_id }) => sync_id)
  })

  const open = async (path: string, look: Parameters<typeof openTab>[2] = {}) => {
    const tab = await openTab(browser, supervisor.url, look)
    await tab.page.goto(`/ui/syncs/${path}`)
    await tab.page.locator('.logbox .line').first().waitFor()
    return tab
  }

  test('opens at the line of the address, far from the end', async () => {
    const { page, problems } = await open(`${syncs[0]}#L120`)
    await here(page).waitFor()
    // The log has two lines of its own before those of the program.
    expect(await here(page).textContent()).toContain('fetched package number 118')
    // Another line is chosen by its number, and the address says so.
    await page.getByRole('link', { name: 'Line 122' }).click()
    await page.waitForURL(/#L122$/)
    await expect.poll(() => here(page).textContent()).toContain('fetched package number 120')
    expect(problems).toEqual([])
    await page.context().close()
  })

  test('finds a text in the part that was not loaded, and goes from hit to hit', async () => {
    const { page } = await open(syncs[0]!)
    const search = page.getByRole('searchbox', { name: 'Search the log' })
    await search.fill('the needle')
    await page.getByText('1 of 1').waitFor()
    await expect.poll(async () => (await here(page).textContent()) ?? '').toContain('the needle is here')
    await search.fill('package number 79')
    await page.getByText(/^1 of 111$/).waitFor()
    await search.blur()
    await page.keyboard.press('n')
    await page.getByText(/^2 of 111$/).waitFor()
    await page.keyboard.press('N')
    await page.keyboard.press('N')
    await page.getByText(/^111 of 111$/).waitFor()
    await page.context().close()
  })

  test.each(['light', 'dark'] as const)('tells errors apart, in %s', async (theme) => {
    const { page, axe } = await open(syncs[0]!, { theme })
    const bad = page.locator('.logbox .line.bad')
    await bad.first().waitFor()
    expect(await bad.allTextContents()).toEqual([expect.stringContaining('E one mirror did not answer')])
    if (process.env['KAGAMI_SHOTS'])
      await page.screenshot({ path: `${process.env['KAGAMI_SHOTS']}/log-${theme}.png`, fullPage: true })
    expect(await axe()).toEqual([])
    await page.context().close()
  })

  test('leads to the sync before, and back', async () => {
    const { page, axe } = await open(syncs[0]!)
    await page.getByRole('link', { name: 'Next sync' }).and(page.locator('[aria-disabled=true]')).waitFor()
    await page.getByRole('link', { name: 'Previous sync' }).click()
    await page.waitForURL(`**/${syncs[1]}`)
    await page.getByRole('link', { name: 'Next sync' }).and(page.locator('a')).waitFor()
    await page.keyboard.press('[')
    await page.waitForURL(`**/${syncs[2]}`)
    await page.getByRole('link', { name: 'Previous sync' }).and(page.locator('[aria-disabled=true]')).waitFor()
    expect(await axe()).toEqual([])
    await page.getByRole('link', { name: 'Next sync' }).and(page.locator('a')).waitFor()
    await page.keyboard.press(']')
    await page.waitForURL(`**/${syncs[1]}`)
    await page.context().close()
  })
})
