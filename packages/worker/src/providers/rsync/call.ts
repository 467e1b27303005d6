// call.ts — How rsync is called on a folder: the address that was checked, credentials, compression as far as the
// upstream takes it.
import { sshUpstreamOf } from '@kagami/protocol'
import type { ToolRefused } from '../../local-failure.ts'
import { SyncFailure, type AskContext, type Exit, type RunOptions, type SyncContext } from '../../provider.ts'
import { requireSsh, sshFailure } from '../../ssh/failure.ts'
import { sshWords, type SshRoute } from '../../ssh/words.ts'
import type { LocalPort, Via } from '../../via.ts'
import { connectionFlags, CONNECT_SECONDS, type RsyncOptions } from './options.ts'
import { refusesCompression } from './output.ts'

export type RsyncContext = SyncContext<RsyncOptions>

type RsyncAsking = AskContext<RsyncOptions>

/** An upstream that is asked. */
export interface AskedUpstream {
  readonly context: RsyncAsking
  readonly options: RsyncOptions
  readonly address: string
  /** How ssh is called; null: it is not. */
  readonly overSsh: SshRoute | null
  /** What on this machine leads to the proxy of the upstream; null: rsync connects itself. */
  readonly local: LocalPort | null
  /** What rsync is told of it. */
  readonly proxyEnv: Readonly<Record<string, string>>
  /** Set to false when the upstream refuses it. */
  compress: boolean
}

/** The upstream of a run. */
export interface RsyncUpstream extends AskedUpstream {
  readonly context: RsyncContext
  /** What of the copy could not be looked at. It is left as it is, so that rsync goes on deleting elsewhere. */
  readonly refused: ToolRefused[]
}

/**
 * The upstream without a user name, which travels in the environment like the password, and by the address that was
 * checked: another answer of the name server must not lead elsewhere.
 */
export async function addressOf(context: RsyncAsking): Promise<RsyncAddress> {
  const { upstream, local, ssh, run, peers } = context
  const direct = { overSsh: null, local: null, proxyEnv: {} }
  if (local !== null) return { ...direct, address: `${local}/` }
  const named = sshUpstreamOf(upstream)
  if (ssh !== null && named !== null) {
    await requireSsh(run)
    const host = named.host.includes(':') ? `[${named.host}]` : named.host
    const address = `${named.user}@${host}:${named.path}`
    const via = peers.via({ protocol: 'ssh:', hostname: named.host })
    if (via === null) {
      const overSsh = { ssh, upstream: named, address: await checkedAddress(named.host, context) }
      return { ...direct, address, overSsh }
    }
    const door = await via.door(named.host, named.port, patienceOf(context.options))
    const overSsh = { ssh, upstream: named, address: '127.0.0.1', port: door.port }
    return { ...direct, address, overSsh, local: door }
  }
  const url = new URL(upstream)
  const via = peers.via(url)
  if (via !== null) return addressBy(via, url, context)
  const address = await checkedAddress(url.hostname, context)
  const host = address.includes(':') ? `[${address}]` : address
  const found = upstream.replace(/^rsync:\/\/(?:[^/@]*@)?[^/]*/, `rsync://${host}${url.port ? `:${url.port}` : ''}`)
  return { ...direct, address: found }
}

/** Throws SyncFailure auth_rejected for credentials of a form that rsync does not have. */
export function refuseToken({ auth }: Pick<RsyncAsking, 'auth'>): void {
  if (auth?.type === 'token')
    throw new SyncFailure('auth_rejected', 'rsync takes a user name and a password, not a token')
}

type RsyncAddress = Pick<RsyncUpstream, 'address' | 'overSsh' | 'local' | 'proxyEnv'>

/** rsync is told of a proxy on this machine, behind which the proxy is; it never sees its credentials. */
async function addressBy(via: Via, url: URL, { upstream, options, log }: RsyncAsking): Promise<RsyncAddress> {
  const host = url.hostname.replace(/^\[|\]$/g, '')
  if (options.address_family !== 'any') log(`the proxy, not address_family, decides which address of ${host} is asked`)
  const local = await via.local(host, Number(url.port || 873), patienceOf(options))
  const named = `rsync://${url.hostname}${url.port ? `:${url.port}` : ''}`
  const address = upstream.replace(/^rsync:\/\/(?:[^/@]*@)?[^/]*/, named)
  const proxyEnv = { RSYNC_PROXY: `${local.username}:${local.password}@127.0.0.1:${local.port}` }
  return { address, overSsh: null, local, proxyEnv }
}

