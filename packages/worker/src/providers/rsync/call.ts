// call.ts — How rsync is called on a folder: the address that was checked, credentials, compression as far as the
// upstream takes it.
import type { ToolRefused } from '../../local-failure.ts'
import { SyncFailure, type Exit, type RunOptions, type SyncContext } from '../../provider.ts'
import { connectionFlags, type RsyncOptions } from './options.ts'
import { refusesCompression } from './output.ts'

export type RsyncContext = SyncContext<RsyncOptions>

/** The upstream of a run. */
export interface RsyncUpstream {
  readonly context: RsyncContext
  readonly options: RsyncOptions
  readonly address: string
  /** Set to false when the upstream refuses it. */
  compress: boolean
  /** What of the copy could not be looked at. It is left as it is, so that rsync goes on deleting elsewhere. */
  readonly refused: ToolRefused[]
}

/**
 * The upstream without a user name, which travels in the environment like the password, and by the address that was
 * checked: another answer of the name server must not lead elsewhere.
 */
export async function addressOf({ upstream, local, peers, options }: RsyncContext): Promise<string> {
  if (local !== null) return `${local}/`
  const url = new URL(upstream)
  const { address_family } = options
  const addresses = await peers.resolve(url.hostname)
  const wanted = addresses.filter(
    (address) => address_family === 'any' || address.includes(':') === (address_family === 'ipv6'),
  )
  const [address] = wanted
  if (address === undefined)
    throw new SyncFailure('upstream_unreachable', `the host ${url.hostname} has no ${address_family} address`)
  const host = address.includes(':') ? `[${address}]` : address
  return upstream.replace(/^rsync:\/\/(?:[^/@]*@)?[^/]*/, `rsync://${host}${url.port ? `:${url.port}` : ''}`)
}

export interface Call extends RunOptions {
  /** Called before each try. */
  readonly onStart?: () => void
}

/** Calls rsync on a folder; without compression when the upstream does not want it. */
export async function callRsync(
  upstream: RsyncUpstream,
  flags: (compress: readonly string[]) => readonly string[],
  folder: string,
  { onStart, ...how }: Call,
): Promise<Exit> {
  const { context, options, address } = upstream
  const { auth } = context
  const user: Record<string, string> =
    auth?.type === 'basic' ? { USER: auth.username, LOGNAME: auth.username, RSYNC_PASSWORD: auth.password } : {}
  const env: Record<string, string> = { TZ: 'UTC0', ...user }
  const once = () => {
    onStart?.()
    return context.run(
      'rsync',
      [
        ...flags(upstream.compress ? ['-z'] : []),
        ...connectionFlags(options, context.local !== null),
        // What an upstream greets with could look like what rsync says.
        '--no-motd',
        '--',
        address,
        `${folder}/`,
      ],
      { ...how, env, memoryMib: options.memory_mib },
    )
  }
  const exit = await once()
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
