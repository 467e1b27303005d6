// job.ts — What one sync is given: the job itself, and what the worker provides for it. Types only.
import type { Policy, Progress, Trigger } from '@kagami/protocol'
import type { SshSettings } from '../config/config.ts'
import type { Hooks } from '../config/keys.ts'
import type { Task } from '../core/replica.ts'
import type { Paces } from '../paces.ts'
import type { Provider } from '../provider.ts'
import type { OpenRoutes } from '../proxy/run.ts'
import type { Place } from '../tree/place.ts'
import type { Mask, OpenSpec } from './credentials.ts'
import type { LeftOutCounter } from './left-out.ts'
import type { RunLimits } from './limits.ts'
import type { RunLog } from './log.ts'
import type { ProgressThrottle } from './progress.ts'

export interface SyncJob {
  readonly sync_id: string
  readonly worker_id: string
  readonly spec: OpenSpec
  /** An error from before the run, such as credentials that cannot be opened; the run fails with it. */
  readonly problem?: unknown
  /** What to do when the upstream rejects the credentials; absent: as for any replica. */
  readonly authHint?: string
  /** The proxies by which the upstream is reached; absent or null: directly. */
  readonly proxies?: OpenRoutes | null
  readonly trigger: Trigger
  readonly request_id: string | null
  /** What the run is for; absent: a plain sync. */
  readonly task?: Task
  /** Size of the copy when it was last measured, bytes. */
  readonly sizeBytes?: number | null
  /** Files, or refs, of the copy when they were last counted; null when it had none or was never counted. */
  readonly files?: number | null
  /** Seconds; 0 means no limit. The replica's own time_limit_secs takes precedence. */
  readonly timeoutSeconds: number
}

export interface SyncDeps {
  readonly providers: Readonly<Record<string, Provider>>
  readonly dataDir: string
  /** Absent: data_dir is not looked at before a run. */
  readonly place?: Place
  /** Folders searched for tools before PATH. */
  readonly toolPath?: readonly string[]
  readonly adoptExisting?: boolean
  /** Programs to run afterwards. */
  readonly hooks?: Hooks
  /** Folders of this machine below which file:// upstreams are allowed, absolute paths; absent: none. */
  readonly upstreamRoots?: readonly string[]
  /** The key for upstreams over ssh, and hosts that are known; absent: none. */
  readonly ssh?: SshSettings
  /** Refuses private and loopback upstreams. */
  readonly publicOnly?: boolean
  /** The worker's paces, the same for all its runs. */
  readonly paces: Paces
  /** Aborted with the reason 'cancelled' or 'interrupted'. */
  readonly signal: AbortSignal
  /** Called at most once a second; the last progress is always delivered. */
  readonly onProgress: (progress: Progress) => void
  readonly now: () => Date
}

/** One run under way: what all of its steps share. */
export interface Run {
  readonly job: SyncJob
  readonly deps: SyncDeps
  readonly policy: Policy
  readonly log: RunLog
  readonly limits: RunLimits
  readonly progress: ProgressThrottle
  readonly leftOut: LeftOutCounter
  /** Masks the secrets of the run. */
  readonly mask: Mask
}
