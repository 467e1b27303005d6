// download-state.ts — What files of a tree are downloaded with, and what came of it. Downloads nothing.
import type { FileJob } from './receive.ts'
import type { Pipeline } from '../../http/pipeline-request.ts'
import type { HttpOptions } from './options.ts'
import type { Throttle } from '../../http/throttle.ts'
import type { KnownFile, TreeMemory } from './tree-memory.ts'
import type { Unread } from './walk.ts'
import type { SyncContext } from '../../provider.ts'

/** Reasons that concern one file, not the run. */
export const OF_ONE_FILE: ReadonlySet<string> = new Set([
  'content_invalid',
  'upstream_refused',
  'upstream_missing',
  'auth_rejected',
  'stalled',
])

export interface DownloadOptions {
  readonly context: SyncContext
  readonly options: HttpOptions
  readonly openPipeline: () => Pipeline
  readonly base: URL
  /** The origin the credentials are for. */
  readonly home: string
  readonly headers: Readonly<Record<string, string>>
  readonly folder: string
  readonly memory: TreeMemory
  /** Bytes that will come; null when not known. */
  readonly expected: number | null
  readonly throttle: Throttle | null
}

export interface DownloadResult {
  readonly fetched: ReadonlyMap<string, KnownFile>
  readonly unchanged: ReadonlyMap<string, KnownFile>
  readonly vanished: readonly string[]
  readonly failed: readonly Unread[]
  /** Listed as files, but folders. */
  readonly folders: readonly string[]
  /** Web pages came for names that promise none: they must be asked for as folders first. */
  readonly pages: readonly FileJob[]
  readonly unverified: number
  readonly bytes: number
}

/** A result that grows. */
export type PartialResult = {
  -readonly [Key in keyof DownloadResult]: DownloadResult[Key] extends ReadonlyMap<infer K, infer V>
    ? Map<K, V>
    : DownloadResult[Key] extends readonly (infer T)[]
      ? T[]
      : DownloadResult[Key]
}

/** A download under way. */
export interface DownloadState extends DownloadOptions {
  readonly result: PartialResult
  /** Files that need a connection of their own. */
  readonly separate: FileJob[]
}

/** Reports how many files and bytes came, now and then. */
export function reportProgress({ context, result, expected }: DownloadState): void {
  const files = result.fetched.size + result.unchanged.size
  if (files % 8 === 0)
    context.progress({ phase: 'transferring', files, bytes: result.bytes, percent: percentOf(result.bytes, expected) })
}

/** How much of what is expected came, percent; null when not known. */
export const percentOf = (bytes: number, expected: number | null) =>
  expected ? Math.min(100, Math.floor((bytes / expected) * 100)) : null

/** The results of two downloads of one round. */
export function joinResults(one: DownloadResult, other: DownloadResult): DownloadResult {
  return {
    fetched: new Map([...one.fetched, ...other.fetched]),
    unchanged: new Map([...one.unchanged, ...other.unchanged]),
    vanished: [...one.vanished, ...other.vanished],
    failed: [...one.failed, ...other.failed],
    folders: [...one.folders, ...other.folders],
    pages: other.pages,
    unverified: one.unverified + other.unverified,
    bytes: one.bytes + other.bytes,
  }
}
