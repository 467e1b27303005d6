// names.ts — The rules for names of replicas, ids of workers, intervals and upstreams.
import Type from 'typebox'

/** A replica's name is also its directory: letters, digits, `.`, `_`, `-`; at most 128 characters. */
export const REPLICA_NAME_PATTERN = '^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$'

/** A worker id is one token of a NATS subject, so that it cannot match the subjects of other workers. */
export const WORKER_ID_PATTERN = '^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$'

/** The name of a proxy that worker.toml lists. */
export const PROXY_NAME_PATTERN = '^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$'

/** Seconds. An interval of 0 means: only on request. */
export const INTERVAL_MAX_SECONDS = 2_592_000

/** Seconds. The UI warns below a minute. */
export const INTERVAL_MIN_SECONDS = 1

const RESERVED = new Set(
  (
    'current releases lost+found con prn aux nul ' +
    'com1 com2 com3 com4 com5 com6 com7 com8 com9 lpt1 lpt2 lpt3 lpt4 lpt5 lpt6 lpt7 lpt8 lpt9'
  ).split(' '),
)

/** The name of a replica. */
export const ReplicaName = Type.String({
  pattern: REPLICA_NAME_PATTERN,
  description: 'Name of the replica and of its directory',
})

/** The id of a worker. */
export const WorkerId = Type.String({ pattern: WORKER_ID_PATTERN, description: 'Stable id of a worker' })

/** The id of one process of a worker. */
export const Instance = Type.String({
  minLength: 1,
  maxLength: 64,
  description: 'Id of one process, made at each start: distinguishes two processes with the same worker id',
})

/** The id of a replica. */
export const ReplicaId = Type.String({ minLength: 1, maxLength: 128, description: 'Stable id of a replica' })

/** A kind of upstream. Workers announce the kinds they can sync. */
export const Kind = Type.String({
  pattern: '^[a-z][a-z0-9-]{0,31}$',
  description: 'How the upstream is synced: a kind that workers announce, such as git, rsync or http',
})

/** Why a replica cannot have this name, as one sentence; null when it can. */
export function replicaNameProblem(name: string): string | null {
  if (!new RegExp(REPLICA_NAME_PATTERN).test(name))
    return 'use letters, digits, ".", "_" and "-", beginning with a letter or digit, at most 128 characters'
  if (name.includes('..')) return 'must not contain ".."'
  if (name.toLowerCase().endsWith('.lock')) return 'must not end in ".lock", which git uses for its own files'
  if (RESERVED.has(name.toLowerCase())) return `"${name}" is a reserved word`
  return null
}

/** Names with the same key share a directory on a filesystem that ignores case. */
export function replicaNameKey(name: string): string {
  return name.toLowerCase()
}

/** Why an interval (seconds) is not allowed; null when it is. */
export function intervalProblem(seconds: number | null | undefined): string | null {
  if (seconds === null || seconds === undefined || seconds === 0) return null
  if (!Number.isInteger(seconds)) return 'must be a whole number of seconds'
  if (seconds < INTERVAL_MIN_SECONDS || seconds > INTERVAL_MAX_SECONDS) {
    return `must be 0 (manual only) or ${INTERVAL_MIN_SECONDS} to ${INTERVAL_MAX_SECONDS} seconds`
  }
  return null
}

/** Schemes of upstreams that are URLs, by kind. A kind without an entry checks its upstreams itself. */
const SCHEMES: Readonly<Record<string, readonly string[]>> = {
  git: ['https:', 'http:', 'git:', 'ssh:'],
  rsync: ['rsync:', 'ssh:'],
  http: ['https:', 'http:'],
  command: ['https:', 'http:', 'rsync:', 'git:', 'ftp:', 'ftps:'],
}

/** Kinds whose upstreams may be reached over ssh. */
const SSH_KINDS: readonly string[] = ['git', 'rsync']

const SSH_USER = '[A-Za-z0-9_][A-Za-z0-9._-]{0,63}'
const SSH_HOST = '[A-Za-z0-9](?:[A-Za-z0-9._-]{0,252})'
const SSH_URL = new RegExp(`^ssh://(${SSH_USER})@(${SSH_HOST}|\\[[0-9A-Fa-f:.]{2,45}\\])(?::(\\d{1,5}))?(/[^/].*)$`)
const SSH_SHORT = new RegExp(`^(${SSH_USER})@(${SSH_HOST}):([^:-].*)$`)

/** Kinds that can mirror a folder of the worker itself, by a file:// URL, where its worker.toml allows it. */
export const LOCAL_KINDS: readonly string[] = ['git', 'rsync']

/**
 * Why `upstream` is not allowed for a kind; null when it is. Unknown kinds are checked by their provider. `roots`:
 * absolute paths of the folders of the worker below which file:// upstreams are allowed.
 */
