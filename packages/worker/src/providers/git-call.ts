// git-call.ts — How git is called: its arguments, its environment, its progress. What it is called for is in git.ts and git-care.ts.
import type { Exit, SyncContext } from './provider.ts'

/** User name and password of an upstream; null where there are none. */
export function credentials(auth: SyncContext['auth']): [string, string | null] {
  if (!auth) return ['', null]
  // Forges take any user name beside a token.
  return auth.type === 'basic' ? [auth.username, auth.password] : ['oauth2', auth.token]
}

export interface GitCall {
  readonly onLine?: (line: string, stream: 'stdout' | 'stderr') => boolean | void
  readonly stdin?: string
  /** See RunOptions. */
  readonly silent?: boolean
  /** Checked addresses of the upstream's host; needed by commands that connect. */
  readonly addresses?: readonly string[]
}

/** Runs git with nothing of the worker's own configuration, no hooks, no prompts and only the protocols a mirror needs. */
export function callGit(context: SyncContext, command: readonly string[], { onLine, stdin, silent, addresses = [] }: GitCall = {}): Promise<Exit> {
  const [user, password] = credentials(context.auth)
  const env = {
    GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null', GIT_TERMINAL_PROMPT: '0', GIT_ASKPASS: '', GIT_ALLOW_PROTOCOL: 'https:http:git',
    ...(password === null ? {} : { KAGAMI_USERNAME: user, KAGAMI_PASSWORD: password }),
  }
  const pinned = [...settings(context, password !== null), ...pin(context.upstream, addresses)]
  return context.run('git', [...pinned.flatMap((setting) => ['-c', setting]), ...command], { env, onLine, stdin, silent })
}

/** Makes libcurl use the addresses that were checked, whatever the name server says a moment later. */
function pin(upstream: string, addresses: readonly string[]): string[] {
  const { protocol, hostname, port } = new URL(upstream)
  if (addresses.length === 0 || !protocol.startsWith('http') || hostname.startsWith('[')) return []
  const hosts = addresses.map((address) => (address.includes(':') ? `[${address}]` : address)).join(',')
  return [`http.curloptResolve=${hostname}:${port || (protocol === 'https:' ? 443 : 80)}:${hosts}`]
}

function settings({ options }: SyncContext, withCredentials: boolean): string[] {
  // The helper reads its environment: neither an argument nor a file ever holds the secret.
  const helper = withCredentials ? ['credential.helper=!f() { printf "username=%s\\npassword=%s\\n" "$KAGAMI_USERNAME" "$KAGAMI_PASSWORD"; }; f'] : []
  const fsck = options.fsck === false ? [] : ['transfer.fsckObjects=true', ...['zeroPaddedFilemode', 'badTimezone', 'missingSpaceBeforeDate'].map((id) => `fetch.fsck.${id}=ignore`)]
  return [
    'core.hooksPath=/dev/null', 'credential.helper=', ...helper, 'gc.auto=0', 'maintenance.auto=false', 'fetch.unpackLimit=1', ...fsck,
    'http.proxy=', 'http.followRedirects=false', 'http.lowSpeedLimit=1000', 'http.lowSpeedTime=60', 'transfer.bundleURI=false', 'core.fsync=all',
  ]
}

const UNITS: Readonly<Record<string, number>> = { bytes: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 }
const PHASES: Readonly<Record<string, 'listing' | 'transferring' | 'verifying'>> = {
  'Counting objects': 'listing', 'Compressing objects': 'listing', 'Receiving objects': 'transferring', 'Resolving deltas': 'verifying', 'Checking objects': 'verifying',
}

/** Reads git's progress lines; only the last one of each step goes into the log. */
export function createProgressReader(context: SyncContext): { onLine: (line: string) => boolean; bytes: () => number | null } {
  let bytes: number | null = null
  // What the upstream says of itself costs it nothing: said again it is no progress, and it is never believed about bytes.
  const told = new Set<string>()
  return {
    bytes: () => bytes,
    onLine(line) {
      const found = /^(remote: )?([A-Z][a-z]+ \w+): +(\d{1,2}|100)% \(\d+\/\d+\)(?:, ([\d.]+) (bytes|[KMG]iB))?/.exec(line)
      const phase = found?.[2] ? PHASES[found[2]] : undefined
      if (!found || !phase) return true
      if (found[1]) {
        const step = `${found[2]} ${found[3]}`
        if (told.has(step)) return line.includes('done.')
        told.add(step)
      } else if (found[4] && found[5]) bytes = Math.round(Number(found[4]) * (UNITS[found[5]] ?? 1))
      context.progress({ phase, percent: Number(found[3]), bytes })
      return line.includes('done.')
    },
  }
}
