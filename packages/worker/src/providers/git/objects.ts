// objects.ts — Checks of the objects that came where git itself checks none: over a plain web server.
import { callGit } from './call.ts'
import { gitFailure } from './errors.ts'
import { ignoredFaults } from './faults.ts'
import type { RemoteRefs } from './refs.ts'
import type { SyncContext } from '../../provider.ts'

/** Whether objects must be checked after a fetch, because git did not check them as they came. */
export function mustCheck({ options }: SyncContext, { plain }: RemoteRefs): boolean {
  return plain === true && options['fsck'] !== false
}

/** Checks every object of a repository where that must be done. Throws SyncFailure content_invalid. */
export async function checkObjects(context: SyncContext, remote: RemoteRefs, gitDir: string): Promise<void> {
  if (!mustCheck(context, remote)) return
  context.progress({ phase: 'verifying' })
  const ignored = ignoredFaults('fsck', context.options['fsck_ignore']).flatMap((setting) => ['-c', setting])
  const exit = await callGit(
    context,
    [...ignored, `--git-dir=${gitDir}`, 'fsck', '--full', '--strict', '--no-dangling', '--no-progress'],
    { silent: true },
  )
  if (exit.code !== 0) throw gitFailure(exit)
}
