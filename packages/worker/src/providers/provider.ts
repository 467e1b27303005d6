// provider.ts — The contract of a provider: how the bytes of one kind of upstream arrive. A provider owns no timer, process, state or path of its own.
import type { Auth, FailureReason, Progress } from '@kagami/protocol'
import type Type from 'typebox'

/** One kind of upstream. A new provider is one file and one line in index.ts. */
export interface Provider {
  readonly kind: string
  /** JSON Schema of the options, announced to the supervisor: it validates and draws the form from it. */
  readonly options: Type.TObject
  /** Says whether the kind can be synced on this machine: the tool's version, or what is missing. Never throws. */
  probe(run: RunCommand): Promise<{ available: boolean; detail: string }>
  /** Brings the tree to what the upstream has now. Throws SyncFailure when the world says no; the published tree is then as it was, or further towards the upstream, never damaged. */
  sync(context: SyncContext): Promise<SyncStats>
}

/** Everything a provider may touch. */
export interface SyncContext {
  readonly upstream: string
  readonly auth: Auth | null
  /** Already checked against the provider's schema, defaults filled in. */
  readonly options: Readonly<Record<string, unknown>>
  readonly tree: Tree
  readonly run: RunCommand
  /** Aborted on cancellation, timeout and shutdown; `run` obeys it by itself. */
  readonly signal: AbortSignal
  /** May be called as often as the tool speaks; the caller thins it out. */
  progress(progress: Partial<Progress> & Pick<Progress, 'phase'>): void
  /** One line into the log of the run. Secrets of `auth` are masked by the caller. */
  log(line: string): void
}

/** A replica's files. `published` is what people read; `staging` is beside it on the same filesystem. */
export interface Tree {
  /** Absolute path of `<data_dir>/<name>`; may not exist before the first sync. */
  readonly published: string
  /** Absolute path of an own scratch place, kept between runs so that a sync can resume; may not exist. */
  readonly staging: string
  /** Whether a published tree exists. */
  exists(): Promise<boolean>
  /** Flushes `staging` to disk and renames it to `published`. Only for a first sync: `published` must not exist. */
  publish(): Promise<void>
  /** Flushes `from` (inside staging) and renames it over `published/<file>`, whose directory it makes when missing: readers see the old file or the new one. */
  publishFile(from: string, file: string): Promise<void>
  /** Empties `staging`. */
  discard(): Promise<void>
}

/** What a successful sync found out; null where the tool does not say. */
export interface SyncStats {
  readonly bytes: number | null
  readonly files: number | null
  readonly sizeBytes: number | null
  readonly revision: string | null
  /** One line worth telling although it went well. */
  readonly note?: string | null
}

/**
 * Runs a program with a clean environment, in a process group that ends with the sync, its output in the run's log.
 * Resolves once the program and all it started are gone. Throws SyncFailure tool_missing, and cancelled or interrupted when the sync was stopped.
 */
export type RunCommand = (command: string, args: readonly string[], options?: RunOptions) => Promise<Exit>

export interface RunOptions {
  readonly cwd?: string
  /** Added to the clean base environment. Secrets travel here or on stdin, never in args. */
  readonly env?: Readonly<Record<string, string>>
  readonly stdin?: string
  /** Its stdout is progress drawn over itself with `\r`: of a burst only the last line counts. */
  readonly redraws?: boolean
  /** Each line of output as it comes (`\r` ends a line too, for progress). Return false to keep it out of the log and the tail. */
  readonly onLine?: (line: string, stream: 'stdout' | 'stderr') => boolean | void
}

export interface Exit {
  readonly code: number | null
  readonly signal: string | null
  /** Last lines of stderr, control characters removed, at most 8 KB. */
  readonly tail: string
}

/** The world said no: expected, recorded with its reason, tried again as errors.ts says. */
export class SyncFailure extends Error {
  readonly reason: FailureReason
  readonly tail: string | null
  readonly exitCode: number | null
  constructor(reason: FailureReason, message: string, facts: { tail?: string | null; exitCode?: number | null; cause?: unknown } = {}) {
    super(message, { cause: facts.cause })
    this.name = 'SyncFailure'
    this.reason = reason
    this.tail = facts.tail ?? null
    this.exitCode = facts.exitCode ?? null
  }
}
