// lfs.test.ts — The LFS objects of a copy behind real web servers: the real git-lfs gets them by the program that
// serve-config writes, and by what docs/providers/git.md says for servers that run no programs.
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { freePort } from '@kagami/demo'
import { startChild, stopChild } from '@kagami/demo/child'
import { fetchProgram, findProgram } from '@kagami/runtime'
import { createLfsSandbox, type LfsSandbox } from '@kagami/worker/testing/lfs-server'
import { startWebServer, type WebServer } from '@kagami/worker/testing/web-servers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runKagami } from '../testing/run-kagami.ts'

let sandbox: LfsSandbox
let files: Record<string, Buffer>
let program: string
beforeAll(async () => {
  sandbox = await createLfsSandbox()
  for (const dir of [sandbox.dir, sandbox.dataDir]) chmodSync(dir, 0o755)
  files = await sandbox.pushFirst()
  expect(await sandbox.syncLfs({ publish: 'swap' })).toMatchObject({ outcome: 'success' })
  program = join(sandbox.dir, 'kagami-lfs')
  const ran = await runKagami(`serve-config lfs --dir ${sandbox.dataDir} --output ${program}`)
  expect(ran).toEqual({ code: 0, stdout: '', stderr: `Wrote ${program}\n` })
})
afterAll(() => sandbox.stop())

describe.each([
  ['apache', 'Apache, plain'],
  ['nginx', 'nginx'],
] as const)('behind %s', (name, kind) => {
  let server: WebServer
  const stops: (() => Promise<void>)[] = []
  beforeAll(async () => {
    const port = await freePort()
    const socket = join(sandbox.dir, 'fcgiwrap.socket')
    if (name === 'nginx') {
      const fcgiwrap =
        findProgram('fcgiwrap', ['/usr/sbin']) ??
        join(await fetchProgram({ program: 'fcgiwrap', package: 'fcgiwrap' }), 'fcgiwrap')
      const child = startChild(fcgiwrap, ['-s', `unix:${socket}`], { noInput: true })
      stops.push(() => stopChild(child))
      while (!existsSync(socket))
        if (child.exitCode !== null) throw new Error('fcgiwrap does not start')
        else await setImmediate()
    }
    const more = name === 'nginx' ? `--fcgiwrap ${socket}` : ''
    const line = `serve-config ${name} --dir ${sandbox.dataDir} --listen 127.0.0.1:${port} --lfs ${program} ${more}`
    const { stdout, code } = await runKagami(line)
    expect(code).toBe(0)
    server = await startWebServer(kind, { root: sandbox.dataDir, state: join(sandbox.dir, name), port, site: stdout })
    stops.push(server.stop)
  })
  afterAll(async () => {
    for (const stop of stops.splice(0).reverse()) await stop()
  })

  const ask = (body: unknown, path = '/copy/info/lfs/objects/batch', method = 'POST') =>
    fetch(`${server.url}${path}`, {
      method,
      headers: { connection: 'close' },
      ...(method === 'POST' ? { body: JSON.stringify(body) } : {}),
    })
  const question = (oids: readonly string[]) => ({
    operation: 'download',
    transfers: ['basic'],
    ref: { name: 'refs/heads/main' },
    objects: oids.map((oid) => ({ oid, size: 5 })),
    hash_algo: 'sha256',
  })

  it('a clone has its files, and asks nobody else for them', async () => {
    const before = sandbox.upstream.asked.length
    for (const address of ['copy', 'copy/']) {
      const read = await sandbox.author.read(`${server.url}/${address}`, Object.keys(files))
      expect(read.map((content, index) => content.equals(Object.values(files)[index]!))).toEqual([true, true, true])
    }
    expect(sandbox.upstream.asked.length).toBe(before)
  })

  it('a file that the copy does not have is missing by name, the others come', async () => {
    const none = 'a'.repeat(64)
    const oid = readdirSync(join(sandbox.published, 'lfs', 'objects'), { recursive: true, encoding: 'utf8' })
      .map((path) => path.split('/').at(-1)!)
      .find((entry) => entry.length === 64)!
    const answer = await ask(question([none, oid]))
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'application/vnd.git-lfs+json'])
    const { objects } = (await answer.json()) as {
      objects: { oid: string; error?: object; actions?: { download: { href: string } } }[]
    }
    expect(objects).toMatchObject([
      { oid: none, error: { code: 404 } },
      { oid, size: 5 },
    ])
    expect((await fetch(objects[1]!.actions!.download.href)).status).toBe(200)
  })

  it('a hundred objects are answered at once', async () => {
    const oids = Array.from({ length: 100 }, () => randomBytes(32).toString('hex'))
    const { objects } = (await (await ask(question(oids))).json()) as { objects: { oid: string }[] }
    expect(objects.map(({ oid }) => oid)).toEqual(oids)
  })

  it.each([
    ['an upload', 403, { ...question([]), operation: 'upload' }, undefined],
    ['another kind of ids', 409, { ...question([]), hash_algo: 'sha512' }, undefined],
    ['another mirror', 404, question([]), '/none/info/lfs/objects/batch'],
    ['what is Kagami’s own', 404, question([]), '/.kagami/info/lfs/objects/batch'],
    ['a folder in place of a mirror', 404, question([]), '/copy/lfs/info/lfs/objects/batch'],
    ['a name with a command in it', 404, question([]), '/$(id)/info/lfs/objects/batch'],
    ['more than a megabyte', 413, { ...question([]), x: 'x'.repeat(1_100_000) }, undefined],
  ])('%s is refused: %i', async (_what, status, body, path) => {
    expect((await ask(body, path)).status).toBe(status)
  })

  it('what is written in place of ids and sizes gets nowhere', async () => {
    const objects = [
      { oid: '../../../../.kagami/worker-id', size: 1 },
      { oid: 'b'.repeat(64), size: '$(touch /tmp/kagami-lfs-ran)' },
      { oid: '`id`', size: 1 },
      { oid: 'c'.repeat(65), size: 1 },
    ]
    const answer = await ask({ ...question([]), objects })
    expect([answer.status, await answer.json()]).toEqual([200, { transfer: 'basic', hash_algo: 'sha256', objects: [] }])
    expect((await ask(null, undefined, 'GET')).status).toBe(405)
    expect(existsSync('/tmp/kagami-lfs-ran')).toBe(false)
  })

  it('the program itself is not served', async () => {
    expect(await (await fetch(`${server.url}/copy/HEAD`)).text()).toContain('refs/heads/main')
    expect((await fetch(`${server.url}/kagami-lfs`)).status).toBe(404)
  })

  it('without a program, the files are fetched beside git as the docs say', () => {
    const page = readFileSync(new URL('../../../../docs/providers/git.md', import.meta.url), 'utf8')
    const script = /```sh\n(GIT_LFS_SKIP_SMUDGE=1 git clone[^`]+)```/.exec(page)?.[1] ?? 'false'
    const clone = join(sandbox.dir, 'by-hand')
    const text = script.replaceAll('https://mirror.example.org/NAME', `${server.url}/copy`).replaceAll('DIR', clone)
    const env = { ...process.env, GIT_CONFIG_GLOBAL: join(sandbox.dir, 'author', 'gitconfig'), HOME: sandbox.dir }
    execFileSync('sh', ['-euc', text], { env, stdio: 'pipe' })
    for (const [path, content] of Object.entries(files))
      expect(readFileSync(join(clone, path)).equals(content)).toBe(true)
    rmSync(clone, { recursive: true })
  })
})
