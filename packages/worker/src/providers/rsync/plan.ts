// plan.ts — What an rsync run would do, read from a dry run. Reads text; starts nothing.
import type { Plan } from '../../provider.ts'
import { readStatistics, type Statistics } from './output.ts'

const EXAMPLES = 500

export interface PlanReader {
  /** Reads a line; false keeps it out of the log. */
  readonly onLine: (line: string, stream: 'stdout' | 'stderr') => boolean
  /** What was read, once the run is over. */
  done(): { readonly plan: Plan; readonly statistics: Statistics; readonly changes: number }
}

/** Reads `--dry-run --itemize-changes --stats`. */
export function createPlanReader(): PlanReader {
  const statistics: Statistics = { files: null, sizeBytes: null, received: null }
  const entries = { upstream: 0, created: 0, incoming: null as number | null }
  const examples: string[] = []
  let changes = 0
  let removed = 0
  return {
    onLine(line, stream) {
      if (stream !== 'stdout') return true
      const deleted = /^\*deleting +(.+)$/.exec(line)?.[1]
      if (deleted !== undefined) {
        changes++
        // A folder ends in a slash; it goes with the files in it.
        if (!deleted.endsWith('/')) removed++
        if (examples.length < EXAMPLES) examples.push(deleted)
      } else if (/^[<>ch.][fdLDS]/.test(line)) changes++
      else readCounts(line, entries, statistics)
      return false
    },
    done: () => ({
      changes,
      statistics,
      plan: {
        removed,
        total: Math.max(0, entries.upstream - entries.created) + removed,
        examples,
        incomingBytes: entries.incoming,
        sizeBeforeBytes: null,
        sizeAfterBytes: statistics.sizeBytes,
      },
    }),
  }
}

function readCounts(
  line: string,
  entries: { upstream: number; created: number; incoming: number | null },
  statistics: Statistics,
): void {
  const [, what, all, parts = ''] = /^Number of (created )?files: (\d+)(?: \((.*)\))?$/.exec(line) ?? []
  if (all !== undefined) {
    const folders = Number(/dir: (\d+)/.exec(parts)?.[1] ?? 0)
    if (what) entries.created = Number(all) - folders
    else entries.upstream = Number(all) - folders
  }
  const incoming = /^Total transferred file size: (\d+)/.exec(line)?.[1]
  if (incoming !== undefined) entries.incoming = Number(incoming)
  readStatistics(line, statistics)
}
