// syncs.ts — The running syncs: starts, aborts and counts them. What one sync does is in run.ts.
import type { ProgressEvent, ReplicaSpec, SyncReport } from '@kagami/protocol'
import type { Clock, SealingKey } from '@kagami/runtime'
import { hooksFor, type WorkerConfig } from '../config/config.ts'
import type { Replica } from '../core/replica.ts'
import type { Paces } from '../paces.ts'
import type { Provider, RunCommand } from '../provider.ts'
import { createCommandRunner } from '../programs/command.ts'
import type { Place } from '../tree/place.ts'
import { authSourceOf } from '../config/secrets.ts'
import { hintForAuth, openAuth } from './credentials.ts'
import { openProxies } from '../proxy/open.ts'
import { runSync, type SyncDeps, type SyncJob } from './run.ts'

export interface Syncs {
  start(replica: Replica, syncId: string): void
  abort(syncId: string, reason: 'cancelled' | 'interrupted'): void
  abortAll(reason: 'cancelled' | 'interrupted'): void
  isRunning(syncId: string): boolean
  /** Resolves when no sync is running. */
  idle(): Promise<void>
}

export interface SyncsParts {
  readonly config: WorkerConfig
  readonly providers: Readonly<Record<string, Provider>>
  readonly paces: Paces
  readonly toolPath?: readonly string[]
  readonly workerId: string
  readonly sealingKey: SealingKey
  readonly place: Place
  readonly clock: Clock
  onProgress(event: ProgressEvent): void
  onEnd(report: SyncReport): void
}

/** Starts with none running. */
export function createSyncs(parts: SyncsParts): Syncs {
  const { config, workerId, sealingKey } = parts
  const opened = async (spec: ReplicaSpec): Promise<Pick<SyncJob, 'spec' | 'proxies' | 'problem' | 'authHint'>> => {
    const source = spec.origin === 'config' ? authSourceOf(config, spec.name) : null
    const hint = spec.origin === 'config' ? { authHint: hintForAuth(source) } : {}
    try {
      const proxies = openProxies(config, spec)
      return { spec: { ...spec, auth: await openAuth(spec, { workerId, key: sealingKey, source }) }, proxies, ...hint }
    } catch (error) {
      return { spec: { ...spec, auth: null }, problem: error, ...hint }
    }
  }
  const running = new Map<string, { abort: AbortController; done: Promise<void> }>()
  return {
    start(replica, syncId) {
      const { life, spec } = replica
      if (life.state !== 'syncing') return
      const abort = new AbortController()
      const job = {
        sync_id: syncId,
        worker_id: parts.workerId,
        trigger: life.trigger,
        request_id: life.requestId,
        task: life.task,
        sizeBytes: replica.facts.sizeBytes,
        files: replica.facts.files ?? (replica.facts.sizeBytes ? 1 : null),
        timeoutSeconds: parts.config.sync_timeout_secs,
      }
      const about = {
        worker_id: parts.workerId,
        replica_id: spec.replica_id,
        sync_id: syncId,
        started_at: life.startedAt.toISOString(),
        trigger: life.trigger,
      }
      const done = opened(spec)
        .then((secrets) =>
          runSync(
            { ...job, ...secrets },
            {
              ...depsOf(parts, spec.name),
              signal: abort.signal,
              onProgress: (progress) => parts.onProgress({ ...about, progress }),
            },
          ),
        )
        .then((report) => {
          running.delete(syncId)
          parts.onEnd(report)
        })
      running.set(syncId, { abort, done })
    },
    abort: (syncId, reason) => running.get(syncId)?.abort.abort(reason),
    abortAll: (reason) => running.forEach(({ abort }) => abort.abort(reason)),
    isRunning: (syncId) => running.has(syncId),
    async idle() {
      while (running.size > 0) await Promise.all([...running.values()].map(({ done }) => done))
    },
  }
}

/** What the worker's configuration says about the syncs of a replica. */
function depsOf(
  { config, providers, paces, toolPath = [], place, clock }: SyncsParts,
  name: string,
): Omit<SyncDeps, 'signal' | 'onProgress'> {
  return {
    providers,
    paces,
    dataDir: config.data_dir,
    place,
    toolPath,
    adoptExisting: config.adopt_existing,
    upstreamRoots: config.upstream_roots,
    ssh: config.sshSettings,
    publicOnly: config.upstream_policy === 'public-only',
    hooks: hooksFor(config, name),
    now: () => clock.now(),
  }
}

/** Runs a tool outside any sync, to ask for its version. */
export function createProber(toolPath: readonly string[]): RunCommand {
  return createCommandRunner({ signal: AbortSignal.timeout(10_000), toolPath, mark: 'probe', log: () => {} })
}
