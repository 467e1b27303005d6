// judge.ts — Whose fault a failure of git is: the copy is judged by a look at the copy, never by the words of git or of
// the upstream.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { callGit } from './call.ts'
import { findFlaw, removeDerived } from './maintenance.ts'
import type { SyncContext, SyncFailure } from '../../provider.ts'

/** `derived`: only what git derives from objects was damaged, and it is gone now. */
export type Verdict = 'whole' | 'derived' | { readonly flaw: string }

/** Failures that say nothing about the copy: nothing was read from it. */
const ELSEWHERE: ReadonlySet<string> = new Set(['disk_full', 'tool_missing', 'auth_rejected', 'address_forbidden'])
/** Failures in which git may have met a damaged byte. */
const DOUBTFUL: ReadonlySet<string> = new Set(['content_invalid', 'unknown'])

/** Looks at a copy that git failed with. */
export async function judgeCopy(context: SyncContext, gitDir: string, failure: SyncFailure): Promise<Verdict> {
  if (ELSEWHERE.has(failure.reason)) return 'whole'
  context.progress({ phase: 'verifying' })
  const flaw = await findFlaw(context, gitDir, { everyByte: DOUBTFUL.has(failure.reason) })
  if (flaw !== null) return { flaw }
  if (await isDerivedWhole(context, gitDir)) return 'whole'
  removeDerived(gitDir)
  context.log('what git derived from the objects of the copy was damaged: it was removed, git makes it anew')
  return 'derived'
}

async function isDerivedWhole(context: SyncContext, gitDir: string): Promise<boolean> {
  const objects = join(gitDir, 'objects')
  const checks: [string, string[]][] = [
    [join(objects, 'info', 'commit-graph'), ['commit-graph', 'verify', '--no-progress']],
    [join(objects, 'info', 'commit-graphs'), ['commit-graph', 'verify', '--no-progress']],
    [join(objects, 'pack', 'multi-pack-index'), ['multi-pack-index', 'verify', '--no-progress']],
  ]
  for (const [file, command] of checks) {
    if (!existsSync(file)) continue
    const exit = await callGit(context, [`--git-dir=${gitDir}`, ...command], { silent: true })
    if (exit.code !== 0) return false
  }
  return true
}
