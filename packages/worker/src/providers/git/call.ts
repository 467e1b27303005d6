// call.ts — How git is called: arguments, environment, progress. What it is called for is in git.ts and maintenance.ts.
import { ignoredFaults } from './errors.ts'
import { SyncFailure, type AskContext, type Exit, type RunCommand, type SyncContext } from '../../provider.ts'
import { endpointOf, sshUpstreamOf } from '@kagami/protocol'
import { sshFailure } from '../../ssh/failure.ts'
import { shellLine, sshWords, type SshRoute } from '../../ssh/words.ts'
import type { LocalPort, Target, Via } from '../../via.ts'

/** The version of git on this machine. Never throws. */
export async function probeGit(run: RunCommand): Promise<{ available: boolean; detail: string }> {
  let detail = ''
  try {
    const exit = await run('git', ['--version'], { onLine: (line) => void (detail ||= line) })
    return { available: exit.code === 0, detail: detail || 'git does not start' }
  } catch (error) {
    return { available: false, detail: (error as Error).message }
  }
}

/** User name and password of an upstream; null where there are none. */
export function credentials(auth: SyncContext['auth']): [string, string | null] {
  if (!auth) return ['', null]
  // Forges accept any user name beside a token.
  return auth.type === 'basic' ? [auth.username, auth.password] : ['oauth2', auth.token]
}

/** How git reaches the upstream: the address it is given, and the flags that keep it from connecting elsewhere. */
export interface Route {
  /** For the command line. */
  readonly url: string
  /** Flags of the commands that connect: ls-remote, clone and fetch. */
  readonly flags: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly settings: readonly string[]
  /** How ssh is called; absent: it is not. */
  readonly ssh?: SshRoute
  /** What on this machine leads to the proxy of the upstream; absent: git connects itself. */
  readonly local?: LocalPort
}

/** Where an upstream that is a URL, or is reached over ssh, is asked. */
export function targetOf(upstream: string): Target & { readonly port: number } {
  const endpoint = endpointOf(upstream)
  if (endpoint === null) throw new SyncFailure('upstream_missing', 'the upstream names no host')
  return endpoint
}

/** The checked addresses of the upstream's host; none where it is reached by a proxy. */
export async function addressesOf({ upstream, local, peers }: AskContext): Promise<readonly string[]> {
  if (local !== null) return []
  const target = targetOf(upstream)
  return peers.via(target) === null ? peers.resolve(target.hostname) : []
}

/** The route to the upstream: by its proxy, or by addresses that were checked. */
export async function routeOf(context: AskContext, addresses: readonly string[]): Promise<Route> {
  const target = context.local === null ? targetOf(context.upstream) : null
  const via = target && context.peers.via(target)
  return target && via ? routeBy(via, context, target) : directRoute(context, addresses)
}

/** git is told of a proxy on this machine, or of a port, behind which the proxy is; it never sees its credentials. */
async function routeBy(via: Via, { upstream, ssh }: AskContext, target: ReturnType<typeof targetOf>): Promise<Route> {
  const { protocol, hostname, port } = target
  if (protocol === 'http:' || protocol === 'https:') {
    const local = await via.local(hostname, port)
    const url = `http://${local.username}:${local.password}@127.0.0.1:${local.port}`
    const env = { GIT_ALLOW_PROTOCOL: 'https:http', http_proxy: url, https_proxy: url }
    return { url: upstream, flags: [], env, settings: ['http.proxyAuthMethod=basic'], local }
  }
  const local = await via.door(hostname, port)
  const overSsh = ssh && sshUpstreamOf(upstream)
  if (overSsh)
    return { ...routeOverSsh(upstream, { ssh, upstream: overSsh, address: '127.0.0.1', port: local.port }), local }
  const { host, pathname, search } = new URL(upstream)
  return {
    url: `git://127.0.0.1:${local.port}${pathname}${search}`,
    flags: [],
    env: { GIT_ALLOW_PROTOCOL: 'git', GIT_OVERRIDE_VIRTUAL_HOST: host },
    settings: [],
    local,
  }
}

function routeOverSsh(url: string, ssh: SshRoute): Route {
  const env = { GIT_ALLOW_PROTOCOL: 'ssh', GIT_SSH_VARIANT: 'ssh', GIT_SSH_COMMAND: shellLine(sshWords(ssh)) }
  return { url, flags: [], env, settings: [], ssh }
}

/**
 * The route to the upstream by addresses that were checked, whatever the name server says a moment later. For a folder
 * of this machine, its real path.
 */
