// trace.ts — Reads the file of the option probe from an rsync upstream: one small request, whatever the tree has.
import { readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { meansItselfToShells, OF_SHELLS, sshUpstreamOf } from '@kagami/protocol'
import type { Trace } from '../../provider.ts'
import { NO_TRACE, TRACE_MAX_BYTES, traceOf } from '../trace.ts'
import { fetchFile } from '../rsync-list/single.ts'
import type { RsyncContext } from './call.ts'

/** What of the options that name a file cannot work with this upstream; null: nothing. */
export function traceProblem(upstream: string, { probe, list }: RsyncContext['options']): string | null {
  if (probe !== '' && list !== '') return 'option "list": it says what changed, so "probe" is not needed: remove that'
  if (sshUpstreamOf(upstream) === null || meansItselfToShells(list || probe)) return null
  return `option "${list === '' ? 'probe' : 'list'}": over ssh it must be a path ${OF_SHELLS}`
}

/** The trace; null when the options name none. Throws SyncFailure when the upstream cannot be asked. */
export async function readTrace(context: RsyncContext): Promise<Trace | null> {
  const { options, tree } = context
  if (options.list !== '') return (await import('../rsync-list/published.ts')).readListTrace(context)
  if (options.probe === '') return null
  const folder = join(tree.staging, 'trace')
  rmSync(folder, { recursive: true, force: true })
  try {
    const file = await fetchFile(context, { path: options.probe, folder, maxBytes: TRACE_MAX_BYTES })
    return file === null ? NO_TRACE : traceOf(readFileSync(file.path), `${statSync(file.path).mtimeMs}`)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