export function upstreamProblem(kind: string, upstream: string, roots: readonly string[] = []): string | null {
  if (upstream.length === 0) return 'must not be empty'
  if (upstream.length > 2048) return 'must not be longer than 2048 characters'
  // Control characters and spaces are never intended in an argument or a log line.
  if (/[\u0000-\u0020\u007f]/.test(upstream)) return 'must not contain spaces or control characters'
  const schemes = SCHEMES[kind]
  if (!schemes) return null
  const url = URL.parse(upstream)
  if (SSH_KINDS.includes(kind) && (url?.protocol === 'ssh:' || SSH_SHORT.test(upstream)))
    return sshProblem(kind, upstream)
  if (url?.protocol === 'file:' && LOCAL_KINDS.includes(kind)) return localProblem(upstream, roots)
  if (!url || !schemes.includes(url.protocol) || !upstream.includes('://')) {
    return `must be a URL that begins with ${schemes.map((scheme) => `${scheme}//`).join(' or ')}`
  }
  // Programs and URL parsers read these differently, and what is checked must be what is used.
  if (upstream.includes('\\')) return 'must not contain a backslash'
  if (url.hostname === '' || url.hostname.startsWith('-') || /^[^/]*:\/\/\//.test(upstream)) return 'must name a host'
  if (url.username !== '' && kind !== 'rsync') return 'must not contain a user name or password: give them as "auth"'
  if (url.password !== '') return 'must not contain a password: give it as "auth"'
  // Scripts that are given it do not always quote.
  if (kind === 'command' && !meansItselfToShells(upstream)) return `must be ${OF_SHELLS}`
  if (kind === 'rsync' && url.pathname.replaceAll('/', '') === '') return 'must name a module: rsync://host/module/'
  return null
}

/** An upstream that is reached over ssh, in parts. */
export interface SshUpstream {
  readonly user: string
  /** Without brackets. */
  readonly host: string
  readonly port: number
  /** Decoded. */
  readonly path: string
}

/**
 * The parts of ssh://user@host[:port]/path, or of user@host:path, whose path is relative to the home of the user; null
 * for anything else.
 */
export function sshUpstreamOf(upstream: string): SshUpstream | null {
  const [, user, host, port = '22', written] = SSH_URL.exec(upstream) ?? []
  const [, shortUser, shortHost, shortPath] = SSH_SHORT.exec(upstream) ?? []
  if (shortUser !== undefined && shortHost !== undefined && shortPath !== undefined)
    return { user: shortUser, host: shortHost, port: 22, path: shortPath }
  if (user === undefined || host === undefined || written === undefined) return null
  const number = Number(port)
  const path = decodePath(written)
  if (path === null || number < 1 || number > 65_535) return null
  return { user, host: host.replace(/^\[|\]$/g, ''), port: number, path }
}

function decodePath(written: string): string | null {
  try {
    const path = decodeURIComponent(written)
    return /[\u0000-\u001f\u007f]/.test(path) ? null : path
  } catch {
    return null
  }
}

/** What a path has that rsync is given over ssh. */
export const OF_SHELLS = 'of letters, digits and /._~+,=@%:- only, which means the same to every shell'

/**
 * Whether a path is only itself to every shell: rsync before 3.2.4 gives it as it is to one of the upstream, and every
 * rsync lets that look for wildcards.
 */
export function meansItselfToShells(path: string): boolean {
  return !/[^\w/.~+,=@%:\u0080-\uffff-]/.test(path)
}

function sshProblem(kind: string, upstream: string): string | null {
  if (upstream.includes('\\')) return 'must not contain a backslash'
  if (/^ssh:\/\/[^/@]*:[^/@]*@/.test(upstream)) return 'must not contain a password: ssh takes a key'
  const parts = sshUpstreamOf(upstream)
  if (kind === 'rsync' && parts !== null && !meansItselfToShells(parts.path)) return `must have a path ${OF_SHELLS}`
  if (parts !== null) return null
  return 'must be of the form ssh://user@host/path or ssh://user@host:port/path; the user is always named'
}

const PORTS: Readonly<Record<string, number>> = {
  'http:': 80,
  'https:': 443,
  'git:': 9418,
  'rsync:': 873,
  'ftp:': 21,
  'ftps:': 990,
}

/** The host and port at which an upstream is asked, without brackets; null: it names none that are known. */
export function endpointOf(upstream: string): { protocol: string; hostname: string; port: number } | null {
  const ssh = sshUpstreamOf(upstream)
  if (ssh !== null) return { protocol: 'ssh:', hostname: ssh.host, port: ssh.port }
  const url = URL.parse(upstream)
  const port = Number(url?.port || PORTS[url?.protocol ?? ''])
  if (url === null || url.hostname === '' || Number.isNaN(port)) return null
  return { protocol: url.protocol, hostname: url.hostname.replace(/^\[|\]$/g, ''), port }
}

/** The host of an upstream as people see it, with a port that is written; without one the upstream itself. */
export function hostOf(upstream: string): string {
  const [, host] =
    /^[a-z][a-z0-9+.-]*:\/\/(?:[^/?#@]*@)?([^/?#]+)/i.exec(upstream) ?? /^[^@/:]+@([^/:]+):/.exec(upstream) ?? []
  return host === undefined ? upstream : host.toLowerCase()
}

/** The absolute path in a file:// upstream, without a slash at its end; null when there is none, or it is unclear. */
export function localPathOf(upstream: string): string | null {
  const [, written] = /^file:\/\/(\/[^?#]+)$/.exec(upstream) ?? []
  if (written === undefined) return null
  try {
    const path = decodeURIComponent(written).replace(/\/$/, '')
    return /[\u0000-\u001f\u007f\\]|\/\/|\/\.{1,2}(\/|$)/.test(path) || path === '' ? null : path
  } catch {
    return null
  }
}

function localProblem(upstream: string, roots: readonly string[]): string | null {
  if (roots.length === 0) return 'must not be a folder of the worker: its worker.toml allows none (upstream_roots)'
  const path = localPathOf(upstream)
  if (path === null) return 'must be of the form file:///srv/folder, without "..", query and host; "%20" is a space'
  if (!roots.some((root) => isBelow(path, root)))
    return `must be below a folder that the worker allows: ${roots.join(', ')}`
  return null
}

/** Whether an absolute path is the folder or lies in it. Neither may end in a slash. */
export function isBelow(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder === '/' ? folder : `${folder}/`)
}
