// known-hosts.ts — The keys of hosts that somebody on this machine accepted for upstreams over ssh: shown, added,
// listed and removed. Nothing that comes over the network does any of it.
import { existsSync, statSync } from 'node:fs'
import { isIP } from 'node:net'
import { ConfigError, readIfThere, writeDurably } from '@kagami/runtime'
import type { WorkerConfig } from './config/config.ts'
import { createCommandRunner } from './programs/command.ts'
import { SyncFailure } from './provider.ts'
import { openProxies } from './proxy/open.ts'
import { createRunProxies, type RunProxies } from './proxy/run.ts'
import { fingerprintOf, requireSsh } from './ssh/failure.ts'
import { knownName } from './ssh/words.ts'
import { createPeers } from './sync/peers.ts'
import { paths } from './tree/paths.ts'

/** A public key of a host. */
export interface HostKey {
  /** As ssh looks for it: the host, and the port where it is not 22. */
  readonly host: string
  readonly type: string
  readonly fingerprint: string
  /** Its line in the file. */
  readonly line: string
}

const SCAN_MS = 20_000
type Place = Pick<WorkerConfig, 'data_dir'>

/**
 * The keys that a host shows now, through the proxy of the worker where it has one. `written`: HOST, HOST:PORT or
 * [HOST]:PORT. Throws ConfigError when it shows none.
 */
export async function scanHost(written: string, config: Proxied): Promise<readonly HostKey[]> {
  const end = parseHost(written)
  const signal = AbortSignal.timeout(SCAN_MS)
  try {
    const proxies = proxiesOf(config, signal)
    const via = proxies?.via({ protocol: 'ssh:', hostname: end.host })
    const door = await via?.door(end.host, end.port)
    return await scanAt(door ? { host: '127.0.0.1', port: door.port } : end, { end, signal })
      .catch((error: unknown) => Promise.reject(door?.failure() ?? (error as Error)))
      .finally(() => proxies?.close())
  } catch (error) {
    if (error instanceof SyncFailure) throw new ConfigError(error.message, error.hint)
    throw error
  }
}

type Proxied = Pick<WorkerConfig, 'proxySettings' | 'providers' | 'upstream_policy'>

/** The proxies for all replicas; null: there are none. */
function proxiesOf(config: Proxied, signal: AbortSignal): RunProxies | null {
  const routes = openProxies(config, { name: '', origin: 'api', options: {} })
  const peers = createPeers({ publicOnly: config.upstream_policy === 'public-only', known: null })
  return routes && createRunProxies(routes, { signal, resolve: peers.resolve, log: () => {} })
}

interface Endpoint {
  readonly host: string
  readonly port: number
}

/** Asks at one place for the keys of the host that is behind it. */
async function scanAt(
  { host: where, port: at }: Endpoint,
  { end: { host, port }, signal }: { end: Endpoint; signal: AbortSignal },
): Promise<readonly HostKey[]> {
  const run = createCommandRunner({ signal, mark: 'hosts', log: () => {} })
  await requireSsh(run)
  const lines: string[] = []
  const onLine = (line: string, stream: string) => void (stream === 'stdout' && lines.push(line))
  const exit = await run('ssh-keyscan', ['-T', '10', '-p', String(at), '--', where], { onLine })
  const name = knownName({ host, port })
  const keys = lines.flatMap((line) => keyIn(line)).map((key) => ({ ...key, host: name, line: lineOf(name, key.line) }))
  if (keys.length > 0) return keys
  const said = exit.tail.split('\n').find((line) => !line.startsWith('#')) ?? ''
  throw new ConfigError(
    `${name} shows no key of ssh${said.trim() === '' ? '' : `: ${said.trim()}`}; nothing was changed`,
    'Look at host and port, and whether this machine may connect to it.',
  )
}

/** The keys that were accepted. */
export function listHosts({ data_dir }: Place): readonly HostKey[] {
  return (readIfThere(paths.knownHosts(data_dir)) ?? '').split('\n').flatMap((line) => keyIn(line))
}

/** Accepts keys, in addition to those that were accepted. Returns those that are new. */
export function addHosts({ data_dir }: Place, keys: readonly HostKey[]): readonly HostKey[] {
  if (!existsSync(paths.own(data_dir)) || !statSync(paths.own(data_dir)).isDirectory())
    throw new ConfigError(
      `${data_dir} is not the data_dir of a worker that has run; nothing was changed`,
      'Start the worker once, or name its worker.toml with --config.',
    )
  const there = listHosts({ data_dir })
  const isThere = ({ host, fingerprint }: HostKey) =>
    there.some((known) => known.host === host && known.fingerprint === fingerprint)
  const added = keys.filter((key) => !isThere(key))
  if (added.length > 0) save(data_dir, [...there, ...added])
  return added
}

/** Forgets all keys of a host. Returns them. */
export function removeHost({ data_dir }: Place, written: string): readonly HostKey[] {
  const name = knownName(parseHost(written))
  const all = listHosts({ data_dir })
  const removed = all.filter(({ host }) => host === name)
  if (removed.length > 0)
    save(
      data_dir,
      all.filter(({ host }) => host !== name),
    )
  return removed
}

function save(dataDir: string, keys: readonly HostKey[]): void {
  writeDurably(paths.knownHosts(dataDir), keys.map(({ line }) => `${line}\n`).join(''))
}

function parseHost(written: string): Endpoint {
  const bare = isIP(written) === 6
  const [, inBrackets, plain, found = '22'] = bare
    ? []
    : (/^(?:\[(.+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(written) ?? [])
  const host = bare ? written : (inBrackets ?? plain ?? '')
  const port = bare ? 22 : Number(found)
  const isHost = isIP(host) !== 0 || /^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(host)
  if (isHost && port >= 1 && port <= 65_535) return { host, port }
  throw new ConfigError(`"${written}" is not a host`, 'Write HOST, HOST:PORT or [HOST]:PORT, as in the upstream.')
}

const lineOf = (name: string, line: string): string => [name, ...line.trim().split(/\s+/).slice(1, 3)].join(' ')

function keyIn(line: string): HostKey[] {
  const [host = '', type = '', key = ''] = line.trim().split(/\s+/)
  if (host.startsWith('#') || !key.startsWith('AAAA')) return []
  return [{ host, type, fingerprint: fingerprintOf(key), line: line.trim() }]
}
