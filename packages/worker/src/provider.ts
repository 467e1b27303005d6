// provider.ts — The contract of a provider: how the bytes of one kind of upstream arrive. A provider has no timer,
// process, state or path of its own.
import type { Readable } from 'node:stream'
import type { Auth, FailureReason, Kept, KeptFiles, Progress } from '@kagami/protocol'
import type { Paces } from './paces.ts'
import type { Peers, Ssh } from './via.ts'
import type { Difference, Plan, Shortage, Trace, Traced, Watched } from './plan.ts'
import type Type from 'typebox'
import type { Static } from 'typebox'

export type {
  Difference,
  KeptBytes,
  LostHistory,
  Plan,
  ProcessMoves,
  Shortage,
  ShrinkingFolder,
  Trace,
  Traced,
} from './plan.ts'
export type { Peers, Reach, Ssh } from './via.ts'

/** One kind of upstream, with the schema of its options. CONTRIBUTING.md says how to add one. */
export interface Provider<Schema extends Type.TObject = Type.TObject> {
  readonly kind: string
  /**
   * JSON Schema of the options. The worker announces it; the supervisor validates with it and the UI draws its form
   * from it.
   */
  readonly options: Schema
  /**
   * What of these options cannot work with this upstream, and the cure, in one sentence; null: nothing. Pure, because
   * it is called when worker.toml is read, and before each sync. The options are checked, with defaults filled in.
   */
  checkSpec?(upstream: string, options: Readonly<Static<Schema>>): string | null
  /** Its programs connect as they like: no proxy can be chosen for its replicas. Absent: they do not. */
  readonly connects?: 'itself'
  /** Whether the kind can be synced on this machine, with the tool's version or what is missing. Never throws. */
  probe(run: RunCommand): Promise<{ available: boolean; detail: string }>
  /**
   * Updates the tree to what the upstream has now. Throws SyncFailure for errors of the outside world; the published
   * tree is then as it was, or further towards the upstream, never damaged.
   */
  sync(context: SyncContext<Static<Schema>>): Promise<SyncStats>
  /**
   * Reads the file by which the upstream shows that it changed, when the options name one; called when there is a copy,
   * before `sync`. Null: they name none. Throws SyncFailure when the upstream cannot be asked. Absent: the kind has no
   * such file.
   */
  readTrace?(context: SyncContext<Static<Schema>>): Promise<Trace | null>
  /**
   * Gives readers back what an earlier sync kept when the upstream lost it; `id` as in `SyncStats.kept`. Throws
   * SyncFailure local_conflict when it is not there any more. Absent: the kind keeps nothing.
   */
  restore?(context: SyncContext<Static<Schema>>, id: string): Promise<SyncStats>
  /**
   * What must be masked in log, progress and report besides `auth`: secrets that worker.toml gives the programs of the
   * kind. The options are not checked yet. Never throws. Absent: nothing.
   */
  secrets?(options: Readonly<Record<string, unknown>>): readonly string[]
  /**
   * Asks the upstream what it has, as `sync` would first, and copies nothing: one step for each thing it asks. The host
   * was reached already. Throws SyncFailure where a sync would fail with it. Absent: nothing more is asked.
   */
  tryUpstream?(context: TrialContext<Static<Schema>>): Promise<void>
}

/** What a provider needs to ask an upstream anything. */
export type AskContext<Options = Readonly<Record<string, unknown>>> = Pick<
  SyncContext<Options>,
  | ('upstream' | 'auth' | 'options' | 'run' | 'peers' | 'paces' | 'local' | 'ssh')
  | ('signal' | 'pause' | 'progress' | 'log')
>

/** Everything a provider may touch that only asks. */
export interface TrialContext<Options = Readonly<Record<string, unknown>>> extends AskContext<Options> {
  /**
   * Runs one step of the trial, whose description is shown; what it throws is shown as the step that failed. `what` is
   * a word of TrialStep.
   */
  step<T>(what: 'answer' | 'settings', look: () => Promise<T>, describe: (found: T) => string): Promise<T>
}

