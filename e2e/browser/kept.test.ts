// kept.test.ts — What an upstream lost, in a real browser: shown on the page of the replica; refs are given back there.
import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Browser } from 'playwright-core'
import { writeFiles } from '@kagami/demo'
import { openBrowser, openTab } from '../harness/browser.ts'
import { createPlace, startNats } from '../harness/place.ts'
import { startSupervisor, startWorker, type SupervisorProgram } from '../harness/programs.ts'
import { until } from '../harness/wait.ts'

describe('the page of a replica whose upstream lost branches', () => {
  const place = createPlace()
  let browser: Browser
  let supervisor: SupervisorProgram
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=x', '-c', 'user.email=x@example.org', ...args], {
      cwd: place.at('repository'),
      encoding: 'utf8',
    }).trim()
  const replica = async () => (await supervisor.api.call('listReplicas')).items[0]
  const sync = async () => {
    const before = (await replica())?.last_sync?.sync_id
    await supervisor.api.call('syncResource', { params: { id: 'code' } })
    await until('it has synced', async () => (await replica())?.last_sync?.sync_id !== before)
  }
  const open = async (theme: 'light' | 'dark' = 'light') => {
    const tab = await openTab(browser, supervisor.url, { theme })
    await tab.page.goto(`/ui/replicas/${(await replica())!.replica_id}`)
    await tab.page.getByRole('heading', { level: 1, name: /code/ }).waitFor()
    return tab
  }

  beforeAll(async () => {
    mkdirSync(place.at('repository'))
    git('init', '-q', '-b', 'main')
    git('commit', '-q', '--allow-empty', '-m', 'one')
    for (let n = 0; n < 12; n++) {
      git('checkout', '-q', '-b', `work-${n}`, 'main')
      git('commit', '-q', '--allow-empty', '-m', `work ${n}`)
    }
    git('checkout', '-q', 'main')
    const nats = await startNats(place)
    supervisor = await startSupervisor(place, { nats: nats.url })
    browser = await openBrowser(place)
    const upstream = `file://${place.at('repository')}`
    await startWorker(place, {
      nats: nats.url,
      providers: [{ name: 'code', kind: 'git', upstream, options: { keep_history: 7, max_delete_percent: 100 } }],
      env: { KAGAMI_UPSTREAM_ROOTS: JSON.stringify([place.dir]), KAGAMI_NAME: 'sh-12' },
    })
    await until('it is there', replica)
    await sync()
    for (let n = 0; n < 11; n++) git('branch', '-q', '-D', `work-${n}`)
    await sync()
    await until('they are kept', async () => (await replica())?.kept?.count === 11)
  })

  test.each(['light', 'dark'] as const)(
    'shows each with its commit, and until when it is kept, in %s',
    async (theme) => {
      const { page, problems, axe } = await open(theme)
      const panel = page.getByTestId('kept')
      await panel.getByRole('heading', { name: 'Lost by the upstream, kept here (11)' }).waitFor()
      expect(await panel.getByRole('listitem').count()).toBe(10)
      await panel.getByRole('button', { name: 'Show all 11' }).click()
      expect(await panel.getByRole('listitem').count()).toBe(11)
      if (process.env['KAGAMI_SHOTS'])
        await page.screenshot({ path: `${process.env['KAGAMI_SHOTS']}/kept-${theme}.png`, fullPage: true })
      expect(await axe()).toEqual([])
      expect(problems).toEqual([])
    },
  )

  test('gives one back after a question that says what it means, and the replica is paused', async () => {
    const { page, problems, axe } = await open()
    const row = page.getByTestId('kept').getByRole('listitem').filter({ hasText: 'refs/heads/work-3 ' })
    await row.getByRole('button', { name: 'Restore' }).click()
    const dialog = page.getByRole('dialog', { name: 'Give refs/heads/work-3 back to readers of code?' })
    await dialog.getByText('The replica is paused').waitFor()
    expect(await axe()).toEqual([])
    await dialog.getByRole('button', { name: 'Restore' }).click()
    await until('readers have it', () => {
      execFileSync('git', ['-C', place.at('data/code'), 'rev-parse', '--verify', '-q', 'refs/heads/work-3'])
      return true
    })
    await page.getByText('Paused by').first().waitFor()
    expect(problems).toEqual([])
  })
})

describe('the page of a replica that keeps what its upstream removed', () => {
  const place = createPlace()
  let browser: Browser
  let supervisor: SupervisorProgram
  const replica = async () => (await supervisor.api.call('listReplicas')).items[0]
  const sync = async () => {
    const before = (await replica())?.last_sync?.sync_id
    await supervisor.api.call('syncResource', { params: { id: 'pool' } })
    await until('it has synced', async () => (await replica())?.last_sync?.sync_id !== before)
  }

  beforeAll(async () => {
    const files = place.at('upstream')
    const names = Array.from({ length: 30 }, (_, n) => `pool/package_${String(n).padStart(2, '0')}_all.deb`)
    writeFiles(files, Object.fromEntries(names.map((name) => [name, `${name}\n`])))
    const nats = await startNats(place)
    supervisor = await startSupervisor(place, { nats: nats.url })
    browser = await openBrowser(place)
    const options = { keep_deleted: '6h', max_delete_percent: 100, max_shrink_percent: 100 }
    await startWorker(place, {
      nats: nats.url,
      providers: [{ name: 'pool', kind: 'rsync', upstream: `file://${files}`, options }],
      env: { KAGAMI_UPSTREAM_ROOTS: JSON.stringify([place.dir]), KAGAMI_NAME: 'sh-12' },
    })
    await until('it is there', replica)
    await sync()
    writeFiles(files, Object.fromEntries(names.slice(0, 25).map((name) => [name, null])))
    await sync()
    await until('they are kept', async () => (await replica())?.kept_files?.count === 25)
  })

  test.each(['light', 'dark'] as const)('shows the first of them with their ends, in %s', async (theme) => {
    const { page, problems, axe } = await openTab(browser, supervisor.url, { theme })
    await page.goto(`/ui/replicas/${(await replica())!.replica_id}`)
    const panel = page.getByTestId('kept-files')
    await panel.getByRole('heading', { name: /^Removed upstream, still readable \(25, / }).waitFor()
    expect(await panel.getByRole('listitem').count()).toBe(20)
    expect(await panel.getByRole('listitem').first().textContent()).toMatch(/package_00_all\.deb.*ends.*in (5|6) h/s)
    await panel.getByText('And 5 more.').waitFor()
    if (process.env['KAGAMI_SHOTS'])
      await page.screenshot({ path: `${process.env['KAGAMI_SHOTS']}/kept-files-${theme}.png`, fullPage: true })
    expect(await axe()).toEqual([])
    expect(problems).toEqual([])
  })

  test('shows in the report of the sync how much is kept, and until when', async () => {
    const { page, problems, axe } = await openTab(browser, supervisor.url)
    const { items } = await supervisor.api.call('listSyncs')
    const report = await supervisor.api.call('getSync', { params: { id: items[0]!.sync_id } })
    expect(report.kept_files).toMatchObject({ count: 25 })
    await page.goto(`/ui/syncs/${items[0]!.sync_id}`)
    await page.getByText(/^25 files \(.*\), the first until /).waitFor()
    expect(await axe()).toEqual([])
    expect(problems).toEqual([])
  })
})
