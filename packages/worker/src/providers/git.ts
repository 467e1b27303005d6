// git.ts — Mirrors a git repository, bare and whole: every ref, deletions too. How git is called is here; what it says is read in git-errors.ts.
import Type from 'typebox'
import { gitFailure } from './git-errors.ts'
import { collectLine, createRefCollector, readLocalRefs, sameRefs, type RemoteRefs } from './git-refs.ts'
import { isRepository, objectBytes, removeLeftovers, writeConfig, writeHead, writeServerListings } from './git-repository.ts'
import { listRefs } from './git-wire.ts'
import { SyncFailure, type Exit, type Provider, type SyncContext, type SyncStats } from './provider.ts'

const MAX_LOOSE_REFS = 2000

const options = Type.Object(
  {
    fsck: Type.Boolean({ default: true, description: 'Check every object that arrives. Turn off only for an old repository that git itself finds fault with' }),
  },
  { additionalProperties: false },
)

/** The kind `git`: http, https and git:// upstreams, kept as `git clone --mirror` would. */
export const git: Provider = {
  kind: 'git',
  options,
  async probe(run) {
    let detail = ''
    try {
      const exit = await run('git', ['--version'], { onLine: (line) => void (detail ||= line) })
      return { available: exit.code === 0, detail: detail || 'git does not start' }
    } catch (error) {
      return { available: false, detail: (error as Error).message }
    }
  },
  async sync(context) {
    context.progress({ phase: 'connecting' })
    const exists = await context.tree.exists()
    const remote = await readUpstream(context)
    return exists ? update(context, remote) : create(context, remote)
  },
}

async function readUpstream(context: SyncContext): Promise<RemoteRefs> {
  const { upstream, auth, signal } = context
  const [user, password] = credentials(auth)
  const authorization = password === null ? null : `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
  const refs = await listRefs({ upstream, authorization, signal })
  if (refs) return refs
  const collector = createRefCollector()
  const onLine = (line: string, stream: string) => !(stream === 'stdout' && collectLine(collector, line))
  const exit = await callGit(context, ['ls-remote', '--symref', '--', upstream], onLine)
  if (exit.code !== 0) throw gitFailure(exit)
  return collector.done()
}

async function create(context: SyncContext, remote: RemoteRefs): Promise<SyncStats> {
  const { tree, upstream } = context
  const progress = createProgressReader(context)
  // A half clone cannot be continued; nothing of it has been published.
  await tree.discard()
  const command = remote.refs.size === 0 ? ['init', '--bare', '--template=', '--', tree.staging] : ['clone', '--mirror', '--template=', '--progress', '--', upstream, tree.staging]
  const exit = await callGit(context, command, progress.onLine)
  if (exit.code !== 0) throw gitFailure(exit)
  settle(tree.staging, context, remote)
  context.progress({ phase: 'publishing' })
  const stats = statsOf(tree.staging, remote, progress.bytes())
  // git does not tell the size of what arrives in one piece.
  const bytes = stats.bytes ?? stats.sizeBytes
  await tree.publish()
  return { ...stats, bytes }
}

async function update(context: SyncContext, remote: RemoteRefs): Promise<SyncStats> {
  const { published } = context.tree
  if (!isRepository(published)) {
    throw new SyncFailure('local_conflict', `${published} is not a git repository (any more): move it away and it is fetched anew`)
  }
  removeLeftovers(published)
  const local = readLocalRefs(published)
  if (remote.refs.size === 0 && local.refs.size > 0) {
    throw new SyncFailure('upstream_empty', `the upstream has no refs, the copy has ${local.refs.size}; nothing was deleted`)
  }
  writeConfig(published, context.upstream, idLength(remote))
  if (sameRefs(local.refs, remote.refs)) {
    writeHead(published, remote)
    return statsOf(published, remote, 0)
  }
  const progress = createProgressReader(context)
  const exit = await callGit(context, fetchCommand(context), progress.onLine)
  if (exit.code !== 0) throw gitFailure(exit)
  settle(published, context, remote)
  if (readLocalRefs(published).loose > MAX_LOOSE_REFS) await callGit(context, [`--git-dir=${published}`, 'pack-refs', '--all'])
  return statsOf(published, remote, progress.bytes())
}

function fetchCommand({ tree, upstream }: SyncContext): string[] {
  const quiet = ['--prune', '--progress', '--no-write-fetch-head', '--no-auto-maintenance', '--no-recurse-submodules']
  return [`--git-dir=${tree.published}`, 'fetch', ...quiet, '--', upstream, '+refs/*:refs/*']
}

/** Brings the repository's own files in order after objects and refs have arrived, and refuses an empty result. */
function settle(gitDir: string, context: SyncContext, remote: RemoteRefs): void {
  writeConfig(gitDir, context.upstream, idLength(remote))
  const { refs } = readLocalRefs(gitDir)
  if (refs.size === 0 && remote.refs.size > 0) throw new SyncFailure('content_invalid', 'git reported success, but the copy has no refs')
  if (!sameRefs(refs, remote.refs)) context.log('the upstream moved while it was fetched')
  writeHead(gitDir, remote)
  writeServerListings(gitDir, refs, remote.peeled)
}

function idLength(remote: RemoteRefs): number {
  return remote.headId?.length ?? remote.refs.values().next().value?.length ?? 40
}

function statsOf(gitDir: string, remote: RemoteRefs, bytes: number | null): SyncStats {
  const revision = remote.headId ?? (remote.head ? (remote.refs.get(remote.head) ?? null) : null)
  return { bytes, files: remote.refs.size, sizeBytes: objectBytes(gitDir), revision }
}

function credentials(auth: SyncContext['auth']): [string, string | null] {
  if (!auth) return ['', null]
  // Forges take any user name beside a token.
  return auth.type === 'basic' ? [auth.username, auth.password] : ['oauth2', auth.token]
}

function callGit(context: SyncContext, command: readonly string[], onLine?: (line: string, stream: string) => boolean | void): Promise<Exit> {
  const [user, password] = credentials(context.auth)
  const env = {
    GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null', GIT_TERMINAL_PROMPT: '0', GIT_ASKPASS: '', GIT_ALLOW_PROTOCOL: 'https:http:git',
    ...(password === null ? {} : { KAGAMI_USERNAME: user, KAGAMI_PASSWORD: password }),
  }
  return context.run('git', [...settings(context, password !== null).flatMap((setting) => ['-c', setting]), ...command], { env, onLine })
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
function createProgressReader(context: SyncContext): { onLine: (line: string) => boolean; bytes: () => number | null } {
  let bytes: number | null = null
  return {
    bytes: () => bytes,
    onLine(line) {
      const found = /^(?:remote: )?([A-Z][a-z]+ \w+): +(\d+)% \((\d+)\/\d+\)(?:, ([\d.]+) (bytes|[KMG]iB))?/.exec(line)
      const phase = found?.[1] ? PHASES[found[1]] : undefined
      if (!found || !phase) return true
      if (found[4] && found[5]) bytes = Math.round(Number(found[4]) * (UNITS[found[5]] ?? 1))
      context.progress({ phase, percent: Number(found[2]), bytes })
      return line.includes('done.')
    },
  }
}
