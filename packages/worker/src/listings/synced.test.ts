// synced.test.ts — Trees behind every format of listings, by real syncs: copied, not copied twice, followed, and whole
// when a page was cut.
import { createServer, type Server } from 'node:http'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { listingPages } from '../testing/listings/listing-pages.ts'
import type { PageEntry, PageMaker } from '../testing/listings/listing-parts.ts'
import { createSandbox, readTree, type Sandbox } from '../testing/sandbox.ts'

const AT = Date.UTC(2026, 0, 5, 12, 34, 56)
const LATER = AT + 86_400_000

interface ServedFile {
  readonly body: string
  readonly time: number
}

describe.each(Object.entries<PageMaker>(listingPages))('a tree that is listed as by %s', (kind, maker) => {
  let sandbox: Sandbox
  let server: Server
  let url: string
  let files: Map<string, ServedFile>
  let folderTime: number
  /** Files that were sent whole. */
  let bodies: number
  /** Bytes that are missing at the end of the page of the tree itself. */
  let cut: number
  beforeEach(async () => {
    sandbox = createSandbox()
    files = new Map()
    for (let index = 10; index < 40; index++) {
      files.set(`file-${index}.bin`, { body: `${index}`.repeat(20 + index), time: AT })
      if (index % 3 === 0) files.set(`sub/in-${index}.txt`, { body: `in ${index}\n`, time: AT })
    }
    ;[bodies, cut, folderTime] = [0, 0, AT]
    server = createServer((request, response) => {
      const { pathname, searchParams } = new URL(request.url ?? '/', 'http://h')
      const path = pathname === '/' && searchParams.has('prefix') ? `/${searchParams.get('prefix')}` : pathname
      if (path.endsWith('/')) {
        const page = maker.make(entriesBelow(path), path)
        const sent = path === '/' ? page.subarray(0, page.length - cut) : page
        return response.writeHead(200, { 'content-type': maker.contentType, server: maker.server }).end(sent)
      }
      const file = files.get(path.slice(1))
      if (!file) return response.writeHead(404).end()
      const modified = new Date(file.time).toUTCString()
      if (request.headers['if-modified-since'] === modified) return response.writeHead(304).end()
      bodies++
      return response
        .writeHead(200, {
          'content-type': 'application/octet-stream',
          'content-length': file.body.length,
          'last-modified': modified,
        })
        .end(file.body)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    url = `http://127.0.0.1:${(server.address() as { port: number }).port}/`
  })
  afterEach(() => {
    server.close()
    server.closeAllConnections()
    sandbox.remove()
  })
  const entriesBelow = (path: string): PageEntry[] => {
    const entries = new Map<string, PageEntry>()
    for (const [full, { body, time }] of files) {
      if (!`/${full}`.startsWith(path)) continue
      const [name = '', ...rest] = `/${full}`.slice(path.length).split('/')
      const directory = rest.length > 0
      entries.set(name, { name, directory, size: directory ? 0 : body.length, time: directory ? folderTime : time })
    }
    return [...entries.values()]
  }
  const sync = () => sandbox.sync({ kind: 'http', upstream: url })
  const succeeds = async () => {
    bodies = 0
    const report = await sync()
    expect(report, report.message ?? '').toMatchObject({ outcome: 'success', left_out: null })
    expect(readTree(sandbox.published)).toEqual(Object.fromEntries([...files].map(([path, { body }]) => [path, body])))
  }

  it('is copied, not fetched twice, followed, and keeps what a cut page lacks', async ({ task }) => {
    await succeeds()
    const first = bodies
    expect(first).toBe(files.size)
    await succeeds()
    const second = bodies
    expect(second).toBe(0)
    files.set('file-20.bin', { body: 'another content, of another size', time: LATER })
    await succeeds()
    expect(bodies).toBe(1)
    files.delete('sub/in-12.txt')
    folderTime = LATER
    await succeeds()
    expect(bodies).toBe(0)
    const before = readTree(sandbox.published)
    const whole = maker.make(entriesBelow('/'), '/').length
    for (const share of [0.03, 0.2, 0.5, 0.8]) {
      cut = Math.max(12, Math.floor(whole * share))
      const report = await sync()
      expect([share, report.outcome, report.reason], report.message ?? '').toEqual([
        share,
        'failed',
        expect.toBeOneOf(['partial', 'content_invalid']),
      ])
      expect(readTree(sandbox.published)).toEqual(before)
    }
    cut = 0
    await succeeds()
    task.meta.figure = `${kind}: first ${first} bodies, second ${second}, changed 1, removed 0, 4 cut pages 0 deletions`
  })
})
