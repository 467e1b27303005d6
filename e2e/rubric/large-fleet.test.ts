// large-fleet.test.ts — A fleet of 10,000 replicas as people see it: pages in both themes on a screen and a phone, with
// the supervisor there and gone, and command lines on a terminal and in a pipe. `npm run screenshots` keeps the
// pictures, and what the command lines print.
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { stripVTControlCharacters } from 'node:util'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Browser, Page } from 'playwright-core'
import { openBrowser, openTab } from '../harness/browser.ts'
import { createPlace } from '../harness/place.ts'
import { MAIN, runKagami, type SupervisorProgram } from '../harness/programs.ts'
import { until } from '../harness/wait.ts'
import { PENDING, SILENT, startLargeFleet } from './large-fleet.ts'

const COLUMNS = 100
const ESCAPE = '\u001b'
const LOOKS = [
  ['light', 1280],
  ['dark', 1280],
  ['light', 390],
  ['dark', 390],
] as const
const PAGES = {
  overview: '',
  mirrors: 'mirrors',
  mirror: 'mirrors/mirror-014',
  replicas: 'replicas',
  replica: 'replicas/w-001-0',
  workers: 'workers',
  'worker-silent': `workers/${SILENT}`,
  'worker-pending': `workers/${PENDING}`,
  syncs: 'syncs',
  storage: 'storage',
  events: 'events',
}
/** Each with what it exits with: 0 it went well, 1 something needs attention, 2 usage, 3 there is no such thing. */
const LINES: readonly (readonly [code: number, line: string])[] = [
  [0, 'status'],
  [1, 'status --fail-on failed,stale'],
  [1, 'check'],
  [0, 'workers list'],
  [0, 'replicas list'],
  [0, 'replicas list --health failed,stale --limit 20'],
  [0, 'replicas get gentoo@w-001'],
  [0, 'mirrors list --limit 20'],
  [0, 'syncs list --limit 20'],
  [0, 'storage --limit 20'],
  [0, 'events'],
  [5, 'replicas get gentoo@w-01'],
  [3, 'sync debain@w-001'],
  [2, 'replicas list --health faled'],
]

/** What is made for the width of the terminal; other lines are of one thing, and break where it ends. */
const IN_COLUMNS = /^(status|storage|events)| list/

describe('a fleet of 10,000', () => {
  const place = createPlace()
  let browser: Browser
  let supervisor: SupervisorProgram
  const keep = (name: string, text: string) => {
    const folder = process.env['KAGAMI_SHOTS']
    if (folder) writeFileSync(`${folder}/${name}.txt`, text)
  }
  const shoot = async (page: Page, name: string) => {
    const folder = process.env['KAGAMI_SHOTS']
    if (folder) await page.screenshot({ path: `${folder}/${name}.png` })
  }
  const isLoaded = (page: Page) =>
    until('the page has loaded', () =>
      page.evaluate(
        () => document.querySelector('[aria-busy="true"]') === null && document.querySelector('main h1') !== null,
      ),
    )
  const onTerminal = (line: string, env: Record<string, string> = {}) =>
    spawnSync('script', ['-qec', `stty cols ${COLUMNS}; exec ${process.execPath} ${MAIN} ${line}`, '/dev/null'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: process.env['PATH'],
        HOME: place.dir,
        TERM: 'xterm-256color',
        KAGAMI_API: supervisor.url,
        LANG: 'C.UTF-8',
        ...env,
      },
    })

  beforeAll(async () => {
    browser = await openBrowser(place)
    supervisor = await startLargeFleet(place)
  }, 300_000)

  test.each(LINES)('exits with %i and reads well on a terminal and in a pipe: kagami %s', async (code, line) => {
    const terminal = onTerminal(line)
    const piped = await runKagami(place, line.split(' '), { KAGAMI_API: supervisor.url })
    keep(
      `cli-${line.replace(/[^a-z0-9@]+/gi, '-')}`,
      `${terminal.stdout}\n--- in a pipe, exit ${piped.code}\n${piped.stdout}\n--- its errors\n${piped.stderr}`,
    )
    expect([terminal.status, piped.code]).toEqual([code, code])
    const lines = stripVTControlCharacters(terminal.stdout).split(/\r?\n/)
    if (IN_COLUMNS.test(line)) expect(lines.filter((text) => text.length > COLUMNS)).toEqual([])
    expect(piped.stdout + piped.stderr).not.toContain(ESCAPE)
    expect(onTerminal(line, { NO_COLOR: '1' }).stdout).not.toMatch(/\u001b\[\d*m/)
    if (code === 0) expect(JSON.parse((await json(line)).stdout)).toBeTruthy()
    else if (code > 1) expect(JSON.parse((await json(line)).stderr || '{}')).toBeTruthy()
  })
  const json = (line: string) => runKagami(place, [...line.split(' '), '--json'], { KAGAMI_API: supervisor.url })

  test.each(LOOKS)('is for everybody, in %s at %i px', async (theme, width) => {
    const { page, problems, axe } = await openTab(browser, supervisor.url, { theme, width })
    for (const [name, path] of Object.entries(PAGES)) {
      await page.goto(`/ui/${path}`)
      await isLoaded(page)
      await shoot(page, `large-${name}-${theme}-${width}`)
      const wide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth)
      const elements = await page.evaluate(() => document.querySelectorAll('*').length)
      expect([path, wide, elements < 2500, await axe()]).toEqual([path, false, true, []])
    }
    expect(problems).toEqual([])
    await page.context().close()
  })

  test('says on every page that the supervisor is gone, and how old its numbers are', async () => {
    const tabs = await Promise.all(LOOKS.map(([theme, width]) => openTab(browser, supervisor.url, { theme, width })))
    for (const { page } of tabs) {
      await page.goto('/ui/')
      await isLoaded(page)
      // The code of all pages comes a moment later.
      await page.waitForFunction(
        (names) => {
          const loaded = performance.getEntriesByType('resource').map(({ name }) => name)
          return names.every((name) => loaded.some((path) => path.includes(name)))
        },
        ['ReplicaList', 'WorkerList', 'SyncList', 'StorageList', 'EventList'],
      )
    }
    await supervisor.kill()
    for (const [index, { page, axe }] of tabs.entries()) {
      for (const title of ['Overview', 'Replicas', 'Workers', 'Syncs', 'Storage', 'Events']) {
        await page.locator('nav').getByRole('link', { name: title }).click()
        await page.getByRole('heading', { level: 1, name: title }).waitFor()
        await page.getByText(/No connection to the supervisor. What you see is from/).waitFor()
        await isLoaded(page)
        await shoot(page, `large-down-${title.toLowerCase()}-${LOOKS[index]!.join('-')}`)
        expect([title, await axe()]).toEqual([title, []])
      }
    }
    const unreachable = onTerminal('status')
    keep('cli-status-down', unreachable.stdout)
    expect([unreachable.status, unreachable.stdout]).toEqual([6, expect.stringContaining('cannot reach')])
  })
})
