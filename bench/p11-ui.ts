// p11-ui.ts — P11: the UI of a real supervisor with 10,000 replicas in 100 workers, in a real browser, while 100
// replicas change a second: what pages load, how soon they can be used, what they cost while they are only looked at;
// two browsers with eight tabs, all live; and what each watcher costs the supervisor. `--replicas=1` or `=100` for a
// small fleet of one worker; `--quick`: 500 replicas.
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { HEARTBEAT_SECONDS, type Summary } from '@kagami/protocol'
import { findProgram, pause } from '@kagami/runtime'
import { chromium, type Browser, type Page } from 'playwright-core'
import { endOf, startNats, startSupervisor } from './fleet.ts'
import { main, until, type Bench, type Finding } from './measure.ts'
import type { FleetOrder, FleetReport } from './simulated-fleet.ts'

const REPLICAS = 10_000
/** As many as a worker has. */
const SHARE = 100
const CHANGES_A_SECOND = 100
const WATCH_MS = 20_000
const WATCHERS = 50
const TICKS_A_SECOND = 100
const KIB = 1024
const WAIT_MS = 120_000

async function startFleet(nats: string, replicas: number, onEnd: Bench['onEnd']): Promise<void> {
  const workers = Math.ceil(replicas / SHARE)
  const share = (CHANGES_A_SECOND * 60) / replicas
  // A heartbeat has one change of each replica at most: few replicas beat more often.
  const every = Math.min(HEARTBEAT_SECONDS, replicas / CHANGES_A_SECOND)
  const args = [nats, workers, Math.min(replicas, SHARE), share, every].map(String)
  const child = fork(join(import.meta.dirname, 'simulated-fleet.ts'), args)
  onEnd(() => endOf(child))
  const next = async (type: FleetReport['type']) => {
    for (;;) if (((await once(child, 'message')) as [FleetReport])[0].type === type) return
  }
  const tell = (order: FleetOrder) => void child.send(order)
  await next('up')
  tell({ type: 'join', generation: 1 })
  await next('joined')
  tell({ type: 'beat' })
}

/** What a page has loaded, bytes on the wire, and when its content was there, ms after it was asked for. */
interface Loaded {
  readonly scripts: number
  readonly answers: number
  readonly ms: number
  readonly elements: number
}

async function load(page: Page, path: string, ready: string): Promise<Loaded> {
  const began = performance.now()
  await page.goto(path, { waitUntil: 'commit' })
  await page.locator(ready).first().waitFor()
  const ms = performance.now() - began
  const { scripts, answers, elements } = await page.evaluate(() => {
    const all = performance.getEntriesByType('resource') as PerformanceResourceTiming[]
    const bytes = (pick: RegExp) =>
      all.filter(({ name }) => pick.test(name)).reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0)
    return {
      scripts: bytes(/\.js$/),
      answers: bytes(/\/api\/v1\/(?!stream)/),
      elements: document.querySelectorAll('*').length,
    }
  })
  return { scripts, answers, ms, elements }
}

/** Milliseconds from the last key in the search field until only rows with the text are shown. */
async function filter(page: Page, text: string): Promise<number> {
  const began = performance.now()
  await page.getByRole('searchbox').fill(text)
  await page.waitForFunction((wanted) => {
    const rows = [...document.querySelectorAll('tr.item')]
    return rows.length > 0 && rows.every((row) => row.textContent?.includes(wanted))
  }, text)
  return performance.now() - began
}

/** Share of a core that the main thread of a page takes while nobody touches it. */
async function idleShare(page: Page): Promise<number> {
  const session = await page.context().newCDPSession(page)
  await session.send('Performance.enable')
  const seconds = async () => {
    const { metrics } = await session.send('Performance.getMetrics')
    return metrics.find(({ name }) => name === 'TaskDuration')!.value
  }
  const [before, from] = [await seconds(), performance.now()]
  await pause(WATCH_MS)
  return ((await seconds()) - before) / ((performance.now() - from) / 1000)
}

/** The same of a page in which one short text changes each second, and nothing else: no live page takes less. */
async function floorShare(browser: Browser): Promise<number> {
  const page = await browser.newPage()
  await page.setContent('<p>0</p>')
  await page.evaluate(() => setInterval(() => (document.querySelector('p')!.textContent = String(Date.now())), 1000))
  const share = await idleShare(page)
  await page.close()
  return share
}

/** CPU time of a process so far, s. */
function cpuOf({ pid }: ChildProcess): number {
  const [user, system] = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')
    .slice(11, 13)
  return (Number(user) + Number(system)) / TICKS_A_SECOND
}

async function shareOf(child: ChildProcess): Promise<number> {
  const [cpu, from] = [cpuOf(child), performance.now()]
  await pause(WATCH_MS)
  return (cpuOf(child) - cpu) / ((performance.now() - from) / 1000)
}

/** CPU of the supervisor for one more watcher of everything, share of a core. */
async function costOfWatcher(url: string, child: ChildProcess, onEnd: Bench['onEnd']): Promise<number> {
  const alone = await shareOf(child)
  const abort = new AbortController()
  onEnd(() => abort.abort())
  const read = async () => {
    const { body } = await fetch(`${url}/api/v1/stream`, { signal: abort.signal })
    const reader = body!.getReader()
    while (!(await reader.read()).done);
  }
  for (let index = 0; index < WATCHERS; index++) void read().catch(() => {})
  await pause(2000)
  const watched = await shareOf(child)
  abort.abort()
  return (watched - alone) / WATCHERS
}

