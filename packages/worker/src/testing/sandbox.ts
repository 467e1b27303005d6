// sandbox.ts — What tests of providers need: a data_dir of their own, one call that runs a real sync, a proxy that
// stalls. No assertions.
import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Auth, Progress, SyncReport } from '@kagami/protocol'
import type { CommandSettings } from '../config/commands.ts'
import { runSync, type SyncDeps, type SyncJob } from '../sync/run.ts'
import { createPaces } from '../http/pace.ts'
import { pathBytes, readEntries } from '../names.ts'
import { providersOf } from '../providers/index.ts'
import type { Peers, Provider } from '../provider.ts'
import type { Target } from '../via.ts'

export interface SyncCall {
  readonly kind: string
  readonly upstream: string
  readonly auth?: Auth | null
  readonly options?: Readonly<Record<string, unknown>>
  readonly name?: string
  readonly replicaId?: string
  readonly signal?: AbortSignal
  readonly timeoutSeconds?: number
  readonly adoptExisting?: boolean
  readonly task?: SyncJob['task']
  readonly sizeBytes?: number
  readonly files?: number | null
  readonly hooks?: SyncDeps['hooks']
  readonly publicOnly?: boolean
  readonly upstreamRoots?: readonly string[]
  readonly ssh?: SyncDeps['ssh']
  readonly proxies?: SyncJob['proxies']
  /** The programs that worker.toml allows. */
  readonly commands?: readonly CommandSettings[]
  /** Answers of the name server: each host is there. */
  readonly foundAt?: string
  readonly onProgress?: (progress: Progress) => void
  /** Added to the time of the worker, ms. */
  readonly laterMs?: number
}

export interface Sandbox {
  readonly dir: string
  readonly dataDir: string
  /** Where the copy of the default replica is. */
  readonly published: string
  sync(call: SyncCall): Promise<SyncReport>
  /** The log of the run that wrote `report`. */
  log(report: SyncReport): string
  remove(): void
}

let runs = 0

/** A fresh folder with a data_dir in it. */
export function createSandbox(): Sandbox {
  const dir = mkdtempSync(join(tmpdir(), 'kagami-test-'))
  const dataDir = mkdtempSync(join(dir, 'data-'))
  const paces = createPaces()
  const kinds = ({ commands = [] }: SyncCall) => providersOf({ commands, data_dir: dataDir })
  return {
    dir,
    dataDir,
    published: join(dataDir, 'copy'),
    sync: (call) =>
      runSync(
        {
          sync_id: `sync-${++runs}`,
          worker_id: 'w',
          trigger: 'manual',
          request_id: null,
          timeoutSeconds: call.timeoutSeconds ?? 60,
          task: call.task,
          sizeBytes: call.sizeBytes,
          files: call.files,
          proxies: call.proxies,
          spec: {
            replica_id: call.replicaId ?? 'replica-1',
            name: call.name ?? 'copy',
            kind: call.kind,
            upstream: call.upstream,
            interval_secs: null,
            labels: {},
            options: { ...call.options },
            auth: call.auth ?? null,
            origin: 'api',
          },
        },
        {
          providers: call.foundAt === undefined ? kinds(call) : withAddress(kinds(call), call.foundAt),
          dataDir,
          adoptExisting: call.adoptExisting,
          hooks: call.hooks,
          publicOnly: call.publicOnly,
          upstreamRoots: call.upstreamRoots,
          ssh: call.ssh,
          paces,
          signal: call.signal ?? new AbortController().signal,
          onProgress: call.onProgress ?? (() => {}),
          now: () => new Date(Date.now() + (call.laterMs ?? 0)),
        },
      ),
    log: (report) => readFileSync(join(dataDir, '.kagami', 'logs', report.replica_id, `${report.sync_id}.log`), 'utf8'),
    remove: () => rmSync(dir, { recursive: true, force: true }),
  }
}

/** The kinds, with a name server that knows one address. */
function withAddress(kinds: Readonly<Record<string, Provider>>, address: string): Record<string, Provider> {
  const resolve = (peers: Peers) => ({
    check: (found: string | undefined) => peers.check(found),
    resolve: () => Promise.resolve([address]),
    via: (target: Target) => peers.via(target),
  })
  return Object.fromEntries(
    Object.entries(kinds).map(([kind, provider]) => [
      kind,
      {
        ...provider,
        sync: (context) => provider.sync({ ...context, peers: resolve(context.peers) }),
      } satisfies Provider,
    ]),
  )
}

/**
 * Path → content of every file below a folder; long content as its size and digest, so that a difference can be read.
 */
export function readTree(folder: string): Record<string, string> {
  return Object.fromEntries(
    filesBelow(folder)
      .sort()
      .map((path) => [path.slice(folder.length + 1), shown(readFileSync(pathBytes(path)))]),
  )
}

/** Paths of all files below a folder, of any names. */
function filesBelow(folder: string): string[] {
  return readEntries(folder).flatMap((entry) => {
    const path = join(folder, entry.name)
    return entry.isDirectory() ? filesBelow(path) : entry.isFile() ? [path] : []
  })
}

function shown(content: Buffer): string {
  return content.length <= 200
    ? content.toString('latin1')
    : `${content.length} bytes, sha256 ${createHash('sha256').update(content).digest('hex')}`
}

/** Whether a text stands anywhere in the files below a folder. */
export function mentions(folder: string, text: string): boolean {
  return filesBelow(folder).some((path) => readFileSync(pathBytes(path)).includes(text))
}

/** Command lines of every process on this machine. */
export function commandLines(): string {
  const processes = readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))
  return processes
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'latin1')
      } catch {
        return ''
      }
    })
    .join('\n')
}

export interface StallingProxy {
  readonly port: number
  /** Resolves once something was held back. */
  readonly stalled: Promise<void>
  stop(): Promise<void>
}

/** Passes `bytes` of what the upstream on `port` sends per connection, then nothing more. */
export async function startStallingProxy(port: number, bytes: number): Promise<StallingProxy> {
  const stalled = Promise.withResolvers<void>()
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    const upstream = connect({ host: '127.0.0.1', port })
    let left = bytes
    for (const socket of [client, upstream])
      sockets.add(socket.on('error', () => {}).on('close', () => [client, upstream].map((one) => one.destroy())))
    client.pipe(upstream)
    upstream.on('data', (chunk: Buffer) => {
      if (left > 0) client.write(chunk.subarray(0, left))
      left -= chunk.length
      if (left > 0) return
      upstream.pause()
      stalled.resolve()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return {
    port: typeof address === 'object' && address ? address.port : 0,
    stalled: stalled.promise,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  }
}
