// lfs-server.ts — A git upstream with an LFS server beside it, for tests: the batch API and a store of objects, as the
// real git-lfs pushes to it and pulls from it.
import { createHash, randomBytes } from 'node:crypto'
import { createReadStream, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { dirname, join } from 'node:path'
import { ensureRepository, runChild, startGitUpstream } from '@kagami/demo'
import type { SyncReport } from '@kagami/protocol'
import { findProgram, putOnPath } from '@kagami/runtime'
import { afterEach, beforeEach, expect } from 'vitest'
import { objectPath } from '../providers/git-lfs/store.ts'
import { createSandbox, type Sandbox, type SyncCall } from './sandbox.ts'

export interface Asked {
  readonly what: 'batch' | 'object'
  readonly oids: readonly string[]
  readonly headers: IncomingMessage['headers']
}

export interface LfsUpstream {
  readonly url: string
  readonly port: number
  /** Everything the LFS server was asked for so far. */
  readonly asked: Asked[]
  /** Answers a request for itself and returns true, or leaves it to be answered truly. */
  lie: (question: Asked, response: ServerResponse) => boolean
  /** More headers that a download wants; without them it is refused. */
  wants: Record<string, string>
  /** Beginning of the addresses objects are downloaded from. */
  downloads: string
  /** Path of an object in the server's store. */
  stored(oid: string): string
  stop(): Promise<void>
}

/** Serves repositories below `dir` at `<url>/<name>.git`, with LFS at `<url>/<name>.git/info/lfs`. */
export async function startLfsUpstream({
  dir,
  auth,
}: {
  dir: string
  auth?: { username: string; password: string }
}): Promise<LfsUpstream> {
  const store = join(dir, '.lfs-store')
  mkdirSync(store, { recursive: true })
  const lfs: LfsUpstream = {
    url: '',
    port: 0,
    asked: [],
    lie: () => false,
    wants: {},
    downloads: '',
    stored: (oid) => join(store, oid),
    stop: async () => {},
  }
  const objects = createServer((request, response) => void object(lfs, request, response))
  await new Promise<void>((resolve) => objects.listen(0, '127.0.0.1', resolve))
  const address = objects.address()
  const upstream = await startGitUpstream({
    dir,
    auth,
    toolPath: [dirname(findProgram('git') ?? '/usr/bin/git')],
    intercept(request, response) {
      if (!request.url?.includes('/info/lfs/')) return false
      void (request.method === 'POST' ? batch : object)(lfs, request, response)
      return true
    },
  })
  return Object.assign(lfs, {
    url: upstream.url,
    port: upstream.port,
    downloads: `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`,
    async stop() {
      objects.close()
      objects.closeAllConnections()
      await upstream.stop()
    },
  })
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = []
  for await (const part of request) parts.push(part as Buffer)
  return Buffer.concat(parts)
}

/** Answers with JSON as LFS servers do. */
export function answer(response: ServerResponse, status: number, value: unknown): true {
  response.writeHead(status, { 'content-type': 'application/vnd.git-lfs+json' }).end(JSON.stringify(value))
  return true
}

async function batch(lfs: LfsUpstream, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await bodyOf(request)
  if (request.method !== 'POST' || !request.url?.endsWith('/objects/batch'))
    return void answer(response, 404, { message: 'not here' })
  const { operation, objects } = JSON.parse(body.toString()) as {
    operation: string
    objects: { oid: string; size: number }[]
  }
  const question: Asked = { what: 'batch', oids: objects.map(({ oid }) => oid), headers: request.headers }
  if (operation === 'download') {
    lfs.asked.push(question)
    if (lfs.lie(question, response)) return
  }
  const action = (oid: string) => ({
    href: `${lfs.downloads}/${oid}?secret=in-the-address-${lfs.asked.length}`,
    header: { 'X-Ticket': `ticket-${oid.slice(0, 8)}`, ...lfs.wants },
    expires_in: 3600,
  })
  answer(response, 200, {
    transfer: 'basic',
    hash_algo: 'sha256',
    objects: objects.map(({ oid, size }) => {
      const there = existsSync(lfs.stored(oid))
      if (operation === 'download' && !there)
        return { oid, size, error: { code: 404, message: 'Object does not exist' } }
      return {
        oid,
        size,
        authenticated: true,
        ...(operation === 'download'
          ? { actions: { download: action(oid) } }
          : there
            ? {}
            : { actions: { upload: action(oid) } }),
      }
    }),
  })
}

async function object(lfs: LfsUpstream, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const oid = /\/([0-9a-f]{64})\b/.exec(request.url ?? '')?.[1] ?? ''
  const question: Asked = { what: 'object', oids: [oid], headers: request.headers }
  if (request.method === 'GET') {
    lfs.asked.push(question)
    if (lfs.lie(question, response)) return
  }
  const ticket =
    request.headers['x-ticket'] === `ticket-${oid.slice(0, 8)}` &&
    Object.entries(lfs.wants).every(([name, value]) => request.headers[name.toLowerCase()] === value)
  if (!ticket) return void response.writeHead(403).end()
  if (request.method === 'PUT') {
    const body = await bodyOf(request)
    if (createHash('sha256').update(body).digest('hex') !== oid) return void response.writeHead(422).end()
    writeFileSync(lfs.stored(oid), body)
    return void response.writeHead(200).end()
  }
  send(lfs.stored(oid), request, response)
}

/** Sends a file with an ETag, or the rest of it. */
export function send(file: string, request: Pick<IncomingMessage, 'headers'>, response: ServerResponse): void {
  const size = statSync(file, { throwIfNoEntry: false })?.size
  if (size === undefined) return void response.writeHead(404).end()
  const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0)
  response.writeHead(from > 0 ? 206 : 200, {
    'content-length': size - from,
    etag: '"whole"',
    'content-type': 'application/octet-stream',
    ...(from > 0 ? { 'content-range': `bytes ${from}-${size - 1}/${size}` } : {}),
  })
  createReadStream(file, { start: from }).pipe(response)
}

