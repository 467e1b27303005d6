// objects.ts — Checks of the objects that came where git itself checks none: over a plain web server.
import { callGit } from './call.ts'
import { gitFailure } from './errors.ts'
import { ignoredFaults } from './faults.ts'
import type { RemoteRefs } from './refs.ts'
import type { Exit, SyncContext } from '../../provider.ts'

/** Whether objects must be checked after a fetch, because git did not check them as they came. */
export function mustCheck({ options }: SyncContext, { plain }: RemoteRefs): boolean {
  return plain === true && options['fsck'] !== false
}

/** Checks every object of a repository where that must be done. Throws SyncFailure content_invalid. */
export async function checkObjects(context: SyncContext, remote: RemoteRefs, gitDir: string): Promise<void> {
  if (!mustCheck(context, remote)) return
  context.progress({ phase: 'verifying' })
  let { exit, lacksEmptyTree } = await runFsck(context, gitDir)
  if (exit.code !== 0 && lacksEmptyTree) {
    const written = await callGit(context, [`--git-dir=${gitDir}`, 'hash-object', '-t', 'tree', '-w', '--stdin'], {
      stdin: '',
      silent: true,
    })
    if (written.code !== 0) throw gitFailure(written)
    ;({ exit } = await runFsck(context, gitDir))
  }
  if (exit.code !== 0) throw gitFailure(exit)
}

/** git knows the tree without entries by itself, so it does not fetch it; only fsck misses it. */
const EMPTY_TREES: ReadonlySet<string> = new Set([
  'missing tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904',
  'missing tree 6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321',
])

async function runFsck(context: SyncContext, gitDir: string): Promise<{ exit: Exit; lacksEmptyTree: boolean }> {
  const ignored = ignoredFaults('fsck', context.options['fsck_ignore']).flatMap((setting) => ['-c', setting])
  let lacksEmptyTree = false
  const exit = await callGit(
    context,
    [...ignored, `--git-dir=${gitDir}`, 'fsck', '--full', '--strict', '--no-dangling', '--no-progress'],
    { silent: true, onLine: (line) => void (lacksEmptyTree ||= EMPTY_TREES.has(line)) },
  )
  return { exit, lacksEmptyTree }
}
