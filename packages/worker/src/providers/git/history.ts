// history.ts — What the loss of refs would mean: how many commits no other ref would reach. Asks for leave to delete
// refs, and moves none.
import { callGit } from './call.ts'
import { gitFailure } from './errors.ts'
import { fetchAhead } from './fetch.ts'
import type { GitUpstream } from './fetch-call.ts'
import type { LocalRefs, RemoteRefs } from '../git-refs/refs.ts'
import { OWN_REFS } from '../git-refs/selection.ts'
import { SyncFailure, type SyncContext } from '../../provider.ts'

/** How many names of deleted refs a plan has. */
export const EXAMPLES_MAX = 500

/** What would be lost with refs. */
export interface Loss {
  /** Commits that nothing would reach any more, of all that are reached now. */
  readonly commits: number
  readonly of: number
  /** Those of the refs that lose commits. */
  readonly names: readonly string[]
}

export interface LossQuestion {
  readonly gitDir: string
  /** The refs that go: name → id. */
  readonly gone: ReadonlyMap<string, string>
  /** Ids that stay or come; those that are not in the repository reach nothing. */
  readonly staying: Iterable<string>
}

export interface Deletion {
  readonly local: LocalRefs
  readonly gone: readonly string[]
  /** Whether the history of the copy cannot be asked, or says nothing: then each ref counts as a loss. */
  readonly unasked: boolean
}

/** Asks for leave to delete refs. What counts is history: commits that no ref would reach any more. */
export async function askToDelete(
  upstream: GitUpstream,
  remote: RemoteRefs,
  { local, gone, unasked }: Deletion,
): Promise<void> {
  const { context } = upstream
  const allow = (loss: Loss | null) => {
    const examples = loss ? [...loss.names, ...gone.filter((name) => !loss.names.includes(name))] : gone
    context.allow({
      removed: gone.length,
      total: local.refs.size,
      examples: examples.slice(0, EXAMPLES_MAX),
      incomingBytes: null,
      sizeBeforeBytes: null,
      sizeAfterBytes: remote.refs.size === 0 ? 0 : null,
      ...(loss ? { history: { lost: loss.commits, of: loss.of, refs: loss.names.length } } : {}),
    })
  }
  if (gone.length === 0 || remote.refs.size === 0 || unasked) return allow(null)
  const question = { gone: new Map(gone.map((name) => [name, local.refs.get(name)!])), staying: remote.refs.values() }
  const loss = await findLoss(context, { ...question, gitDir: context.tree.published })
  const here = new Set(local.refs.values())
  const coming = [...remote.refs.values()].some((id) => !here.has(id))
  if (loss.commits === 0 || !coming) return allow(loss)
  // What comes may contain what goes, as after a merge: it is fetched, no ref moves, and history is asked again.
  const { path } = await context.tree.fork()
  const { exit } = await fetchAhead(upstream, remote, {
    gitDir: path,
    async fetchMore() {
      allow(await findLoss(context, { ...question, staying: remote.refs.values(), gitDir: path }))
      return 0
    },
  })
  // The fetch that follows says what is wrong; until then the first answer counts.
  if (exit.code !== 0) allow(loss)
}

/** Counts the commits that only the refs that go reach. */
export async function findLoss(context: SyncContext, { gitDir, gone, staying }: LossQuestion): Promise<Loss> {
  const commits = await commitsOf(context, gitDir, gone)
  const { count, tips } = await countLost(context, { gitDir, commits, staying })
  if (count === 0) return { commits: 0, of: 0, names: [] }
  const names = [...commits].filter(([, id]) => tips.has(id)).map(([name]) => name)
  return { commits: count, of: await countCommits(context, gitDir), names }
}

/**
 * Those of the refs that go whose object nothing would reach any more: a commit, a tag, or anything else. All of them
 * when git cannot say, because the copy is damaged.
 */
export async function findLost(context: SyncContext, { gitDir, gone, staying }: LossQuestion): Promise<string[]> {
  try {
    const commits = await commitsOf(context, gitDir, gone)
    const kept = new Set(staying)
    const { tips } = await countLost(context, { gitDir, commits, staying: kept })
    return [...gone].flatMap(([name, id]) => ((id === commits.get(name) ? tips.has(id) : !kept.has(id)) ? [name] : []))
  } catch (error) {
    if (!(error instanceof SyncFailure) || error.exitCode === null) throw error
    return [...gone.keys()]
  }
}

interface LostQuestion extends Pick<LossQuestion, 'gitDir' | 'staying'> {
  readonly commits: ReadonlyMap<string, string>
}

/** How many commits nothing would reach any more, and which of them are tips of the refs that go. */
async function countLost(
  context: SyncContext,
  { gitDir, commits, staying }: LostQuestion,
): Promise<{ count: number; tips: ReadonlySet<string> }> {
  const tips = new Set(commits.values())
  const lost = new Set<string>()
  let count = 0
  if (tips.size === 0) return { count, tips: lost }
  const onLine = (line: string, stream: string) => {
    if (stream !== 'stdout') return true
    count++
    if (tips.has(line)) lost.add(line)
    return false
  }
  const stdin = [...tips, ...[...new Set(staying)].map((id) => `^${id}`), ''].join('\n')
  const exit = await callGit(context, [`--git-dir=${gitDir}`, 'rev-list', '--ignore-missing', '--stdin'], {
    stdin,
    silent: true,
    onLine,
  })
  if (exit.code !== 0) throw gitFailure(exit)
  return { count, tips: lost }
}

/** The commits that refs point at, through tags; a ref that points at something else has none. */
async function commitsOf(
  context: SyncContext,
  gitDir: string,
  refs: ReadonlyMap<string, string>,
): Promise<Map<string, string>> {
  const commits = new Map<string, string>()
  const names = [...refs.keys()]
  let at = 0
  const exit = await callGit(context, [`--git-dir=${gitDir}`, 'cat-file', '--batch-check=%(objectname)'], {
    stdin: [...refs.values()].map((id) => `${id}^{commit}\n`).join(''),
    silent: true,
    onLine(line, stream) {
      if (stream !== 'stdout') return true
      const name = names[at++]
      if (name !== undefined && /^[0-9a-f]+$/.test(line)) commits.set(name, line)
      return false
    },
  })
  if (exit.code !== 0) throw gitFailure(exit)
  return commits
}

async function countCommits(context: SyncContext, gitDir: string): Promise<number> {
  let count = 0
  const onLine = (line: string, stream: string) => {
    if (stream === 'stdout') count = Number(line)
    return stream !== 'stdout'
  }
  const command = [`--git-dir=${gitDir}`, 'rev-list', '--count', `--exclude=${OWN_REFS}/*`, '--all']
  const exit = await callGit(context, command, { silent: true, onLine })
  if (exit.code !== 0) throw gitFailure(exit)
  return count
}