/** Everything a provider may touch. */
export interface SyncContext<Options = Readonly<Record<string, unknown>>> {
  readonly upstream: string
  readonly auth: Auth | null
  /** Checked against the provider's schema, with defaults filled in. */
  readonly options: Readonly<Options>
  readonly tree: Tree
  /**
   * Somebody asked to prove that the copy is whole: everything is looked at, nothing is believed because it was
   * remembered, and what is damaged is fetched anew.
   */
  readonly thorough: boolean
  /** Whether the copy is as the trace from before says (`Trace.before`): what changed since is all that did. */
  readonly traced: boolean
  /**
   * The folder had files of something else, and this run, or an earlier one that did not succeed, takes them over:
   * `ask` until somebody allowed it, and then `allow` throws whatever the plan is; null: the files are the replica's.
   */
  readonly adopting: 'ask' | 'go' | null
  readonly run: RunCommand
  readonly peers: Peers
  /** How fast upstream hosts may be asked. */
  readonly paces: Paces
  /**
   * The folder of this machine that a file:// upstream names: absolute, checked, links followed. Null for an upstream
   * elsewhere. Tools are given this path, never `upstream`.
   */
  readonly local: string | null
  /** What ssh is given for an upstream that is reached by it; null for any other, and then ssh is never started. */
  readonly ssh: Ssh | null
  /**
   * Size of the copy as the last run measured it, bytes; null when none did. For tools that only report the size after
   * the sync.
   */
  readonly sizeBytes: number | null
  /** Whether `allow` needs to know sizes before anything is fetched: for a quota, or because there is little room. */
  readonly asksSizes: boolean
  /** Whether this machine tells what programs move, see `onMoves`. */
  readonly seesMoves: boolean
  /**
   * Must be called before a run changes a published tree, with what it is about to do. Returns when the run may go on.
   * Throws SyncFailure with the reason too_many_deletions, upstream_empty or foreign_files (the run is then held until
   * somebody decides), quota_exceeded or disk_full. Returns how much of what is kept has to go before its time.
   */
  allow(plan: Plan): Shortage
  /** When the run began, by the clock of the worker. */
  readonly startedAt: Date
  /** What the run is called in log, report and API, and the replica it is of. */
  readonly about: RunFacts
  /** Makes a private folder for this run alone, and returns its absolute path. It is gone after the run. */
  scratch(): string
  /** Waits because the upstream asked for it. Returns at once when the run is aborted. */
  pause(seconds: number): Promise<void>
  /** Aborted on cancellation, timeout and shutdown; `run` and `pause` obey it by themselves. */
  readonly signal: AbortSignal
  /** May be called as often as the tool writes; the caller reduces the rate. */
  progress(progress: Partial<Progress> & Pick<Progress, 'phase'>): void
  /**
   * Something of the upstream that the copy will not have, and why: a name that cannot be kept, an unsafe link, a file
   * nobody may read. The report has how many they are and the first of them; the run goes on.
   */
  leaveOut(name: string, why: string): void
  /** One line for the log of the run. The caller masks the secrets of `auth`. */
  log(line: string): void
}

/** Names by which people find a run again. */
export interface RunFacts {
  readonly replica: string
  readonly replicaId: string
  readonly workerId: string
  readonly syncId: string
  readonly trigger: string
}

/** A replica's files. `published` is what people read; `staging` is beside it on the same filesystem. */
export interface Tree {
  /** Absolute path of `<data_dir>/<name>`; may not exist before the first sync. */
  readonly published: string
  /** Absolute path of a scratch folder, kept between runs so that a sync can resume; may not exist. */
  readonly staging: string
  /** Whether a published tree exists. */
  exists(): Promise<boolean>
  /** Whether `fork()` is the published tree itself. */
  readonly changesInPlace: boolean
  /** What of a folder that was taken over is not Kagami's; for kinds that keep such files. */
  readonly own: OwnFiles
  /** What stays readable for some time after the upstream removed it. */
  readonly kept: KeptRecord
  /** Flushes `staging` to disk and makes it the published tree. Only for a first sync: nothing may be published yet. */
  publish(): Promise<void>
  /** Starts flushing `staging` while more comes, unless that was just done. What fails then, `publish` throws. */
  flushAhead(): void
  /**
   * Opens the published tree for change. In place, `path` is the tree people read, and every change must be atomic.
   * With publish = "swap", and whenever the tree is verified, it is an unpublished copy whose files are hard links:
   * replace files by rename, never write into one. A copy left by an interrupted run is returned again.
   *
   * `how` is for programs that keep to no such rule: `linked` and `apart` are a copy in any case, by hard links or one
   * that shares no file; `direct` is the published tree where that may be, else `apart`. Throws SyncFailure where such
   * a copy cannot be, or has no room.
   */
  fork(how?: ForkWay): Promise<Fork>
  /**
   * Flushes `from` (inside staging) and renames it to `<file>` of the published tree, whose directories are created:
   * readers see the old file or the new one.
   */
  publishFile(from: string, file: string): Promise<void>
  /**
   * Flushes files and directories to disk: paths below `folder`, which is inside staging or a tree opened for change.
   */
  flush(folder: string, files: readonly string[]): Promise<void>
  /** How many files and links a folder has, and their bytes. */
  count(folder: string): Promise<Difference['before']>
  /** Empties `staging`. */
  discard(): Promise<void>
}

/** The record of what was in a folder before Kagami, and is not the upstream's. */
export interface OwnFiles {
  /**
   * Paths of files, and of folders with all below them, which end in a slash. Null: the folder was not taken over;
   * unknown: it was, and nothing is recorded, or not any more. `log` is told of damage.
   */
  read(log: (line: string) => void): readonly string[] | 'unknown' | null
  write(own: Iterable<string>): void
}

