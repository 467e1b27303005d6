// edit.test.ts — A replica is edited in a real browser: the form is filled with what it has, every kind of field, a
// conflict, and a replica of worker.toml; accessible in both themes.
import { chmodSync, writeFileSync } from 'node:fs'
import { startRsyncUpstream, writeFiles } from '@kagami/demo'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Browser, Page } from 'playwright-core'
import { openBrowser, openTab } from '../harness/browser.ts'
import { startNats, createPlace } from '../harness/place.ts'
import { startSupervisor, startWorker, type Program, type SupervisorProgram } from '../harness/programs.ts'
import { until } from '../harness/wait.ts'

const SECRET = 'correct-horse-battery'

describe('the form that edits a replica', () => {
  const place = createPlace()
  let browser: Browser
  let supervisor: SupervisorProgram
  let worker: Program
  let moved: string
  const get = (name = 'tree') => supervisor.api.call('getReplica', { params: { id: `${name}@sh-12` } })
  const patch = (body: object) => supervisor.api.call('editReplica', { params: { id: 'tree@sh-12' }, body })
  const sees = (page: Page, text: string | RegExp) => page.getByText(text).first().waitFor()
  const open = async (name = 'tree', theme: 'light' | 'dark' = 'light') => {
    const tab = await openTab(browser, supervisor.url, { theme })
    await tab.page.goto(`/ui/replicas/${(await get(name)).replica_id}`)
    await tab.page.getByRole('button', { name: 'Edit', exact: true }).click()
    const dialog = tab.page.getByRole('dialog')
    await dialog.getByRole('heading', { name: `Edit ${name} on sh-12` }).waitFor()
    return { ...tab, dialog, field: (label: string) => dialog.getByLabel(label, { exact: true }) }
  }
  type Form = Awaited<ReturnType<typeof open>>
  const save = async ({ dialog }: Form) => {
    await dialog.getByRole('button', { name: 'Save' }).click()
    await dialog.waitFor({ state: 'detached' })
  }
  const shoot = async (page: Page, name: string) => {
    if (process.env['KAGAMI_SHOTS']) await page.screenshot({ path: `${process.env['KAGAMI_SHOTS']}/${name}.png` })
  }

  beforeAll(async () => {
    writeFiles(place.at('up', 'files'), { a: 'a\n', b: 'b\n' })
    const upstreams = [
      await startRsyncUpstream({ dir: place.at('up') }),
      await startRsyncUpstream({ dir: place.at('up') }),
    ]
    for (const { stop } of upstreams) place.onEnd(stop)
    moved = upstreams[1]!.url
    const nats = await startNats(place)
    supervisor = await startSupervisor(place, { nats: nats.url })
    browser = await openBrowser(place)
    worker = await startWorker(place, {
      nats: nats.url,
      env: {
        KAGAMI_NAME: 'sh-12',
        KAGAMI_WORKER_ID: 'w',
        KAGAMI_PROXIES: '[{"name":"campus","url":"http://127.0.0.1:9"},{"name":"direct","url":"none"}]',
      },
      providers: [{ name: 'declared', kind: 'rsync', upstream: upstreams[0]!.url }],
    })
    await until('it joined', async () => (await get('declared')).worker_presence === 'online')
    await supervisor.api.call('addReplica', {
      params: { id: 'w' },
      body: {
        name: 'tree',
        kind: 'rsync',
        upstream: upstreams[0]!.url,
        interval_secs: 21_600,
        labels: { env: 'test', region: 'hk' },
        options: { exclude: ['*.iso', 'tmp/'], max_delete_percent: 40, compress: false },
      },
    })
  })

  test.each(['light', 'dark'] as const)(
    'has what the replica has, saves nothing new, is accessible in %s',
    async (theme) => {
      const form = await open('tree', theme)
      const { page, field, dialog, problems, axe } = form
      expect(await field('Upstream').inputValue()).toBe((await get()).upstream)
      expect([await field('Amount').inputValue(), await field('Unit').inputValue()]).toEqual(['6', 'hours'])
      expect(await field('Labels').inputValue()).toBe('env=test, region=hk')
      expect(await field('exclude').inputValue()).toBe('*.iso\ntmp/')
      expect(await field('compress').inputValue()).toBe('false')
      expect(await field('max_delete_percent').inputValue()).toBe('40')
      expect(await field('bwlimit_kbps').inputValue()).toBe('')
      const button = dialog.getByRole('button', { name: 'Save' })
      expect(await button.getAttribute('aria-disabled')).toBe('true')
      expect(await button.getAttribute('title')).toBe('Nothing is changed yet.')
      await shoot(page, `edit-${theme}`)
      expect(await axe()).toEqual([])
      expect(problems).toEqual([])
    },
  )

  test('changes upstream, schedule, labels, options and credentials; the page shows it', async () => {
    const form = await open()
    const { page, field } = form
    await field('Upstream').fill(moved)
    await field('Amount').fill('2')
    await field('Unit').selectOption('days')
    await field('Labels').fill('env=prod')
    await field('exclude').fill('*.iso')
    await field('compress').selectOption('')
    await field('max_delete_percent').fill('')
    await field('keep_generations').fill('5')
    await page.getByRole('dialog').getByLabel('Credentials').last().selectOption('basic')
    await field('User name').fill('bob')
    await field('Password').fill(SECRET)
    await shoot(page, 'edit-typed')
    await save(form)
    await sees(page, /tree on sh-12 is edited: the next sync goes by it/)
    expect(await get()).toMatchObject({
      upstream: moved,
      interval_secs: 172_800,
      labels: { env: 'prod' },
      options: { exclude: ['*.iso'], keep_generations: 5 },
      has_credentials: true,
    })
    await sees(page, moved)
    await sees(page, 'keep_generations = 5')
    const { items } = await supervisor.api.call('audit', { query: { target: (await get()).replica_id } })
    expect(items[0]?.detail).toContain(
      'interval_secs: 21600 → 172800; labels.env: test → prod; labels.region: hk → none',
    )
    expect(items[0]?.detail).toContain('credentials: set')
    expect(JSON.stringify(items) + (await page.content()) + supervisor.output()).not.toContain(SECRET)
  })

  test('leaves credentials alone, and asks for them anew with another upstream', async () => {
    const form = await open()
    const { page, field, dialog } = form
    const credentials = dialog.getByLabel('Credentials').last()
    expect(await credentials.inputValue()).toBe('keep')
    await field('Labels').fill('')
    await field('Upstream').fill(moved.replace('127.0.0.1', 'localhost'))
    await dialog.getByRole('button', { name: 'Save' }).click()
    await sees(page, 'These are sealed for the present upstream')
    await shoot(page, 'edit-credentials')
    await field('Upstream').fill(moved)
    await save(form)
    expect(await get()).toMatchObject({ labels: {}, has_credentials: true })
    const again = await open()
    await again.dialog.getByLabel('Credentials').last().selectOption('none')
    await save(again)
    expect(await get()).toMatchObject({ has_credentials: false })
  })

  test('says what somebody else changed meanwhile, keeps what was typed, and saves it when asked again', async () => {
    const form = await open()
    const { page, field, dialog } = form
    await field('exclude').fill('mine')
    await patch({ interval_secs: 7200, options: { bwlimit_kbps: 100, exclude: ['theirs'] } })
    await dialog.getByRole('button', { name: 'Save' }).click()
    await sees(page, 'Somebody changed this replica meanwhile')
    await sees(page, 'interval_secs: 172800 → 7200')
    await shoot(page, 'edit-conflict')
    expect(await get()).toMatchObject({ options: { exclude: ['theirs'] } })
    expect(await field('exclude').inputValue()).toBe('mine')
    expect([await field('Amount').inputValue(), await field('Unit').inputValue()]).toEqual(['2', 'hours'])
    expect(await field('bwlimit_kbps').inputValue()).toBe('100')
    await save(form)
    expect(await get()).toMatchObject({
      interval_secs: 7200,
      options: { exclude: ['mine'], bwlimit_kbps: 100, keep_generations: 5 },
    })
  })

  test('offers the proxies that worker.toml lists, and no others', async () => {
    const form = await open()
    const { page, field, dialog } = form
    if (!(await field('proxy').isVisible())) await dialog.locator('summary').click()
    expect(await field('proxy').locator('option').allTextContents()).toEqual([expect.any(String), 'campus', 'direct'])
    await field('proxy').selectOption('campus')
    await field('proxy').scrollIntoViewIfNeeded()
    await shoot(page, 'edit-proxy')
    await save(form)
    expect((await get()).options).toMatchObject({ proxy: 'campus' })
    const dark = await open('tree', 'dark')
    await dark.field('proxy').scrollIntoViewIfNeeded()
    await shoot(dark.page, 'edit-proxy-dark')
    expect(await dark.axe()).toEqual([])
    await dark.field('proxy').selectOption('')
    await save(dark)
    expect((await get()).options['proxy']).toBeUndefined()
  })

  test('shows at its field what the supervisor refuses, and what is wrong before it is sent', async () => {
    const { page, field, dialog } = await open()
    await field('Upstream').fill('http://h.invalid/')
    await sees(page, /must be a URL that begins with rsync:\/\//)
    await field('Upstream').fill((await get()).upstream)
    await field('max_delete_percent').fill('101')
    await dialog.getByRole('button', { name: 'Save' }).click()
    await sees(page, 'must be at most 100')
    await field('max_delete_percent').fill('')
    await field('probe').fill('/lastupdate')
    await dialog.getByRole('button', { name: 'Save' }).click()
    await sees(page, /options\.probe/)
    expect((await get()).options['probe']).toBeUndefined()
  })

  test('of a replica of worker.toml says where to edit it', async () => {
    const { page, dialog, axe } = await open('declared')
    await sees(page, /declared is declared in KAGAMI_PROVIDERS on .+\. Edit it there, and restart the worker sh-12\./)
    expect(await dialog.getByRole('button', { name: 'Save' }).count()).toBe(0)
    await shoot(page, 'edit-declared')
    expect(await axe()).toEqual([])
  })

  test('while the worker is away says that the edit waits for it', async () => {
    await worker.kill()
    await until('it is missed', async () => (await get()).worker_presence !== 'online')
    const form = await open()
    await form.field('Labels').fill('away=yes')
    await save(form)
    await sees(form.page, /sh-12 is not reachable now: it takes the edit when it is back/)
    await form.page.getByTestId('edit-waits').waitFor()
    await shoot(form.page, 'edit-waits')
  })
})

describe('a replica that a program of worker.toml keeps', () => {
  const place = createPlace()
  let browser: Browser
  let supervisor: SupervisorProgram

  beforeAll(async () => {
    writeFileSync(
      place.at('pypi.sh'),
      `#!/bin/bash\necho x > file; while [ ! -e ${place.at('go')} ]; do echo "fetched 3 of 12, 25%"; sleep 0.2; done\n`,
    )
    chmodSync(place.at('pypi.sh'), 0o755)
    writeFileSync(
      place.at('worker.toml'),
      ['pypi', 'crates']
        .map((name) => `[[commands]]\nname = "${name}"\ncommand = ["${place.at('pypi.sh')}"]\n`)
        .join('\n'),
    )
    const nats = await startNats(place)
    supervisor = await startSupervisor(place, { nats: nats.url })
    browser = await openBrowser(place)
    const env = { KAGAMI_NAME: 'sh-12', KAGAMI_WORKER_ID: 'w', KAGAMI_CONFIG: place.at('worker.toml') }
    await startWorker(place, { nats: nats.url, env })
    await until('it joined', async () => (await supervisor.api.call('listWorkers')).items[0]?.admission === 'approved')
  })

  test.each(['light', 'dark'] as const)(
    'chooses among their names, shows what it prints, and is accessible in %s',
    async (theme) => {
      const { page, problems, axe } = await openTab(browser, supervisor.url, { theme })
      await page.goto('/ui/replicas/add')
      await page.getByRole('textbox', { name: 'Upstream', exact: true }).fill('https://127.0.0.1/pypi')
      await page.getByRole('checkbox', { name: 'sh-12' }).check()
      await page.getByLabel('Kind', { exact: true }).selectOption('command')
      await page.getByLabel('Name', { exact: true }).fill(`pypi-${theme}`)
      const command = page.getByLabel('command', { exact: true })
      expect(await command.locator('option').allTextContents()).toMatchObject([
        expect.stringContaining('Choose one'),
        'pypi',
        'crates',
      ])
      await page.getByRole('button', { name: 'Add and sync now' }).click()
      await page.getByText('Required').first().waitFor()
      if (process.env['KAGAMI_SHOTS'])
        await page.screenshot({ path: `${process.env['KAGAMI_SHOTS']}/command-add-${theme}.png` })
      expect(await axe()).toEqual([])
      await command.selectOption('pypi')
      await page.getByRole('button', { name: 'Add and sync now' }).click()
      await page.getByText('fetched 3 of 12, 25%').first().waitFor()
      if (process.env['KAGAMI_SHOTS'])
        await page.screenshot({ path: `${process.env['KAGAMI_SHOTS']}/command-runs-${theme}.png`, fullPage: true })
      expect(await axe()).toEqual([])
      expect(problems).toEqual([])
    },
  )
})
