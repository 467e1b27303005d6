// large-map.test.ts — The map of a fleet with more workers than it has room for: the worst are on it, also when they
// became so later, and the others are counted.
import { sampleState } from '@kagami/protocol/testing/samples'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Browser, Page } from 'playwright-core'
import { openBrowser, openTab } from '../harness/browser.ts'
import { createPlace, startNats } from '../harness/place.ts'
import { startSupervisor, type SupervisorProgram } from '../harness/programs.ts'
import { startSpokenWorker, type SpokenWorker } from '../harness/spoken-worker.ts'
import { until } from '../harness/wait.ts'

/** As many as the map has room for. */
const ROOM = 250
const WORKERS = 255
const LOOKS = [
  ['light', 1280],
  ['dark', 390],
  ['light', 320],
] as const

const nameOf = (index: number) => `w-${String(index).padStart(3, '0')}`
/** The only replica of a worker; of the first ones it is paused, so that those that are on the map differ. */
const stateOf = (index: number, isFailing = false) =>
  sampleState({
    replica_id: `r-${index}`,
    name: 'debian',
    status: isFailing ? 'failed' : 'success',
    failures: isFailing ? 3 : 0,
    last_success_at: new Date().toISOString(),
    interval_secs: 86_400,
    ...(index < 3 ? { activity: 'paused' } : {}),
  })

describe('the map of a fleet of more than 250 workers', () => {
  const place = createPlace()
  let browser: Browser
  let supervisor: SupervisorProgram
  const spoken: SpokenWorker[] = []
  const failing = async (n: number) =>
    until(`${n} replicas fail`, async () => (await supervisor.api.call('summary')).health_counts['failed'] === n)
  /** What is said of the first blocks, as many as there are. */
  async function firstBlocks(page: Page, n: number): Promise<string[]> {
    const canvas = page.getByRole('img', { name: /Fleet by worker/ })
    await canvas.focus()
    const words: string[] = []
    for (let index = 0; index < n; index++) {
      await page.keyboard.press('ArrowRight')
      words.push((await page.locator('.fleetmap > p').textContent())!.trim())
    }
    await canvas.blur()
    return words
  }

  beforeAll(async () => {
    const nats = await startNats(place)
    supervisor = await startSupervisor(place, { nats: nats.url, env: { SUPERVISOR_AUTH: 'none' } })
    browser = await openBrowser(place)
    for (let index = 0; index < WORKERS; index++) {
      const about = { worker_id: nameOf(index), name: nameOf(index) }
      const replicas = [stateOf(index, index === WORKERS - 1)]
      spoken.push(await startSpokenWorker(place, nats.url, { replicas, about }))
    }
    await failing(1)
    await until('all are known', async () => (await supervisor.api.call('summary')).replicas_total === WORKERS)
  })

  test('has the worst, and counts those that it has no room for', async () => {
    for (const [theme, width] of LOOKS) {
      const { page, problems, axe } = await openTab(browser, supervisor.url, { theme, width })
      await page.goto('/ui/')
      const rest = page.getByTestId('fleet-rest')
      await rest.getByText(`Not on the map: ${WORKERS - ROOM} workers`).waitFor()
      await rest.getByRole('link', { name: '5 of 251 Fresh' }).waitFor()
      expect(await rest.getByRole('link').allTextContents()).toHaveLength(2)
      expect(await firstBlocks(page, 1)).toEqual(['w-254: 1 Failed'])
      const wide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth)
      expect([wide, await axe(), problems]).toEqual([false, [], []])
      await page.context().close()
    }
  })

  test('leads to the replicas that it counts', async () => {
    const { page } = await openTab(browser, supervisor.url)
    await page.goto('/ui/')
    await page.getByRole('link', { name: '5 of 251 Fresh' }).click()
    await page.getByText(/of 251$/).waitFor()
    await page.context().close()
  })

  test('takes in a worker that becomes worse than those on it', async () => {
    const { page } = await openTab(browser, supervisor.url)
    await page.goto('/ui/')
    await page.getByTestId('fleet-rest').waitFor()
    // By name, the last of those that are fresh have no room.
    const index = WORKERS - 2
    spoken[index]!.say([stateOf(index, true)])
    await failing(2)
    const both = ['w-253: 1 Failed', 'w-254: 1 Failed'].join()
    await until('both are on the map', async () => (await firstBlocks(page, 2)).join() === both)
    await page.context().close()
  })
})
