// sync-costs.test.ts — What one sync may cost, in counts that no noise of the machine moves: programs that are started,
// connections, requests. A row that grows is a regression; one that shrinks is written down here.
import { mkdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  commit,
  ensureRepository,
  startGitUpstream,
  startHttpUpstream,
  startRsyncUpstream,
  writeFiles,
} from '@kagami/demo'
import { sandboxForEach } from '@kagami/worker/testing/kills'
import type { Sandbox } from '@kagami/worker/testing/sandbox'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { countConnections, countedPath, countTools, type Cost, type CountedTools } from './counted.ts'

/** Folders of the trees, each with ten files. */
const FOLDERS = 12

let sandbox: Sandbox
let dir: string
let tools: CountedTools
const stops = sandboxForEach((fresh) => {
  sandbox = fresh
  dir = join(sandbox.dir, 'upstream')
})
beforeEach(() => {
  tools = countTools(sandbox.dir)
})
afterEach(() => void vi.unstubAllEnvs())

/** A fresh upstream of a kind, with what changes it, and the counter of its requests. */
interface Counted {
  readonly call: { kind: string; upstream: string; options: Record<string, unknown> }
  change(): Promise<void> | void
  requests(): number
}

const tree = () =>
  Object.fromEntries(
    Array.from({ length: FOLDERS * 10 }, (_, index) => [`d${index % FOLDERS}/f${index}`, `${index}\n`] as const),
  )

const upstreams: Record<string, () => Promise<Counted>> = {
  async git() {
    const repository = join(dir, 'a.git')
    await ensureRepository(repository)
    let number = 0
    const change = () => commit(repository, { branch: 'main', message: `${number++}`, files: { file: `${number}\n` } })
    await change()
    let requests = 0
    const server = await startGitUpstream({ dir, intercept: () => ++requests < 0 })
    stops.push(server.stop)
    return {
      call: { kind: 'git', upstream: `${server.url}/a.git`, options: {} },
      change: async () => await change(),
      requests: () => requests,
    }
  },
  async rsync() {
    const files = join(dir, 'files')
    writeFiles(files, tree())
    const server = await startRsyncUpstream({ dir })
    const counted = await countConnections(server.url)
    stops.push(server.stop, counted.stop)
    let connections = 0
    return {
      call: { kind: 'rsync', upstream: counted.url, options: {} },
      change() {
        writeFileSync(join(files, 'd1/f1'), 'changed\n')
        rmSync(join(files, 'd2/f2'))
      },
      requests: () => (connections += counted.take()),
    }
  },
  async 'http file'() {
    mkdirSync(dir, { recursive: true })
    return http('/image.iso', {}, () => writeFileSync(join(dir, 'image.iso'), `${performance.now()}\n`))
  },
  async 'http tree'() {
    writeFiles(dir, tree())
    // Listings tell minutes: what changed within the last ones is asked for again.
    const age = (path: string, hours: number) => {
      const at = Date.now() / 1000 - hours * 3600
      utimesSync(join(dir, path), at, at)
    }
    for (const path of Object.keys(tree())) age(path, 2)
    return http('/', {}, () => {
      writeFileSync(join(dir, 'd1/f1'), `changed, ${performance.now()}\n`)
      age('d1/f1', 1)
      rmSync(join(dir, 'd2/f2'), { force: true })
    })
  },
}

async function http(path: string, options: Record<string, unknown>, change: () => void): Promise<Counted> {
  let requests = 0
  if (path !== '/') change()
  const server = await startHttpUpstream({ dir, listings: true, intercept: () => ++requests < 0 })
  stops.push(server.stop)
  return { call: { kind: 'http', upstream: `${server.url}${path}`, options }, change, requests: () => requests }
}

/** What each kind of sync costs today. */
const BUDGET: Record<string, Record<'first' | 'nothing new' | 'with a change', Cost>> = {
  // Two requests list the refs; git lists them once more before it clones, and fetches by ids what changed.
  git: {
    first: { programs: ['git clone'], requests: 5 },
    'nothing new': { programs: [], requests: 2 },
    'with a change': { programs: ['git fetch'], requests: 4 },
  },
  rsync: {
    first: { programs: ['rsync'], requests: 1 },
    'nothing new': { programs: ['rsync --dry-run'], requests: 1 },
    'with a change': { programs: ['rsync --dry-run', 'rsync --files-from=-'], requests: 2 },
  },
  'http file': {
    first: { programs: [], requests: 1 },
    'nothing new': { programs: [], requests: 1 },
    'with a change': { programs: [], requests: 1 },
  },
  // One listing for each folder.
  'http tree': {
    first: { programs: [], requests: 1 + FOLDERS + 10 * FOLDERS },
    'nothing new': { programs: [], requests: 1 + FOLDERS },
    'with a change': { programs: [], requests: 1 + FOLDERS + 1 },
  },
}

describe.each(Object.keys(upstreams))('a sync of %s', (kind) => {
  it('starts no more programs, and asks the upstream no more, than it did', async () => {
    const { call, change, requests } = await upstreams[kind]!()
    vi.stubEnv('PATH', countedPath(tools))
    tools.take()
    let before = requests()
    const cost = async (): Promise<Cost> => {
      const report = await sandbox.sync(call)
      expect(report, report.tail ?? '').toMatchObject({ outcome: 'success' })
      const asked = requests() - before
      before = requests()
      return { programs: tools.take(), requests: asked }
    }
    const first = await cost()
    const nothing = await cost()
    await change()
    tools.take()
    const changed = await cost()
    expect({ first, 'nothing new': nothing, 'with a change': changed }).toEqual(BUDGET[kind])
  })
})
