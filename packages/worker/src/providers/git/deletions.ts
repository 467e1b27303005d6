// deletions.ts — Asks for leave to delete refs, with what history would be lost with them. Moves no ref.
import { fetchAhead, type GitUpstream } from './fetch.ts'
import { findLoss, type Loss } from './history.ts'
import type { LocalRefs, RemoteRefs } from './refs.ts'

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
      examples: examples.slice(0, 500),
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
