// folders.test.ts — Folders without a replica in a real browser: shown on the page of the worker, and adopted there.
import { mkdirSync, writeFileSync } from 'node:fs'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Browser } from 'playwright-core'
import { openBrowser, openTab } from '../harness/browser.ts'
import { createPlace, startNats } from '../harness/place.ts'
import { startSupervisor, startWorker, type SupervisorProgram } from '../harness/programs.ts'
import { until } from '../harness/wait.ts'

describe('the page of a worker whose data_dir has folders without a replica', () => {
  const place = createPlace()
  let browser: Browser
  let supervisor: SupervisorProgram
  const upstream = () => `file://${place.at('in')}`
  const folders = () => supervisor.api.call('listFolders', { params: { id: 'w-1' } })
  const open = async (theme: 'light' | 'dark' = 'light') => {
    const tab = await openTab(browser, supervisor.url, { theme })
    await tab.page.goto('/ui/workers/w-1')
    await tab.page.getByRole('heading', { level: 1, name: 'sh-12' }).waitFor()
    return tab
  }

  beforeAll(async () => {
    for (const folder of ['in', 'data/debian-old', 'data/www', 'data/.kagami/trees'])
      mkdirSync(place.at(folder), { recursive: true })
    writeFileSync(place.at('in', 'file'), 'x'.repeat(100_000))
    writeFileSync(place.at('data', 'debian-old', 'file'), 'x'.repeat(100_000))
    writeFileSync(place.at('data', 'www', 'page'), 'x')
    const mark = { replica_id: 'r-0', kind: 'rsync', upstream: upstream(), name: 'debian-old' }
    writeFileSync(place.at('data', '.kagami', 'trees', 'debian-old.json'), JSON.stringify(mark))
    const nats = await startNats(place)
    supervisor = await startSupervisor(place, { nats: nats.url })
    browser = await openBrowser(place)
    await startWorker(place, {
      nats: nats.url,
      providers: [{ name: 'declared', kind: 'rsync', upstream: upstream() }],
      env: { KAGAMI_UPSTREAM_ROOTS: JSON.stringify([place.dir]), KAGAMI_WORKER_ID: 'w-1', KAGAMI_NAME: 'sh-12' },
    })
    await until('they are measured', async () => {
      const { total, items } = await folders()
      return total === 2 && items.every((folder) => folder.bytes !== null)
    })
  })

  test.each(['light', 'dark'] as const)('shows their size and whose files they are, in %s', async (theme) => {
    const { page, problems, axe } = await open(theme)
    const panel = page.getByTestId('folders')
    await panel.getByText('debian-old').first().waitFor()
    const text = (await panel.innerText()).replaceAll(/\s+/g, ' ')
    expect(text).toContain(`rsync ${upstream()}`)
    expect(text).toContain('www 4.00 KiB 1 not known to Kagami')
    expect(await panel.getByRole('link', { name: 'Adopt debian-old' }).count()).toBe(1)
    expect(await panel.getByRole('link', { name: 'Adopt www' }).count()).toBe(0)
    await panel.getByText('A folder that Kagami did not fill is taken over by a replica of its name').waitFor()
    if (process.env['KAGAMI_SHOTS'])
      await page.screenshot({ path: `${process.env['KAGAMI_SHOTS']}/folders-${theme}.png`, fullPage: true })
    expect(await axe()).toEqual([])
    expect(problems).toEqual([])
  })

  test('adopts one with the form filled in, and then lists it no more', async () => {
    const { page, problems } = await open()
    await page.getByRole('link', { name: 'Adopt debian-old' }).click()
    const form = page.getByRole('dialog')
    expect(await form.getByLabel('Upstream', { exact: true }).inputValue()).toBe(upstream())
    expect(await form.getByLabel('Kind').inputValue()).toBe('rsync')
    expect(await form.getByLabel('Name').inputValue()).toBe('debian-old')
    await form.getByRole('button', { name: 'Add replica' }).click()
    await page.getByRole('heading', { level: 1, name: /debian-old/ }).waitFor()
    await until('it is no longer listed', async () => (await folders()).total === 1)
    await page.goto('/ui/workers/w-1')
    const panel = page.getByTestId('folders')
    await panel.getByText('www').waitFor()
    expect(await panel.innerText()).not.toContain('debian-old')
    expect(problems).toEqual([])
  })
})
