// trial.ts — Asks a git upstream for its refs, as a sync does first, and fetches nothing.
import { routeOf } from './call.ts'
import { readUpstream } from './fetch.ts'
import { blameMove, reachUpstream } from './moved.ts'
import type { RemoteRefs } from '../git-refs/refs.ts'
import { selectionOf } from '../git-refs/selection.ts'
import type { TrialContext } from '../../provider.ts'

/** Lists the refs that the options select, in one step. Throws SyncFailure as a sync would. */
export async function tryUpstream(
  context: TrialContext<{ readonly refs: readonly string[]; readonly [option: string]: unknown }>,
): Promise<void> {
  await context.step(
    'answer',
    async () => {
      const { listed, addresses, ...found } = await reachUpstream(context)
      const route = await routeOf(found.context, addresses)
      const selection = selectionOf(context.options.refs)
      const question = { context: found.context, selection, addresses, route }
      return readUpstream(question, listed).catch(blameMove(context, found.context))
    },
    describeRefs,
  )
}

function describeRefs({ refs, head }: RemoteRefs): string {
  const names = [...refs.keys()]
  const countBelow = (folder: string) => names.filter((name) => name.startsWith(folder)).length
  const counted = `${countBelow('refs/heads/')} branches, ${countBelow('refs/tags/')} tags`
  const branch = head === null ? 'no default branch' : `default branch ${head.replace(/^refs\/heads\//, '')}`
  return refs.size === 0 ? 'a repository without refs: it is empty' : `${refs.size} refs: ${counted}; ${branch}`
}
