// restore.ts — Gives readers back what keep.ts kept, in one step; the kept entry stays until it is too old.
import { callGit } from './call.ts'
import { gitFailure } from './errors.ts'
import { detachedHead, fillHead, replaceHead } from '../git-refs/head.ts'
import {
  changeRefs,
  describeKept,
  entriesOf,
  freeStamp,
  idOf,
  nameBelow,
  tipsLost,
  type Entry,
  type RefChanges,
} from './keep.ts'
import { infoRefs, inTheWay, readLocalRefs, type LocalRefs } from '../git-refs/refs.ts'
import { objectBytes, removeLeftovers, writeServerListings } from './repository.ts'
import { lfsBytes } from '../git-lfs/lfs.ts'
import { escapeBytes } from '../../names.ts'
import { SyncFailure, type SyncContext, type SyncStats } from '../../provider.ts'

/** Gives a kept ref back to readers. Throws SyncFailure local_conflict when it is not there, or in the way. */
export async function restoreKept(context: SyncContext, id: string): Promise<SyncStats> {
  const { published } = context.tree
  removeLeftovers(published)
  const seen = readLocalRefs(published)
  const entry = entriesOf(seen.own).find((each) => idOf(each) === id)
  if (!entry)
    throw new SyncFailure(
      'local_conflict',
      `nothing is kept as ${id} (any more), so nothing was changed: \`kagami replicas kept NAME\` lists what is kept`,
    )
  refuseNeighbour(context, seen, entry)
  const fork = await context.tree.fork()
  await matchRefs(context, fork.path, seen)
  const now = entry.ref === 'HEAD' ? detachedHead(fork.path) : (seen.refs.get(entry.ref) ?? null)
  if (now !== null && now !== entry.id) await keepReplaced(context, { gitDir: fork.path, seen, entry, now })
  if (entry.ref === 'HEAD') replaceHead(fork.path, entry.id)
  else await changeOrThrow(context, fork.path, { put: new Map([[entry.ref, entry.id]]) })
  const local = readLocalRefs(fork.path)
  if (entry.ref.startsWith('refs/heads/')) fillHead(fork.path, entry.ref, local.refs)
  writeServerListings(fork.path, infoRefs(local.refs, await peeledTags(context, fork.path)))
  context.progress({ phase: 'publishing' })
  await fork.publish(true)
  return {
    bytes: 0,
    files: local.refs.size,
    sizeBytes: objectBytes(published) + lfsBytes(published),
    revision: await headCommit(context, published),
    kept: describeKept(context, local.own),
    note: `${escapeBytes(entry.ref)} is at ${entry.id.slice(0, 10)} again, until a sync follows the upstream again`,
  }
}

/** `a` cannot be a ref beside `a/b`. */
function refuseNeighbour(context: SyncContext, { refs }: LocalRefs, { ref, id }: Entry): void {
  const [other] = inTheWay([...refs.keys()], new Map([[ref, id]])).filter((name) => name !== ref)
  if (other === undefined) return
  const [one, two] = [ref, other].map(escapeBytes)
  throw new SyncFailure(
    'local_conflict',
    `${one} cannot be given back beside ${two}, which the upstream has now, so nothing was changed: fetch the commit ` +
      `by its id instead, \`git fetch ${context.tree.published} ${id}:refs/heads/NEW-NAME\``,
  )
}

/** Brings an opened copy, in which a run may have been interrupted, to the refs that readers see. */
async function matchRefs(context: SyncContext, gitDir: string, seen: LocalRefs): Promise<void> {
  const { refs, own } = readLocalRefs(gitDir)
  const remove = [...refs.keys()].filter((name) => !seen.refs.has(name))
  const missing = [...own.keys()].filter((name) => !seen.own.has(name))
  const put = new Map([...seen.refs, ...seen.own].filter(([name, id]) => (refs.get(name) ?? own.get(name)) !== id))
  if (remove.length + missing.length > 0) await changeOrThrow(context, gitDir, { remove: [...remove, ...missing] })
  if (put.size > 0) await changeOrThrow(context, gitDir, { put })
}

interface Replacement {
  readonly gitDir: string
  readonly seen: LocalRefs
  readonly entry: Entry
  /** What the ref is at, before the kept is given back. */
  readonly now: string
}

async function keepReplaced(context: SyncContext, { gitDir, seen, entry, now }: Replacement): Promise<void> {
  const others = [...seen.refs].flatMap(([name, id]) => (name === entry.ref ? [] : [id]))
  const [lost] = await tipsLost(context, [{ ref: entry.ref, id: now }], { gitDir, staying: [...others, entry.id] })
  if (!lost) return
  const put = new Map([[nameBelow(freeStamp(seen.own), lost.ref), lost.id]])
  await changeOrThrow(context, gitDir, { put })
  context.log(`${escapeBytes(lost.ref)} was at ${lost.id}: that is kept too`)
}

async function peeledTags(context: SyncContext, gitDir: string): Promise<Map<string, string>> {
  const peeled = new Map<string, string>()
  const onLine = (line: string, stream: string) => {
    const [id, name] = [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1)]
    if (stream === 'stdout' && id !== '') peeled.set(name, id)
    return stream !== 'stdout'
  }
  const command = [`--git-dir=${gitDir}`, 'for-each-ref', '--format=%(*objectname) %(refname)']
  const exit = await callGit(context, command, { exact: true, silent: true, onLine })
  if (exit.code !== 0) throw gitFailure(exit)
  return peeled
}

async function headCommit(context: SyncContext, gitDir: string): Promise<string | null> {
  let commit: string | null = null
  const onLine = (line: string, stream: string) => {
    if (stream === 'stdout') commit = line
    return false
  }
  await callGit(context, [`--git-dir=${gitDir}`, 'rev-parse', '--verify', '-q', 'HEAD'], { silent: true, onLine })
  return commit
}

async function changeOrThrow(context: SyncContext, gitDir: string, changes: RefChanges): Promise<void> {
  const exit = await changeRefs(context, gitDir, changes)
  if (exit.code !== 0) throw gitFailure(exit)
}