/** Who works on an upstream with the real git-lfs. */
export interface Author {
  /** Commits files, those in `lfs` through git-lfs, and pushes. Returns the oids of what went through LFS. */
  push(files: { lfs?: Record<string, Buffer>; plain?: Record<string, string>; branch?: string }): Promise<string[]>
  /** Clones an address with git-lfs and reads these files of it. */
  read(address: string, paths: readonly string[], ref?: string): Promise<Buffer[]>
}

/** Finds or fetches git-lfs, and works below `dir` on `<url>/a.git`. */
export async function createAuthor(dir: string, url: string): Promise<Author> {
  await putOnPath(['git-lfs'])
  mkdirSync(dir, { recursive: true })
  const config = join(dir, 'gitconfig')
  writeFileSync(
    config,
    `[user]\n\tname = A\n\temail = a@example.org\n[filter "lfs"]\n\tclean = git-lfs clean -- %f\n\tsmudge = ` +
      `git-lfs smudge -- %f\n\tprocess = git-lfs filter-process\n\trequired = true\n[lfs]\n\tlocksverify = ` +
      `false\n[init]\n\tdefaultBranch = main\n`,
  )
  const git = (cwd: string, ...args: string[]) =>
    runChild('git', args, { cwd, env: { GIT_CONFIG_GLOBAL: config, HOME: dir, GIT_TERMINAL_PROMPT: '0' } })
  const work = join(dir, 'work')
  mkdirSync(work)
  await git(work, 'init', '-q')
  await git(work, 'remote', 'add', 'origin', `${url}/a.git`)
  let clones = 0
  return {
    async push({ lfs = {}, plain = {}, branch = 'main' }) {
      await git(work, 'checkout', '-q', '-B', branch)
      writeFileSync(join(work, '.gitattributes'), '*.bin filter=lfs diff=lfs merge=lfs -text\n')
      for (const [path, content] of Object.entries({ ...lfs, ...plain })) writeFileSync(join(work, path), content)
      await git(work, 'add', '-A')
      await git(work, 'commit', '-q', '-m', 'change')
      await git(work, 'lfs', 'push', 'origin', branch)
      await git(work, 'push', '-q', 'origin', branch)
      return Object.values(lfs).map((content) => createHash('sha256').update(content).digest('hex'))
    },
    async read(address, paths, ref = 'main') {
      const clone = join(dir, `clone-${++clones}`)
      await git(dir, 'clone', '-q', '--branch', ref, address, clone)
      const found = paths.map((path) => readFileSync(join(clone, path)))
      rmSync(clone, { recursive: true })
      return found
    },
  }
}

