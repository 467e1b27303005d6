// hooks.ts — Programs the worker's own configuration wants run after a sync, with its facts in their environment.
// Nothing that comes over the network gets here.
import type { SyncReport } from '@kagami/protocol'
import type { Hooks } from '../config/keys.ts'
import type { RunCommand } from '../provider.ts'

/** Longest time a hook may take, ms. */
export const HOOK_MAX_MS = 60_000

/**
 * Runs the hook for a report. Returns what went wrong in one sentence, or null. A cancelled or interrupted sync has
 * none.
 */
export async function runHook(
  hooks: Hooks,
  report: SyncReport,
  { run, published }: { run: RunCommand; published: string },
): Promise<string | null> {
  const which = ({ success: 'on_success', failed: 'on_failure', held: 'on_held' } as const)[
    report.outcome as 'success' | 'failed' | 'held'
  ]
  const [command, ...args] = (which && hooks[which]) ?? []
  if (!which || command === undefined) return null
  try {
    const exit = await run(command, args, { env: factsOf(report, published), cwd: '/' })
    return exit.code === 0 ? null : `${which} ended with ${exit.signal ?? `exit code ${exit.code}`}`
  } catch (error) {
    return `${which} did not run: ${(error as Error).message}`
  }
}

function factsOf(report: SyncReport, published: string): Record<string, string> {
  const facts = {
    outcome: report.outcome,
    reason: report.reason,
    message: report.message,
    replica: report.name,
    replica_id: report.replica_id,
    worker_id: report.worker_id,
    kind: report.kind,
    sync_id: report.sync_id,
    path: published,
    trigger: report.trigger,
    started_at: report.started_at,
    ended_at: report.ended_at,
    duration_ms: report.duration_ms,
    bytes: report.bytes,
    files: report.files,
    size_bytes: report.size_bytes,
    revision: report.revision,
    content_at: report.content_at,
    generation: report.generation,
    held_removed: report.hold?.removed,
    held_total: report.hold?.total,
  }
  return Object.fromEntries(
    Object.entries(facts).map(([name, value]) => [
      `KAGAMI_${name.toUpperCase()}`,
      String(value ?? '').replaceAll('\0', ''),
    ]),
  )
}
