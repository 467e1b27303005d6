// versioned-upstream.ts — An rsync upstream for tests whose files all have the same text, so that a reader can tell a
// whole tree from a mixed one. No assertions.
import { join } from 'node:path'
import { startRsyncUpstream, writeFiles } from '@kagami/demo'
import type { Sandbox, SyncCall } from './sandbox.ts'

export interface VersionedUpstream {
  readonly files: string
  /** Writes a version: twenty files in four folders, each with this text. */
  write(text: string): void
  /** Writes version 0 and serves it; returns the call that syncs it with publish = "swap". */
  serve(options?: Record<string, unknown>): Promise<SyncCall>
}

/** An upstream in a sandbox. What must be stopped afterwards is pushed onto `stops`. */
export function versionedUpstream(sandbox: Sandbox, stops: (() => Promise<void>)[]): VersionedUpstream {
  const dir = join(sandbox.dir, 'up')
  const files = join(dir, 'files')
  const write = (text: string) =>
    writeFiles(
      files,
      Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`d${index % 4}/f${index}`, `${text}\n`])),
    )
  return {
    files,
    write,
    async serve(options = {}) {
      write('version-0')
      const upstream = await startRsyncUpstream({ dir })
      stops.push(upstream.stop)
      return { kind: 'rsync', upstream: upstream.url, options: { publish: 'swap', compress: false, ...options } }
    },
  }
}
