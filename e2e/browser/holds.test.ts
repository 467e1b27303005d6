// holds.test.ts — Decisions about a replica in a real browser: a held sync, a pause, an earlier tree; accessible in
// both themes.
import { readdirSync, rmSync } from 'node:fs'
import { startRsyncUpstream, writeFiles } from '@kagami/demo'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Browser, Page } from 'playwright-core'
import { openBrowser, openTab } from '../harness/browser.ts'
import { startNats, createPlace } from '../harness/place.ts'
import { startSupervisor, startWorker, type SupervisorProgram } from '../harness/programs.ts'
import { until } from '../harness/wait.ts'

describe('the page of a replica whose upstream lost most of its files', () => {
  const place = createPlace()
  let browser: Browser
  let supervisor: SupervisorProgram
  let id = ''
  const replica = () => supervisor.api.call('getReplica', { params: { id } })
  const sees = (page: Page, text: string | RegExp) => page.getByText(text).first().waitFor()
  const open = async (theme: 'light' | 'dark' = 'light') => {
    const tab = await openTab(browser, supervisor.url, { theme })
    await tab.page.goto(`/ui/replicas/${id}`)
    await tab.page.getByRole('heading', { level: 1, name: /tree/ }).waitFor()
    return tab
  }
  const sync = async () => {
    const before = (await replica()).last_sync?.sync_id
    await supervisor.api.call('syncReplica', { params: { id } })
    await until('it has synced', async () => (await replica()).last_sync?.sync_id !== before)
  }

  beforeAll(async () => {
    writeFiles(
      place.at('up', 'files'),
      Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`pool/f${index}`, 'one\n'])),
    )
    const upstream = await startRsyncUpstream({ dir: place.at('up') })
    place.onEnd(() => upstream.stop())
    const nats = await startNats(place)
    supervisor = await startSupervisor(place, { nats: nats.url })
    browser = await openBrowser(place)
    await startWorker(place, {
      nats: nats.url,
      env: { KAGAMI_NAME: 'sh-12' },
      providers: [{ name: 'tree', kind: 'rsync', upstream: upstream.url, options: { publish: 'swap' } }],
    })
    id = await until('it is there', async () => (await supervisor.api.call('listReplicas')).items[0]?.replica_id)
    await sync()
    for (let index = 0; index < 24; index++) rmSync(place.at('up', 'files', 'pool', `f${index}`))
    await sync()
  })

  test.each(['light', 'dark'] as const)('shows what would be deleted, and is accessible, in %s', async (theme) => {
    const { page, problems, axe } = await open(theme)
    await sees(page, 'A sync would delete 24 of 30 entries')
    await page.getByText('Would be deleted: 20 of 24').click()
    await sees(page, /^pool\/f/)
    await page.getByText('All of them are in the log of the sync').click()
    await page.getByRole('heading', { level: 1, name: /Sync of tree/ }).waitFor()
    await sees(page, /^pool\/f/)
    await page.goBack()
    await sees(page, 'A sync would delete 24 of 30 entries')
    if (process.env['KAGAMI_SHOTS'])
      await page.screenshot({ path: `${process.env['KAGAMI_SHOTS']}/hold-${theme}.png`, fullPage: true })
    expect(await axe()).toEqual([])
    expect(problems).toEqual([])
  })

  test('rejects the hold with one click, and approves it after the name was typed', async () => {
    const { page, problems } = await open()
    const hold = page.getByTestId('hold')
    await hold.getByRole('button', { name: 'Reject' }).click()
    await sees(page, 'Rejected: nothing is deleted until the upstream changes.')
    expect((await replica()).hold).toMatchObject({ rejected: true, removed: 24 })
    await hold.getByRole('button', { name: 'Approve deletion' }).click()
    const dialog = page.getByRole('dialog')
    const confirm = dialog.getByRole('button', { name: 'Approve deletion' })
    expect(await confirm.isDisabled()).toBe(true)
    await dialog.getByRole('textbox').fill('tree')
    await confirm.click()
    await sees(page, 'Approved: tree syncs now')
    await hold.waitFor({ state: 'detached' })
    expect(await until('it went through', async () => (await replica()).files === 6 && replica())).toMatchObject({
      health: 'fresh',
      generation: 2,
    })
    expect(problems).toEqual([])
  })

  test('pauses, resumes, and goes back to the earlier tree', async () => {
    const { page, problems } = await open()
    await page.getByRole('button', { name: 'Pause' }).click()
    await sees(page, /Paused by anyone/)
    await page.getByRole('button', { name: 'Resume' }).click()
    await page.getByRole('button', { name: 'Pause' }).waitFor()
    await page.getByRole('button', { name: 'Roll back' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Roll back' }).click()
    await sees(page, /went back to an earlier tree/)
    await until('the earlier tree is there', async () => (await replica()).generation === 1)
    if (process.env['KAGAMI_SHOTS'])
      await page.screenshot({ path: `${process.env['KAGAMI_SHOTS']}/rolled-back.png`, fullPage: true })
    expect(problems).toEqual([])
  })

  test('says in both themes that the disk is missing, and fetches anew after the name was typed', async () => {
    for (const gone of ['tree', '.generations/tree']) rmSync(place.at('data', gone), { recursive: true })
    await sync()
    for (const theme of ['light', 'dark'] as const) {
      const { page, problems, axe } = await open(theme)
      await sees(page, 'its disk is missing, none of its 6 files are there; nothing was fetched or deleted')
      await sees(page, /The disk is missing: none of its \d+ files are there/)
      await sees(page, 'Nothing was fetched or deleted. Mount the disk, and the next sync goes on as before.')
      if (process.env['KAGAMI_SHOTS'])
        await page.screenshot({ path: `${process.env['KAGAMI_SHOTS']}/missing-${theme}.png`, fullPage: true })
      expect(await axe()).toEqual([])
      expect(problems).toEqual([])
    }
    const { page } = await open()
    await page.getByTestId('hold').getByRole('button', { name: 'Fetch anew' }).click()
    const dialog = page.getByRole('dialog')
    await sees(page, 'Fetch all of tree anew?')
    if (process.env['KAGAMI_SHOTS'])
      await page.screenshot({ path: `${process.env['KAGAMI_SHOTS']}/missing-dialog.png`, fullPage: true })
    await dialog.getByRole('textbox').fill('tree')
    await dialog.getByRole('button', { name: 'Fetch anew' }).click()
    await until('everything is there', () => readdirSync(place.at('data/tree/pool')).length === 6)
    await page.getByTestId('hold').waitFor({ state: 'detached' })
  })

  test('says in both themes that the folder has files of something else, and takes them over', async () => {
    for (const end of ['', '.previous']) rmSync(place.at(`data/.kagami/trees/tree.json${end}`), { force: true })
    writeFiles(place.at('data/tree'), { 'pool/mine': 'mine\n' })
    await sync()
    for (const theme of ['light', 'dark'] as const) {
      const { page, problems, axe } = await open(theme)
      await sees(page, 'its folder has 7 entries of something else, of which a sync would delete 1; it waits for')
      await sees(page, 'The folder has files of something else: 7 entries')
      await sees(page, 'Would be deleted: 1 of 1')
      if (process.env['KAGAMI_SHOTS'])
        await page.screenshot({ path: `${process.env['KAGAMI_SHOTS']}/foreign-${theme}.png`, fullPage: true })
      expect(await axe()).toEqual([])
      expect(problems).toEqual([])
    }
    const { page } = await open()
    await page.getByTestId('hold').getByRole('button', { name: 'Take over' }).click()
    const dialog = page.getByRole('dialog')
    await sees(page, 'Take over the files in the folder of tree?')
    if (process.env['KAGAMI_SHOTS'])
      await page.screenshot({ path: `${process.env['KAGAMI_SHOTS']}/foreign-dialog.png`, fullPage: true })
    await dialog.getByRole('textbox').fill('tree')
    await dialog.getByRole('button', { name: 'Take over' }).click()
    await until('it is taken over', () => readdirSync(place.at('data/tree/pool')).length === 6)
    await page.getByTestId('hold').waitFor({ state: 'detached' })
  })

  test('offers publishing, guard and schedule among the options when a replica is added', async () => {
    const { page } = await open('dark')
    await page.goto('/ui/replicas/add')
    await page.getByRole('textbox', { name: 'Upstream', exact: true }).fill('file:///srv/debian')
    await page.keyboard.press('Tab')
    expect(await page.getByLabel('Kind', { exact: true }).inputValue()).toBe('rsync')
    await page.getByRole('checkbox').first().check()
    await sees(page, /its worker\.toml allows none/)
    await page.getByText('Publishing, guard, schedule and limits').click()
    await page.getByLabel('max_delete_percent').fill('101')
    await page.keyboard.press('Tab')
    await sees(page, /must be at most 100/)
    if (process.env['KAGAMI_SHOTS']) await page.screenshot({ path: `${process.env['KAGAMI_SHOTS']}/add.png` })
  })
})