/** The record of files that stay readable for some time: path → when that is over, ms since 1970. */
export interface KeptRecord {
  /** `log` is told of damage; then nothing is recorded any more. */
  read(log: (line: string) => void): ReadonlyMap<string, number>
  write(kept: ReadonlyMap<string, number>): void
}

/** How a tree is opened for a program that nobody knows. */
export type ForkWay = 'linked' | 'apart' | 'direct'

/** A published tree opened for change. */
export interface Fork {
  readonly path: string
  /**
   * Publishes the changes, flushed to disk: in one step, or file by file out of a verified copy of a tree in place. In
   * place it only flushes, and not even that when the tool has already done so (`flushed`).
   */
  publish(flushed?: boolean): Promise<void>
  /** Compares it with the published tree, by a walk through both. Of one that is the published tree, it only counts. */
  compare(): Promise<Difference>
  /** Gives up a copy in which nothing changed. */
  drop(): Promise<void>
}

/** What a successful sync found out; null where the tool does not say. */
export interface SyncStats {
  readonly bytes: number | null
  readonly files: number | null
  readonly sizeBytes: number | null
  readonly revision: string | null
  /** What of the upstream's earlier refs is kept; absent or null: nothing. */
  readonly kept?: Kept | null
  /** What the upstream lacks and readers still find; absent or null: nothing. */
  readonly keptFiles?: KeptFiles | null
  /** One line worth reporting although the sync succeeded. */
  readonly note?: string | null
  /** False: what the upstream had is not all there, and the next sync has to look again. Absent: it is. */
  readonly whole?: boolean
  /** How the upstream is known again; absent: by its trace, when all it had is there. */
  readonly traced?: Traced
}

/**
 * Runs a program with a clean environment, in a process group that ends with the sync, its output in the run's log.
 * Resolves once the program and all it started are gone. Throws SyncFailure tool_missing, and cancelled or interrupted
 * when the sync was stopped.
 */
export type RunCommand = (command: string, args: readonly string[], options?: RunOptions) => Promise<Exit>

export interface RunOptions extends Watched {
  readonly cwd?: string
  /** Added to the clean base environment. Secrets travel here or on stdin, never in args. */
  readonly env?: Readonly<Record<string, string>>
  readonly stdin?: string | Uint8Array | Readable
  /** Works only on this machine and may write nothing for long: its silence is no stall. */
  readonly silent?: boolean
  /**
   * Memory limit for each of its processes, MiB; 0: a quarter of this machine's memory, at least 512. Absent: no limit.
   */
  readonly memoryMib?: number
  /** What its processes read and write counts as movement: nobody knows whether it says how far it is. */
  readonly moves?: boolean
  /**
   * It only asks a service of this machine to run something, whose processes are not its own: it gets a group of
   * processes and no namespace, in which that service would take one process for another.
   */
  readonly asksService?: boolean
  /** A program with its arguments that is run when this one is gone, however it ended, for 30 s at most. */
  readonly afterwards?: readonly [command: string, ...args: string[]]
  /** Its stdout is progress that is drawn over itself with `\r`: only the last line of a burst counts. */
  readonly redraws?: boolean
  /** Its stderr is also where it says how far it is: only lines that begin as an error are errors in the log. */
  readonly chats?: boolean
  /**
   * Gives `onLine` lines with the control characters that names of files may have, and with bytes that are not UTF-8 as
   * names.ts carries them; log and tail never have control characters.
   */
  readonly exact?: boolean
  /**
   * Each line of output as it comes (`\r` ends a line too, for progress). Return false to keep it out of the log and
   * the tail.
   */
  readonly onLine?: (line: string, stream: 'stdout' | 'stderr') => boolean | void
}

export interface Exit {
  readonly code: number | null
  readonly signal: string | null
  /** Last lines of stderr, control characters removed, at most 8 KB. */
  readonly tail: string
}

/** What is known of a failure besides its reason and message. */
export interface FailureFacts {
  readonly tail?: string | null
  readonly exitCode?: number | null
  readonly cause?: unknown
  readonly hint?: string | null
}

/** An error of the outside world: expected, recorded with its reason, retried as the protocol's failures say. */
export class SyncFailure extends Error {
  readonly reason: FailureReason
  readonly tail: string | null
  readonly exitCode: number | null
  /** What to do next, where it can be said better than for the reason in general. */
  readonly hint: string | null
  constructor(reason: FailureReason, message: string, facts: FailureFacts = {}) {
    super(message, { cause: facts.cause })
    this.name = 'SyncFailure'
    this.reason = reason
    this.tail = facts.tail ?? null
    this.exitCode = facts.exitCode ?? null
    this.hint = facts.hint ?? null
  }
}
