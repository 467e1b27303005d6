// plan.ts — What a run is about to do to a published tree, for whoever allows it, what its programs move meanwhile, and
// how an upstream is known again: parts of the contract of a provider. Types only.

/** What a run is about to do. Null where it is not known. */
export interface Plan {
  /** Entries that would be deleted (rsync, http: files; git: refs). */
  readonly removed: number
  /** Entries the published tree has now, without those that stay whatever the upstream has. */
  readonly total: number
  /** Names of what would be deleted, the first few hundred at most. */
  readonly examples: readonly string[]
  /** Bytes that will be written in addition to what is there. */
  readonly incomingBytes: number | null
  /** Files and folders that will be made. Absent: not known. */
  readonly incomingFiles?: number
  /** Size of the tree before and after, bytes. */
  readonly sizeBeforeBytes: number | null
  readonly sizeAfterBytes: number | null
  /** Bytes of both sizes that stay whatever the upstream has. Absent: none. */
  readonly stayingBytes?: number
  /** Folders that stay and would have fewer entries than now; those that lose one or two may be left out. */
  readonly shrinking?: readonly ShrinkingFolder[]
  /** What stays readable although the upstream lacks it, besides both sizes and `total`. Absent: nothing. */
  readonly kept?: KeptBytes
  /** git: what would be lost with the refs that are deleted. Absent: not known, then each ref counts as a loss. */
  readonly history?: LostHistory
  /**
   * A program of the operator has done it already: in a copy that is not published, or where people read. Absent: it is
   * only about to be done.
   */
  readonly done?: 'unpublished' | 'published'
}

/** Of files that are kept for some time after the upstream removed them. */
export interface KeptBytes {
  readonly bytes: number
  /** Of those that no index of the published tree should name any more: they may go before anything comes in. */
  readonly earlierBytes: number
}

/** Bytes of kept files that must go before their time. */
export interface Shortage {
  /** Before anything comes in, since the disk has no room for both. */
  readonly beforeBytes: number
  /** With this run, since the copy would be over its quota. */
  readonly quotaBytes: number
}

/** Commits that nothing would reach any more. */
export interface LostHistory {
  readonly lost: number
  /** Commits that are reached now. */
  readonly of: number
  /** How many of the deleted refs lose commits. */
  readonly refs: number
}

/** A folder that a run would leave with fewer entries (files, folders, links directly in it). */
export interface ShrinkingFolder {
  /** Its path below the tree; empty for the tree itself. */
  readonly path: string
  readonly before: number
  readonly after: number
}

/** One process of a run, as it is now. */
export interface ProcessMoves {
  readonly pid: number
  /** The process that started it. */
  readonly parent: number
  /** Path of the program that it runs. */
  readonly program: string
  /** Bytes it has read and written so far, of files, pipes and most sockets. */
  readonly read: number
  readonly written: number
}

/** The part of the options of a program by which it is watched, and ended. */
export interface Watched {
  /**
   * Called once a second while it runs, with the processes of the whole run, and with none where the machine does not
   * tell. What it throws ends the program, and is what the caller of the program gets.
   */
  readonly onMoves?: (processes: readonly ProcessMoves[]) => void
  /** Ends this program when it is aborted; it is then as if the run were cancelled. */
  readonly signal?: AbortSignal
}

/** A file of an upstream that changes whenever anything there does. */
export interface Trace {
  /** The option that names it. */
  readonly option: string
  /** A text that changes with the file; null: the upstream has no such file. */
  readonly sign: string | null
  /** Bytes that were received. */
  readonly bytes: number
  /** The sign of an earlier one that is still here, of which the provider knows what changed since; absent: none. */
  readonly before?: string | null
}

/** How an upstream is known again after a run. */
export interface Traced {
  /** Null: not at all. */
  readonly sign: string | null
  /** Whether everything was looked at, and not only what the trace says has changed. */
  readonly all: boolean
}

/** What publishing a changed copy would do, counted. Entries are files and links. */
export interface Difference {
  readonly before: { readonly entries: number; readonly sizeBytes: number }
  readonly after: { readonly entries: number; readonly sizeBytes: number }
  /** Entries that are gone. */
  readonly removed: number
  /** The first of their names. */
  readonly examples: readonly string[]
  /** Entries that are new, or have changed; null: not known. */
  readonly changed: number | null
  /** Bytes of these. */
  readonly changedBytes: number | null
  /** Folders that are new, gone, or have other rights; they are no entries. */
  readonly folders: number
  /** Of the changed entries, those that have the size and the time that they had. */
  readonly disguised: readonly string[]
  /** Files that the published tree shares and that were changed without being replaced. */
  readonly touched: readonly string[]
}
