// try-upstream.ts — Trials of a worker that has no fleet, with credentials sealed as a supervisor does. No assertions.
import { join } from 'node:path'
import type { Auth, ReplicaSpec, TryReply } from '@kagami/protocol'
import { createLogger, newId, openSealingKey, sealAuth } from '@kagami/runtime'
import type { CommandSettings } from '../config/commands.ts'
import { loadWorkerConfig } from '../config/config.ts'
import { createPaces } from '../http/pace.ts'
import { providersOf } from '../providers/index.ts'
import { createTrials, type Trials } from '../trial/trials.ts'
import type { Sandbox } from './sandbox.ts'

export interface TrialCall {
  readonly kind: string
  readonly upstream: string
  readonly options?: Readonly<Record<string, unknown>> | undefined
  readonly auth?: Auth | null
  /** The upstream that `auth` is sealed for; absent: the one that is tried. */
  readonly sealedFor?: string
  readonly replicaId?: string
}

export interface TrialSettings {
  /** What stands for worker.toml. */
  readonly env?: Readonly<Record<string, string>>
  readonly commands?: readonly CommandSettings[] | undefined
  readonly limitMs?: number
  /** The replica that every id names. */
  readonly known?: ReplicaSpec
}

/** The trials of a worker with this data_dir, and one call that asks for one. */
export async function openTrials(
  { dir, dataDir }: Pick<Sandbox, 'dir' | 'dataDir'>,
  { env = {}, commands, limitMs = 60_000, known }: TrialSettings = {},
): Promise<{ trials: Trials; ask: (call: TrialCall) => Promise<TryReply> }> {
  const loaded = loadWorkerConfig({ env: { KAGAMI_DATA_DIR: dataDir, ...env } })
  const config = commands === undefined ? loaded : { ...loaded, commands }
  const sealingKey = await openSealingKey(join(dir, 'key'))
  const trials = createTrials({
    config,
    providers: providersOf(config),
    paces: createPaces(),
    workerId: 'w',
    sealingKey,
    logger: createLogger('test', { KAGAMI_LOG_LEVEL: 'silent' }),
    isThere: () => true,
    findReplica: () => known ?? null,
    limitMs,
  })
  return {
    trials,
    async ask({ kind, upstream, options = {}, auth = null, sealedFor = upstream, replicaId = newId() }) {
      const about = { name: 'x', interval_secs: null, labels: {}, origin: 'api' as const }
      const spec: ReplicaSpec = {
        ...about,
        replica_id: replicaId,
        kind,
        upstream: sealedFor,
        options: { ...options },
        auth,
      }
      const { auth: sealed } = await sealAuth(spec, 'w', sealingKey.publicKey)
      const request = { replica_id: replicaId, kind, upstream, options: spec.options }
      return trials.try({ ...request, auth: sealed?.type === 'sealed' ? sealed : null })
    },
  }
}