/** Everything a test of LFS mirrors works with. */
export interface LfsSandbox extends Sandbox {
  readonly dirUpstream: string
  readonly upstream: LfsUpstream
  readonly author: Author
  /**
   * Pushes three LFS files and a plain one; what the upstream was asked meanwhile is forgotten. Returns the LFS files.
   */
  pushFirst(): Promise<Record<string, Buffer>>
  /** Syncs with LFS turned on. */
  syncLfs(options?: object, more?: Partial<SyncCall>): Promise<SyncReport>
  /** Oids that were downloaded so far. */
  fetched(): string[]
  /** Where the copy has an object. */
  placeOf(oid: string): string
  /** Makes the copy believe that its last look at everything was long ago. */
  age(): void
  /**
   * Those of the files that a clone of the copy, made by the real git-lfs, has other than they are; a clone that asks
   * the upstream for them proves nothing, and throws.
   */
  strangeInClone(files: Readonly<Record<string, Buffer>>, ref?: string): Promise<string[]>
  stop(): Promise<void>
}

/**
 * What most tests of LFS begin with, made anew for each of them: a sandbox whose upstream has the files of `pushFirst`.
 */
export function lfsForEach() {
  let sandbox: LfsSandbox
  let first: Record<string, Buffer>
  beforeEach(async () => {
    sandbox = await createLfsSandbox()
    first = await sandbox.pushFirst()
  })
  afterEach(() => sandbox.stop())
  return {
    get sandbox() {
      return sandbox
    },
    get upstream() {
      return sandbox.upstream
    },
    get author() {
      return sandbox.author
    },
    /** The LFS files the upstream had first. */
    get first() {
      return first
    },
    sync: (...call: Parameters<LfsSandbox['syncLfs']>) => sandbox.syncLfs(...call),
    async cloneIsWhole(files: Readonly<Record<string, Buffer>>, ref?: string) {
      expect(await sandbox.strangeInClone(files, ref)).toEqual([])
    },
  }
}

/** An upstream `a.git` with LFS, somebody who pushes to it, and a data_dir. */
export async function createLfsSandbox(): Promise<LfsSandbox> {
  const sandbox = createSandbox()
  const dirUpstream = join(sandbox.dir, 'upstream')
  await ensureRepository(join(dirUpstream, 'a.git'))
  await runChild('git', [`--git-dir=${join(dirUpstream, 'a.git')}`, 'config', 'http.receivepack', 'true'])
  const upstream = await startLfsUpstream({ dir: dirUpstream })
  const author = await createAuthor(join(sandbox.dir, 'author'), upstream.url)
  const state = join(sandbox.published, 'lfs', 'kagami.json')
  return {
    ...sandbox,
    dirUpstream,
    upstream,
    author,
    async pushFirst() {
      const files = { 'one.bin': randomBytes(700_000), 'two.bin': randomBytes(3000), 'empty.bin': Buffer.alloc(0) }
      await author.push({ lfs: files, plain: { README: 'plain\n' } })
      upstream.asked.length = 0
      return files
    },
    syncLfs: (options = {}, more = {}) =>
      sandbox.sync({ kind: 'git', upstream: `${upstream.url}/a.git`, options: { lfs: true, ...options }, ...more }),
    fetched: () => upstream.asked.filter(({ what }) => what === 'object').flatMap(({ oids }) => oids),
    placeOf: (oid) => join(sandbox.published, objectPath({ oid })),
    age: () =>
      writeFileSync(
        state,
        JSON.stringify({ ...(JSON.parse(readFileSync(state, 'utf8')) as object), checkedAt: '2020-01-01T00:00:00Z' }),
      ),
    async strangeInClone(files, ref) {
      const before = upstream.asked.length
      const read = await author.read(`file://${sandbox.published}`, Object.keys(files), ref)
      if (upstream.asked.length > before) throw new Error('the clone asked the upstream for its files')
      return Object.keys(files).filter((path, index) => !read[index]!.equals(files[path]!))
    },
    async stop() {
      await upstream.stop()
      sandbox.remove()
    },
  }
}