/** As long as rsync itself waits for a connection. */
const patienceOf = ({ timeout_secs }: RsyncOptions) => Math.min(CONNECT_SECONDS, timeout_secs) * 1000

async function checkedAddress(name: string, { peers, options }: RsyncAsking): Promise<string> {
  const { address_family } = options
  const addresses = await peers.resolve(name)
  const wanted = addresses.filter(
    (address) => address_family === 'any' || address.includes(':') === (address_family === 'ipv6'),
  )
  const [address] = wanted
  if (address === undefined)
    throw new SyncFailure('upstream_unreachable', `the host ${name} has no ${address_family} address`)
  return address
}

export interface Call extends RunOptions {
  /** Called before each try. */
  readonly onStart?: () => void
}

/** Calls rsync on a folder, or on none; without compression when the upstream does not want it. */
export async function callRsync(
  upstream: AskedUpstream,
  flags: (compress: readonly string[]) => readonly string[],
  folder: string | null,
  { onStart, ...how }: Call,
): Promise<Exit> {
  const { context, address, overSsh, local, proxyEnv } = upstream
  const { auth } = context
  // What is connected to by name is this machine.
  const options = local === null ? upstream.options : { ...upstream.options, address_family: 'any' as const }
  const user: Record<string, string> =
    auth?.type === 'basic' ? { USER: auth.username, LOGNAME: auth.username, RSYNC_PASSWORD: auth.password } : {}
  const env: Record<string, string> = { TZ: 'UTC0', ...user, ...proxyEnv }
  const once = () => {
    onStart?.()
    return context.run(
      'rsync',
      [
        ...flags(upstream.compress ? ['-z'] : []),
        ...connectionFlags(options, context.local !== null || overSsh !== null),
        ...(overSsh === null ? [] : [`--rsh=${remoteShell(overSsh)}`]),
        // What an upstream greets with could look like what rsync says.
        '--no-motd',
        '--',
        address,
        ...(folder === null ? [] : [`${folder}/`]),
      ],
      { ...how, env, memoryMib: options.memory_mib },
    )
  }
  const exit = await once()
  const proxyFailure = exit.code === 0 ? null : (local?.failure() ?? null)
  if (proxyFailure) throw proxyFailure
  const failure = overSsh && failureOverSsh(exit, overSsh)
  if (failure) throw failure
  if (!upstream.compress || !refusesCompression(exit)) return exit
  context.log('the upstream refuses compression: trying without')
  upstream.compress = false
  return once()
}

/**
 * Without hard links between files: where one of them cannot be made, since a folder is in its place, rsync waits for
 * ever for it to link the others to.
 */
export function unlinked(upstream: RsyncUpstream): RsyncUpstream {
  const extra_options = upstream.options.extra_options.filter((option) => option !== '--hard-links')
  return { ...upstream, options: { ...upstream.options, extra_options } }
}

/** rsync takes the words apart itself, at spaces that are not in quotes. */
function remoteShell(route: SshRoute): string {
  const words = [...sshWords(route), '-p', String(route.upstream.port)]
  return words.map((word) => `'${word.replaceAll("'", "''")}'`).join(' ')
}

/** What ssh, or who answers it, says in place of rsync; null when rsync speaks itself. */
function failureOverSsh(exit: Exit, route: SshRoute): SyncFailure | null {
  const { path } = route.upstream
  const gone = /(?:change_dir|link_stat)(?:#\d+)? "([^"]*)" failed: No such file/.exec(exit.tail)?.[1]
  if (exit.code === 23 && gone !== undefined && `${gone}/`.endsWith(`${path.replace(/\/+$/, '')}/`))
    return new SyncFailure('upstream_missing', `there is no ${path} on ${route.upstream.host}`, {
      tail: exit.tail,
      exitCode: exit.code,
    })
  const silent = [2, 12].includes(exit.code ?? 0) && /\(0 bytes received so far\)|shell clean/.test(exit.tail)
  return silent || [127, 255].includes(exit.code ?? 0) ? sshFailure(exit, route) : null
}

/** Calls rsync from a folder to itself, which needs no upstream. */
export function callOnCopy(
  { context, options }: RsyncUpstream,
  flags: readonly string[],
  folder: string,
  onLine: NonNullable<RunOptions['onLine']>,
): Promise<Exit> {
  return context.run('rsync', [...flags, '--', `${folder}/`, `${folder}/`], {
    exact: true,
    silent: true,
    onLine,
    env: { TZ: 'UTC0' },
    memoryMib: options.memory_mib,
  })
}
