// effects.ts — Carries out what the machine of core/worker.ts decided: one handler for each effect.
import type { Desired } from '@kagami/protocol'
import type { Clock, EffectHandlers } from '@kagami/runtime'
import { ASK_AGAIN_MS } from './core/membership.ts'
import type { Replica } from './core/replica.ts'
import type { WorkerEffect } from './core/worker.ts'
import type { FolderWatch } from './folder-watch.ts'
import type { Keeper } from './edge/keeper.ts'
import type { Messenger } from './edge/messenger.ts'
import type { WorkerFiles } from './state.ts'
import type { Syncs } from './sync/syncs.ts'

/** Pause before the desired document is written to disk, ms: what must start at once comes first. */
const KEEP_MS = 100

/** One for saving and removing: only the newer of the two counts. */
const recordKey = (replicaId: string) => `record ${replicaId}`

/** Why the fleet ends a worker. */
export interface Ending {
  readonly why: 'rejected' | 'terminated'
  readonly reason: string | null
}

export interface EffectParts {
  readonly files: WorkerFiles
  /** Whether the worker may write into data_dir what it remembers. */
  readonly settled: () => boolean
  readonly keeper: Keeper
  readonly clock: Clock
  readonly syncs: Syncs
  readonly messenger: Messenger
  readonly folders: FolderWatch
  /** Called when the document is on the disk, or waits for it. */
  readonly kept: (desired: Desired) => void
  /** Called when the machine wanted to be woken. */
  readonly wake: () => void
  readonly end: (ending: Ending) => void
}

/** The handlers. */
export function createEffectHandlers(parts: EffectParts): EffectHandlers<WorkerEffect> {
  const { files, keeper, clock, syncs, messenger, folders } = parts
  let cancelWake = () => {}
  let unkept: Desired | null = null
  const keepDesired = () => {
    const desired = unkept!
    unkept = null
    keeper.write('desired', () => files.saveDesired(desired))
    parts.kept(desired)
  }
  return {
    persist: ({ replica }) => void (parts.settled() && keepRecord(parts, replica)),
    forget: ({ replicaId }) => keeper.write(recordKey(replicaId), () => files.removeReplica(replicaId)),
    keep_desired({ desired }) {
      if (!parts.settled()) return
      if (!unkept) clock.after(KEEP_MS, keepDesired)
      unkept = desired
    },
    start: ({ replica, syncId }) => syncs.start(replica, syncId),
    abort: ({ syncId, reason }) => syncs.abort(syncId, reason),
    announce({ changed, removed }) {
      messenger.sendChanges(changed, removed)
      folders.replicasChanged(changed, removed)
    },
    ask_again: () => void clock.after(ASK_AGAIN_MS, () => messenger.hint()),
    wake({ at }) {
      cancelWake()
      if (at) cancelWake = clock.after(at.getTime() - clock.now().getTime(), parts.wake)
    },
    end: ({ why, reason }) => parts.end({ why, reason }),
  }
}

/** Keeps the record of a replica. */
export function keepRecord({ files, keeper }: Pick<EffectParts, 'files' | 'keeper'>, replica: Replica): void {
  keeper.write(recordKey(replica.spec.replica_id), () => files.saveReplica(replica))
}