/** How many of eight tabs in two browsers are live and show a change within some seconds. */
async function liveTabs(browsers: readonly Browser[], url: string): Promise<number> {
  const contexts = await Promise.all(browsers.map((browser) => browser.newContext({ baseURL: url })))
  const pages: Page[] = []
  for (const context of contexts)
    for (const path of ['/ui/', '/ui/replicas', '/ui/workers', '/ui/syncs']) {
      const page = await context.newPage()
      await page.goto(path)
      pages.push(page)
    }
  const isLive = (page: Page) =>
    page
      .getByTestId('connection')
      .getByText('Live')
      .waitFor({ timeout: WAIT_MS })
      .then(
        () => 1,
        () => 0,
      )
  const live = await Promise.all(pages.map(isLive))
  // A page that is frozen does not draw.
  const drawn = await Promise.all(
    pages.map((page) =>
      page.evaluate(
        () => new Promise<number>((resolve) => setTimeout(() => requestAnimationFrame(() => resolve(1)), 1000)),
      ),
    ),
  )
  await Promise.all(contexts.map((context) => context.close()))
  return live.reduce((sum: number, one, index) => sum + one * drawn[index]!, 0)
}

const finding = (what: string, value: number, most: number, unit: string): Finding => ({
  goal: 'P11',
  what,
  peer: unit,
  ratio: { median: value, min: value, max: value },
  promise: `≤ ${most}`,
  met: value <= most,
})

function sizeOf(quick: boolean): number {
  if (quick) return 500
  const { values } = parseArgs({ options: { replicas: { type: 'string', default: String(REPLICAS) } } })
  const replicas = Number(values.replicas)
  if (replicas === 1 || (replicas > 0 && replicas % SHARE === 0)) return replicas
  throw new Error(`--replicas=${values.replicas} is not 1 or hundreds`)
}

interface Fleet {
  readonly replicas: number
  readonly url: string
  readonly child: ChildProcess
}

async function startAll({ disk, quick, onEnd }: Bench): Promise<Fleet> {
  const replicas = sizeOf(quick)
  const nats = await startNats(disk, onEnd)
  const { url, child } = await startSupervisor(disk, nats, onEnd)
  await startFleet(nats, replicas, onEnd)
  const total = async () => ((await (await fetch(`${url}/api/v1/summary`)).json()) as Summary).replicas_total
  await until('all replicas are known', async () => (await total()) === replicas, WAIT_MS)
  return { replicas, url, child }
}

/** Two browsers. */
async function openBrowsers(onEnd: Bench['onEnd']): Promise<[Browser, Browser]> {
  const binary = findProgram('chromium')
  if (!binary) throw new Error('this benchmark needs chromium: apt install chromium')
  const open = () => chromium.launch({ executablePath: binary, args: ['--headless', '--no-sandbox', '--disable-gpu'] })
  const browsers: [Browser, Browser] = [await open(), await open()]
  for (const browser of browsers) onEnd(() => browser.close())
  return browsers
}

async function visit(page: Page, replicas: number) {
  const cold = await load(page, '/ui/', 'main section')
  const warm = await load(page, '/ui/', 'main section')
  const idleOverview = await idleShare(page)
  const list = await load(page, '/ui/replicas', 'tr.item')
  const again = await load(page, '/ui/replicas', 'tr.item')
  const filtered = await filter(page, replicas === 1 ? 'mirror' : 'mirror-3')
  const idleList = await idleShare(page)
  console.log(
    `  Overview cold ${cold.ms.toFixed(0)} ms, warm ${warm.ms.toFixed(0)} ms; Replicas ${list.ms.toFixed(0)} and ` +
      `${again.ms.toFixed(0)} ms; on the wire ${(cold.scripts / KIB).toFixed(0)} KiB of scripts and ` +
      `${(cold.answers / KIB).toFixed(1)} KiB of answers, Replicas ${(list.answers / KIB).toFixed(1)} KiB of answers`,
  )
  return { cold, warm, idleOverview, list, filtered, idleList }
}

async function body(bench: Bench): Promise<Finding[]> {
  const { replicas, url, child } = await startAll(bench)
  const watcher = await costOfWatcher(url, child, bench.onEnd)
  const browsers = await openBrowsers(bench.onEnd)
  const floor = await floorShare(browsers[0])
  const page = await browsers[0].newPage({ baseURL: url })
  const { cold, warm, idleOverview, list, filtered, idleList } = await visit(page, replicas)
  await page.close()
  const live = await liveTabs(browsers, url)
  const changes = `of ${replicas} replicas with ${CHANGES_A_SECOND} changes a second`
  const note = `a page in which one text changes each second takes ${(floor * 100).toFixed(2)} %`
  return [
    finding('scripts of the Overview, compressed', cold.scripts / KIB, 180, 'KiB'),
    finding('answers that the Overview loads, compressed', cold.answers / KIB, 30, 'KiB'),
    finding('Overview can be used, cold', cold.ms, 1000, 'ms'),
    finding('Overview can be used, warm', warm.ms, 1000, 'ms'),
    finding('list of replicas can be used', list.ms, 1000, 'ms'),
    finding('from the last key of a search to its rows', filtered, 200, 'ms'),
    finding('elements of a page', Math.max(cold.elements, list.elements), 2500, 'elements'),
    { ...finding(`an idle Overview ${changes}`, idleOverview * 100, 2, '% of a core'), note },
    { ...finding(`an idle list ${changes}`, idleList * 100, 2, '% of a core'), note },
    finding('one more watcher, CPU of the supervisor', watcher * 100, 0.5, '% of a core'),
    finding('tabs of eight that are not live', 8 - live, 0, 'tabs'),
  ]
}

await main('P11 UI', body)
