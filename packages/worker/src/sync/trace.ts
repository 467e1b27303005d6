// trace.ts — Whether an upstream is as the last whole sync found it, by its trace (option probe): then nothing else of
// it is looked at.
import { createHash } from 'node:crypto'
import type { Provider, SyncContext, SyncStats } from '../provider.ts'
import type { KnownTrace } from '../tree/marker.ts'
import type { OwnedTree } from '../tree/tree.ts'
import type { Run } from './job.ts'

/** However often the trace says that nothing changed, everything is looked at once in this time, ms. */
const BELIEVED_MS = 24 * 3600 * 1000

/** What the trace of an upstream makes of a run. */
export interface TraceCheck {
  /** What the run found out, when the upstream has not changed; null: everything has to be looked at. */
  readonly unchanged: SyncStats | null
  /** One line for the report. */
  readonly note: string | null
  /** Whether the copy is as the earlier trace says, of which the provider knows what changed since. */
  readonly follows: boolean
  /** Called after a success with what was found out: remembers the trace when the copy has all of the upstream. */
  settle(stats: SyncStats | null): void
}

const UNTRACED: TraceCheck = { unchanged: null, note: null, follows: false, settle: () => {} }

/** Reads the trace, where there is one and a copy. Throws SyncFailure when the upstream cannot be asked. */
export async function checkTrace(
  run: Run,
  { tree, provider, context }: { tree: OwnedTree; provider: Provider; context: SyncContext },
): Promise<TraceCheck> {
  const { job, log, leftOut } = run
  if (!provider.readTrace || job.task?.type === 'restore') return UNTRACED
  const at = run.deps.now()
  const trace = (await tree.exists()) ? await provider.readTrace(context) : null
  if (trace === null) {
    tree.saveTrace(null)
    return UNTRACED
  }
  const before = tree.trace()
  if (trace.sign === null) {
    tree.saveTrace(null)
    const note = `the upstream has no file as the option ${trace.option} names it: everything was looked at`
    return { ...UNTRACED, note }
  }
  const digest = digestOf(run, trace.sign)
  if (before?.digest === digest && isBelieved(run, context, before)) {
    log.line('I', `the trace of the upstream is as it was at ${before.at}: nothing else was looked at`)
    if (before.left_out) leftOut.repeat(before.left_out)
    const { files = null, sizeBytes = null } = job
    const stats = {
      bytes: trace.bytes,
      files,
      sizeBytes,
      revision: null,
      note: before.note,
      keptFiles: before.kept_files,
    }
    return { ...UNTRACED, unchanged: stats }
  }
  // What this run leaves unfinished must not be taken for what the earlier one brought.
  tree.saveTrace(null)
  const known = trace.before != null && before?.digest === digestOf(run, trace.before) ? before : null
  return {
    unchanged: null,
    note: null,
    follows: known !== null && isBelieved(run, context, known),
    settle(stats) {
      if (stats === null) return
      const { sign, all } = stats.traced ?? { sign: stats.whole === false ? null : trace.sign, all: true }
      if (sign === null) return
      const { note = null, keptFiles = null } = stats
      if (!all && known?.left_out && leftOut.result() === null) leftOut.repeat(known.left_out)
      tree.saveTrace({
        digest: digestOf(run, sign),
        // Once a day everything is looked at, whatever changes in between.
        at: all || known === null ? at.toISOString() : known.at,
        note,
        left_out: leftOut.result(),
        kept_files: keptFiles,
      })
    },
  }
}

/** Other options, or another address, make another copy of the same upstream. */
function digestOf({ job: { spec }, policy }: Run, sign: string): string {
  return createHash('sha256')
    .update(JSON.stringify([sign, spec.upstream, spec.options, policy]))
    .digest('hex')
}

/** What is kept is deleted when its time is over, whatever the trace says. */
function isBelieved({ job, deps }: Run, { thorough, adopting }: SyncContext, { at, kept_files }: KnownTrace): boolean {
  const nowMs = deps.now().getTime()
  if (kept_files && Date.parse(kept_files.next_at) <= nowMs) return false
  const ageMs = nowMs - Date.parse(at)
  const approved = job.task?.type === 'sync' ? job.task.approved : null
  return ageMs >= 0 && ageMs < BELIEVED_MS && !thorough && adopting === null && approved === null && job.files != null
}