function directRoute(
  { upstream, local, ssh }: Pick<SyncContext, 'upstream' | 'local' | 'ssh'>,
  addresses: readonly string[],
): Route {
  const plain = { url: upstream, flags: [], env: { GIT_ALLOW_PROTOCOL: 'https:http:git' }, settings: [] }
  if (local !== null) {
    // git serves only repositories of its own user, unless their owner is declared trusted; whoever wrote the root into
    // worker.toml has done so.
    return {
      ...plain,
      url: `file://${encodeURI(local)}`,
      flags: ["--upload-pack=git -c safe.directory='*' upload-pack"],
      env: { GIT_ALLOW_PROTOCOL: 'file' },
    }
  }
  const overSsh = ssh && sshUpstreamOf(upstream)
  if (overSsh) return routeOverSsh(upstream, { ssh, upstream: overSsh, address: addresses[0] ?? '' })
  const { protocol, host, hostname, port, pathname, search } = new URL(upstream)
  if (hostname.startsWith('[')) return plain
  const hosts = addresses.map((address) => (address.includes(':') ? `[${address}]` : address))
  if (protocol !== 'git:')
    return {
      ...plain,
      settings: [`http.curloptResolve=${hostname}:${port || (protocol === 'https:' ? 443 : 80)}:${hosts.join(',')}`],
    }
  // git:// has no such setting: it is given the address, and the name is sent separately for servers with several
  // names.
  return {
    ...plain,
    url: `git://${hosts[0]}${port ? `:${port}` : ''}${pathname}${search}`,
    env: { ...plain.env, GIT_OVERRIDE_VIRTUAL_HOST: host },
  }
}

export interface GitCall {
  readonly onLine?: (line: string, stream: 'stdout' | 'stderr') => boolean | void
  readonly stdin?: string | Uint8Array
  /** See RunOptions. */
  readonly silent?: boolean
  /** See RunOptions. */
  readonly exact?: boolean
  /** Needed by commands that connect. */
  readonly route?: Route
}

/** Runs git without the worker's own configuration, hooks and prompts, with only the protocols a mirror needs. */
export async function callGit(
  context: AskContext,
  command: readonly string[],
  { onLine, stdin, silent, exact, route }: GitCall = {},
): Promise<Exit> {
  const [user, password] = credentials(context.auth)
  const env = {
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_TERMINAL_PROMPT: '0',
    GIT_ASKPASS: '',
    GIT_ALLOW_PROTOCOL: 'none',
    ...route?.env,
    ...(password === null ? {} : { KAGAMI_USERNAME: user, KAGAMI_PASSWORD: password }),
  }
  // Set to nothing it keeps git from proxies; absent it lets git take that of its environment, which is this one.
  const proxied = 'http_proxy' in (route?.env ?? {})
  const own = settings(context, password !== null).filter((setting) => !(proxied && setting === 'http.proxy='))
  const pinned = [...own, ...(route?.settings ?? [])]
  const exit = await context.run('git', [...pinned.flatMap((setting) => ['-c', setting]), ...command], {
    env,
    onLine,
    stdin,
    silent,
    exact,
    chats: true,
  })
  const proxyFailure = exit.code === 0 ? null : (route?.local?.failure() ?? null)
  if (proxyFailure) throw proxyFailure
  const failure = route?.ssh && exit.code !== 0 ? sshFailure(exit, route.ssh) : null
  if (failure) throw failure
  return exit
}

function settings({ options }: AskContext, withCredentials: boolean): string[] {
  // The helper reads its environment: the secret is never in an argument or a file.
  const helper = withCredentials
    ? ['credential.helper=!f() { printf "username=%s\\npassword=%s\\n" "$KAGAMI_USERNAME" "$KAGAMI_PASSWORD"; }; f']
    : []
  const fsck =
    options.fsck === false ? [] : ['transfer.fsckObjects=true', ...ignoredFaults('fetch.fsck', options['fsck_ignore'])]
  return [
    'core.hooksPath=/dev/null',
    'credential.helper=',
    ...helper,
    'gc.auto=0',
    'maintenance.auto=false',
    'fetch.unpackLimit=1',
    ...fsck,
    'http.proxy=',
    'http.followRedirects=false',
    'http.lowSpeedLimit=1000',
    'http.lowSpeedTime=60',
    'transfer.bundleURI=false',
    'core.fsync=all',
  ]
}

const UNITS: Readonly<Record<string, number>> = { bytes: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 }
const PHASES: Readonly<Record<string, 'listing' | 'transferring' | 'verifying'>> = {
  'Counting objects': 'listing',
  'Compressing objects': 'listing',
  'Receiving objects': 'transferring',
  'Resolving deltas': 'verifying',
  'Checking objects': 'verifying',
}

/** Reads git's progress lines; only the last line of each step goes into the log. */
export function createProgressReader(context: SyncContext): {
  onLine: (line: string) => boolean
  bytes: () => number | null
} {
  let bytes: number | null = null
  // Text of the upstream costs it nothing: repeated it is no progress, and it is never believed about bytes.
  const seenSteps = new Set<string>()
  return {
    bytes: () => bytes,
    onLine(line) {
      const found = /^(remote: )?([A-Z][a-z]+ \w+): +(\d{1,2}|100)% \(\d+\/\d+\)(?:, ([\d.]+) (bytes|[KMG]iB))?/.exec(
        line,
      )
      const phase = found?.[2] ? PHASES[found[2]] : undefined
      if (!found || !phase) return true
      if (found[1]) {
        const step = `${found[2]} ${found[3]}`
        if (seenSteps.has(step)) return line.includes('done.')
        seenSteps.add(step)
      } else if (found[4] && found[5]) bytes = Math.round(Number(found[4]) * (UNITS[found[5]] ?? 1))
      context.progress({ phase, percent: Number(found[3]), bytes })
      return line.includes('done.')
    },
  }
}
