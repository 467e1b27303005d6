// names.ts — What replicas, workers and upstreams may be called. The only place these rules are written.
import Type from 'typebox'

/** A replica's name is also its directory: letters, digits, `.`, `_`, `-`; at most 128 characters. */
export const REPLICA_NAME_PATTERN = '^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$'

/** One NATS subject token, so that no worker can name itself into another's subjects. */
export const WORKER_ID_PATTERN = '^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$'

/** Seconds. 0 means: only when asked. */
export const INTERVAL_MAX_SECONDS = 2_592_000

/** Seconds. The seed set no lower bound, so neither do we; the UI warns below a minute. */
export const INTERVAL_MIN_SECONDS = 1

const RESERVED = new Set(
  (
    'current releases lost+found con prn aux nul com1 com2 com3 com4 com5 com6 com7 com8 com9 lpt1 lpt2 lpt3 ' +
    'lpt4 lpt5 lpt6 lpt7 lpt8 lpt9'
  ).split(' '),
)

export const ReplicaName = Type.String({
  pattern: REPLICA_NAME_PATTERN,
  description: 'Name of the replica and of its directory',
})
export const WorkerId = Type.String({ pattern: WORKER_ID_PATTERN, description: 'Stable id of a worker' })
export const Instance = Type.String({
  minLength: 1,
  maxLength: 64,
  description: 'Id of one process, made at each start: distinguishes two processes with the same worker id',
})
export const ReplicaId = Type.String({ minLength: 1, maxLength: 128, description: 'Stable id of a replica' })
export const Kind = Type.String({
  pattern: '^[a-z][a-z0-9-]{0,31}$',
  description: 'How the upstream is synced: git, rsync, http',
})

/** Says in one sentence why `name` cannot name a replica, or returns null when it can. */
export function replicaNameProblem(name: string): string | null {
  if (!new RegExp(REPLICA_NAME_PATTERN).test(name))
    return 'use letters, digits, ".", "_" and "-", beginning with a letter or digit, at most 128 characters'
  if (name.includes('..')) return 'must not contain ".."'
  if (name.toLowerCase().endsWith('.lock')) return 'must not end in ".lock", which git uses for its own files'
  if (RESERVED.has(name.toLowerCase())) return `"${name}" is a reserved word`
  return null
}

/** Two names that would share a directory on a filesystem that ignores case have the same key. */
export function replicaNameKey(name: string): string {
  return name.toLowerCase()
}

/** Says why an interval (seconds) cannot be kept, or returns null when it can. */
export function intervalProblem(seconds: number | null | undefined): string | null {
  if (seconds === null || seconds === undefined || seconds === 0) return null
  if (!Number.isInteger(seconds)) return 'must be a whole number of seconds'
  if (seconds < INTERVAL_MIN_SECONDS || seconds > INTERVAL_MAX_SECONDS) {
    return `must be 0 (manual only) or ${INTERVAL_MIN_SECONDS} to ${INTERVAL_MAX_SECONDS} seconds`
  }
  return null
}

const SCHEMES: Record<string, readonly string[]> = {
  git: ['https:', 'http:', 'git:'],
  rsync: ['rsync:'],
  http: ['https:', 'http:'],
}

/** Kinds that can mirror a folder of the worker's own machine, named by file://, where its worker.toml allows it. */
export const LOCAL_KINDS: readonly string[] = ['git', 'rsync']

/**
 * Says why `upstream` cannot be synced as `kind`, or returns null when it can. Kinds it does not know are left to their
 * provider. `roots`: folders of the worker below which file:// upstreams are allowed, absolute paths.
 */
export function upstreamProblem(kind: string, upstream: string, roots: readonly string[] = []): string | null {
  if (upstream.length === 0) return 'must not be empty'
  if (upstream.length > 2048) return 'must not be longer than 2048 characters'
  // A control character or space in an argument or a log line is never meant.
  if (/[\u0000-\u0020\u007f]/.test(upstream)) return 'must not contain spaces or control characters'
  const schemes = SCHEMES[kind]
  if (!schemes) return null
  const url = URL.parse(upstream)
  if (url?.protocol === 'file:' && LOCAL_KINDS.includes(kind)) return localProblem(upstream, roots)
  if (!url || !schemes.includes(url.protocol) || !upstream.includes('://')) {
    return `must be a URL that begins with ${schemes.map((scheme) => `${scheme}//`).join(' or ')}`
  }
  // Tools and URL parsers do not agree on these, and what was checked must be what is asked.
  if (upstream.includes('\\')) return 'must not contain a backslash'
  if (url.hostname === '' || url.hostname.startsWith('-') || /^[^/]*:\/\/\//.test(upstream)) return 'must name a host'
  if (url.username !== '' && kind !== 'rsync') return 'must not contain a user name or password: give them as "auth"'
  if (url.password !== '') return 'must not contain a password: give it as "auth"'
  if (kind === 'rsync' && url.pathname.replaceAll('/', '') === '') return 'must name a module: rsync://host/module/'
  return null
}

/** The absolute path a file:// upstream names, without a slash at its end; null when it names none, or not plainly. */
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
  if (roots.length === 0)
    return 'must not be a folder of the worker itself: its worker.toml allows none (upstream_roots)'
  const path = localPathOf(upstream)
  if (path === null)
    return 'must name a folder plainly: file:///srv/folder, without "..", query and host; "%20" is a space'
  if (!roots.some((root) => isBelow(path, root)))
    return `must lie below a folder the worker allows: ${roots.join(', ')}`
  return null
}

/** Whether an absolute path is a folder or lies in it; neither has a slash at its end. */
export function isBelow(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder === '/' ? folder : `${folder}/`)
}
