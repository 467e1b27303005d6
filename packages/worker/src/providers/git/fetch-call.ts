// fetch-call.ts — How `git fetch` is called: by the ids of what changed, or by names.
import { isCutShort } from './adopt.ts'
import { callGit, type Route } from './call.ts'
import { looseHead } from '../git-refs/head.ts'
import { changedRefs, isRefName, readLocalRefs, type RemoteRefs } from '../git-refs/refs.ts'
import { refspecsOf, type Selection } from '../git-refs/selection.ts'
import { bytesOf } from '../../names.ts'
import type { Exit, SyncContext } from '../../provider.ts'

/** With more than these changed, refs are fetched by their names. */
const BY_ID_MAX = 1000

/** The upstream of a run. */
export interface GitUpstream {
  /** Its `upstream` is where the upstream was found, and its `auth` only what may be sent there. */
  readonly context: SyncContext
  /** The address that the replica has. */
  readonly configured: string
  /** Whether LFS objects are mirrored too. */
  readonly lfs: boolean
  readonly selection: Selection
  readonly addresses: readonly string[]
  readonly route: Route
  /** Asks for the refs again. */
  look(): Promise<RemoteRefs>
}

/** A fetch. */
export interface Fetch {
  readonly gitDir: string
  /** More flags. */
  readonly more?: readonly string[]
  readonly onLine: (line: string) => boolean
}

/**
 * Fetches what changed. By its ids where the upstream gives objects by them: it need not list its refs once more, and
 * what comes is what was listed. Otherwise by names.
 */
export async function fetchChanged(
  upstream: GitUpstream,
  remote: RemoteRefs,
  { gitDir, more = [], onLine }: Fetch,
): Promise<Exit> {
  const { context, route } = upstream
  const wanted = isCutShort(context, gitDir) ? null : refspecsById(remote, readLocalRefs(gitDir).refs)
  if (wanted?.length === 0) return { code: 0, signal: null, tail: '' }
  if (wanted) {
    const flags = [...FETCH_FLAGS, '--update-shallow', ...more, ...route.flags, '--stdin']
    const stdin = bytesOf(wanted.map((refspec) => `${refspec}\n`).join(''))
    const exit = await callGit(context, [`--git-dir=${gitDir}`, 'fetch', ...flags, '--', route.url], {
      onLine,
      stdin,
      route,
    })
    if (exit.code === 0 || !refusesIds(exit)) return exit
    context.log('the upstream does not give what it listed by its ids: its refs are fetched by their names')
  }
  return callGit(context, fetchCommand(upstream, remote, gitDir, more), { onLine, route })
}

/** The refspecs by which only what changed is fetched; null where it is fetched by names. */
function refspecsById(remote: RemoteRefs, local: ReadonlyMap<string, string>): string[] | null {
  if (remote.byId !== true) return null
  const changed = changedRefs(local, remote.refs)
  if (changed.size > BY_ID_MAX || ![...changed.keys()].every(isRefName)) return null
  const loose = looseHead(remote)
  return [...[...changed].map(([name, id]) => `+${id}:${name}`), ...(loose === null ? [] : [loose])]
}

/**
 * Whether ids are refused: by the upstream, which moved since it listed them or gives nothing by ids, in words of its
 * own; or by a git that does not know them.
 */
const refusesIds = ({ tail }: Exit) =>
  /remote error: |not our ref|unadvertised object|invalid refspec|usage:/i.test(tail)

const FETCH_FLAGS = [
  '--progress',
  '--no-write-fetch-head',
  '--no-auto-maintenance',
  '--no-recurse-submodules',
  '--no-tags',
] as const

/** The arguments of a fetch by names. */
export function fetchCommand(
  { context, selection, route: { url, flags } }: GitUpstream,
  remote: RemoteRefs,
  gitDir: string,
  more: readonly string[] = [],
): string[] {
  // Without it git refuses a branch whose history the upstream itself has cut off.
  const shallow = isCutShort(context, gitDir) ? ['--update-shallow', '--unshallow'] : ['--update-shallow']
  const head = looseHead(remote) === null ? [] : ['HEAD']
  const refspecs = [...refspecsOf(selection), ...head]
  return [`--git-dir=${gitDir}`, 'fetch', ...FETCH_FLAGS, ...shallow, ...more, ...flags, '--', url, ...refspecs]
}
