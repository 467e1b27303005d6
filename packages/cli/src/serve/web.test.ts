// web.test.ts — What serve-config writes for nginx and Apache: the real servers take it, hide what is Kagami's own
// however it is asked for, and serve all that is an upstream's.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '@kagami/demo'
import { checkSite, startWebServer, type WebServer } from '@kagami/worker/testing/web-servers'
import { createSandbox, readTree } from '@kagami/worker/testing/sandbox'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runKagami } from '../testing/run-kagami.ts'
import {
  anySpelling,
  askRaw,
  encodePlain,
  fillServedFolder,
  HIDDEN,
  SECRET,
  SERVED,
  spellingsOf,
} from '../testing/served-folder.ts'

const root = mkdtempSync(join(tmpdir(), 'kagami-serve-'))
// As under kagami up, whose folder of mirrors is itself below one called .kagami.
const dir = join(root, '.kagami', 'mirrors')
beforeAll(() => {
  execFileSync('chmod', ['755', root])
  mkdirSync(dir, { recursive: true })
  fillServedFolder(dir)
})
afterAll(() => rmSync(root, { recursive: true }))

describe.each([
  ['nginx', 'nginx'],
  ['apache', 'Apache, plain'],
] as const)('%s', (name, kind) => {
  let server: WebServer
  let port: number
  let options: Parameters<typeof startWebServer>[1]
  beforeAll(async () => {
    port = await freePort()
    const { stdout, stderr, code } = await runKagami(`serve-config ${name} --dir ${dir} --listen 127.0.0.1:${port}`)
    expect([code, stderr]).toEqual([0, ''])
    options = { root: dir, state: join(root, name), port, site: stdout }
    server = await startWebServer(kind, options)
  })
  afterAll(() => server?.stop())

  it('takes the configuration', async () => {
    const [status, said] = await checkSite(kind, { ...options, state: join(root, `${name} checked`.replace(' ', '-')) })
    expect([status, said]).toEqual([0, expect.not.stringMatching(/warn|error(?!\.log)|failed/i)])
  })

  it.each(HIDDEN)('never serves %s, however it is asked for', async (path) => {
    expect(existsSync(join(dir, path))).toBe(true)
    expect((await askRaw(port, `/${encodePlain(path)}`)).status).toBe(404)
    for (const spelling of spellingsOf(path)) {
      const { status, body } = await askRaw(port, spelling)
      expect([spelling, body.includes(SECRET)]).toEqual([spelling, false])
      if (status === 200) expect([spelling, body]).toEqual([spelling, expect.stringMatching(/Index of|^text of a/)])
    }
  })

  it('never serves them in any mixture of spellings', async () => {
    await fc.assert(
      fc.asyncProperty(anySpelling, async (spelling) => {
        const { body } = await askRaw(port, spelling)
        expect(body).not.toContain(SECRET)
      }),
      { numRuns: 600 },
    )
  })

  it('lists none of them', async () => {
    const listed = []
    for (const folder of ['/', '/plain/', '/plain/sub/', '/swapped/', '/repository/']) {
      const { status, body } = await askRaw(port, folder)
      expect([folder, status]).toEqual([folder, 200])
      const links = [...body.matchAll(/href="([^"?]+)"/gi)].map(([, link = '']) =>
        decodeURIComponent(link).toLowerCase(),
      )
      listed.push(...links.filter((link) => /^\.(kagami|generations|~tmp~)\W?$|\.kagami-(?!party)|lost/.test(link)))
    }
    // The listings of nginx leave out nothing but names that begin with a dot.
    expect([...new Set(listed)]).toEqual(name === 'nginx' ? ['lost+found/', 'big.iso.kagami-part'] : [])
    expect((await askRaw(port, '/')).body).toContain('href="swapped/"')
    expect((await askRaw(port, '/plain/')).body).toContain('href="sub/"')
  })

  it.each(Object.entries(SERVED))('serves %s as it is', async (path, text) => {
    const { status, head, body } = await askRaw(port, `/${encodePlain(path)}`, 'Accept-Encoding: gzip\r\n')
    expect([status, body]).toEqual([200, text])
    expect(head).not.toMatch(/^content-encoding/im)
    expect(head).toMatch(new RegExp(`^content-length: ${Buffer.byteLength(text)}\\r?$`, 'im'))
  })

  it('is itself an upstream that a worker mirrors as a tree', async () => {
    const sandbox = createSandbox()
    try {
      for (const [name, folder, path] of [
        ['pool', '/plain/pool/', 'plain/pool/a.tar.gz'],
        ['spaced', '/plain/with%20space/', 'plain/with space/ü.txt'],
        ['swapped', '/swapped/', 'swapped/sub/b.txt'],
      ] as const) {
        const call = { kind: 'http', upstream: `${server.url}${folder}`, name, replicaId: name }
        const report = await sandbox.sync(call)
        expect(report, report.message ?? '').toMatchObject({ outcome: 'success', files: 1 })
        expect(Object.values(readTree(join(sandbox.dataDir, name)))[0]).toContain(SERVED[path]!.trim())
      }
    } finally {
      sandbox.remove()
    }
  })

  it('sends parts of files, and files through links of an upstream', async () => {
    const part = await askRaw(port, '/plain/link/a.txt', 'Range: bytes=5-9\r\nAccept-Encoding: gzip\r\n')
    expect([part.status, part.body]).toEqual([206, 'of a\n'])
    expect((await askRaw(port, '/plain/run.php/more')).status).toBe(404)
    expect((await askRaw(port, '/plain')).head).toMatch(/^location: (http:\/\/localhost(:\d+)?)?\/plain\/\r?$/im)
  })
})
