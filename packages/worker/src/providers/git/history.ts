// history.ts — What the loss of refs would mean: how many commits no other ref would reach. Changes nothing.
import { callGit } from './call.ts'
import { gitFailure } from './errors.ts'
import type { SyncContext } from '../../provider.ts'

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

/** Counts the commits that only the refs that go reach. */
export async function findLoss(context: SyncContext, { gitDir, gone, staying }: LossQuestion): Promise<Loss> {
  const commits = await commitsOf(context, gitDir, gone)
  if (commits.size === 0) return { commits: 0, of: 0, names: [] }
  const tips = new Set(commits.values())
  const lost = new Set<string>()
  let count = 0
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
  if (count === 0) return { commits: 0, of: 0, names: [] }
  const names = [...commits].filter(([, id]) => lost.has(id)).map(([name]) => name)
  return { commits: count, of: await countCommits(context, gitDir), names }
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
  const exit = await callGit(context, [`--git-dir=${gitDir}`, 'rev-list', '--count', '--all'], { silent: true, onLine })
  if (exit.code !== 0) throw gitFailure(exit)
  return count
}
