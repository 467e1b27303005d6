// trials.ts — Tries upstreams, one at a time: asks them what they have by the guards of a sync, without a slot, a tree
// or a report. What is asked of each kind is in its provider.
import {
  endpointOf,
  policyOf,
  TRIAL_SECONDS,
  type Auth,
  type ReplicaSpec,
  type Trial,
  type TryReply,
  type TryRequest,
} from '@kagami/protocol'
import { newId, pause, type Logger, type SealingKey } from '@kagami/runtime'
import type { WorkerConfig } from '../config/config.ts'
import { authSourceOf } from '../config/secrets.ts'
import type { Paces } from '../paces.ts'
import { createCommandRunner } from '../programs/command.ts'
import { SyncFailure, type Provider, type TrialContext } from '../provider.ts'
import { loginsOf, namingProxies, openProxies } from '../proxy/open.ts'
import { createRunProxies, type OpenRoutes, type RunProxies } from '../proxy/run.ts'
import { openKey } from '../ssh/key.ts'
import { createMask, openAuth } from '../sync/credentials.ts'
import { localUpstream } from '../sync/local.ts'
import { createPeers, type KnownPeers } from '../sync/peers.ts'
import { checkOptions } from '../sync/update.ts'
import { readMarker } from '../tree/marker.ts'
import { freeBytes } from '../tree/space.ts'
import { reachHost } from './reach.ts'
import { createSteps, type Steps } from './steps.ts'

/** The trials of one worker. */
export interface Trials {
  /** Tries an upstream; says which one is tried when there is one already. Never rejects. */
  try(request: TryRequest): Promise<TryReply>
  /** Ends the one that runs, and refuses others. */
  stop(): Promise<void>
}

export interface TrialsParts {
  readonly config: WorkerConfig
  readonly providers: Readonly<Record<string, Provider>>
  readonly paces: Paces
  readonly toolPath?: readonly string[]
  readonly workerId: string
  readonly sealingKey: SealingKey
  readonly logger: Logger
  /** Whether data_dir is where it belongs. */
  readonly isThere: () => boolean
  /** A replica of this worker by its id. */
  readonly findReplica: (replicaId: string) => ReplicaSpec | null
  /** How long a trial may take, ms. */
  readonly limitMs?: number
}

/** Milliseconds that programs have to end by themselves when the time of a trial is over. */
const GRACE_MS = 500

/** With none running. */
export function createTrials(parts: TrialsParts): Trials {
  const stopping = new AbortController()
  let running: { readonly upstream: string; readonly done: Promise<Trial> } | null = null
  return {
    async try(request) {
      if (running !== null) return { trial: null, busy_with: running.upstream }
      const done = tryUpstream(parts, request, stopping.signal)
      running = { upstream: request.upstream, done }
      try {
        return { trial: await done, busy_with: null }
      } finally {
        running = null
      }
    },
    async stop() {
      stopping.abort('interrupted')
      await running?.done
    },
  }
}

async function tryUpstream(parts: TrialsParts, request: TryRequest, stop: AbortSignal): Promise<Trial> {
  const { config, isThere, logger, limitMs = TRIAL_SECONDS * 1000 } = parts
  const started = performance.now()
  const limit = AbortSignal.timeout(limitMs)
  const signal = AbortSignal.any([stop, limit])
  const secrets: Secrets = { auth: null, proxies: null, others: [] }
  const mask = (text: string) => createMask([secrets.auth, ...loginsOf(secrets.proxies)], secrets.others)(text)
  const steps = createSteps({ signal, limit, limitMs, dataDir: config.data_dir, mask })
  const finish = (ok: boolean, reason: Trial['reason'], hint: string | null): Trial => {
    const free = isThere() ? freeBytes(config.data_dir) : Infinity
    return {
      ok,
      reason,
      hint,
      steps: [...steps.taken],
      duration_ms: Math.round(performance.now() - started),
      free_bytes: Number.isFinite(free) ? free : null,
    }
  }
  try {
    await takeSteps(parts, request, { steps, signal, secrets, limitMs })
    return finish(true, null, null)
  } catch (error) {
    const { reason, hint, fault } = steps.failureOf(error)
    if (fault) logger.error({ err: error }, 'a fault while an upstream was tried; the worker goes on')
    return finish(false, reason, hint.slice(0, 2000))
  }
}

/** What nobody may see, as far as it is known by now. */
interface Secrets {
  auth: Auth | null
  proxies: OpenRoutes | null
  others: readonly string[]
}

interface Attempt {
  readonly steps: Steps
  readonly signal: AbortSignal
  readonly secrets: Secrets
  readonly limitMs: number
}

async function takeSteps(parts: TrialsParts, request: TryRequest, attempt: Attempt): Promise<void> {
  const { config } = parts
  const { steps, signal, secrets, limitMs } = attempt
  const known = parts.findReplica(request.replica_id)
  const spec = specOf(request, known)
  const { provider, options } = await steps.take('settings', () => checkSettings(parts, spec, secrets), nothing)
  const local = await steps.take(
    'address',
    () => localUpstream(spec, { upstreamRoots: config.upstream_roots, dataDir: config.data_dir }),
    (folder) => (folder === null ? null : `the folder ${folder}`),
  )
  const proxies = proxiesOf(attempt, (name) => peers.resolve(name))
  const peers = peersOf(parts, spec, proxies)
  const trialId = newId()
  const key = await steps.take('settings', async () => keyOf(parts, spec, { auth: secrets.auth, trialId }), nothing)
  try {
    const endpoint = local === null && provider.connects !== 'itself' ? endpointOf(spec.upstream) : null
    if (endpoint !== null) await reachHost(endpoint, { peers, steps, signal, timeoutMs: limitMs })
    const ssh = key?.ssh ?? null
    const asking = { upstream: spec.upstream, auth: ssh ? null : secrets.auth, options, peers, local, ssh }
    await provider.tryUpstream?.(contextOf(parts, attempt, { ...asking, trialId }))
  } catch (error) {
    throw namingProxies(error, proxies?.used() ?? [])
  } finally {
    for (const one of [key, proxies]) one?.close()
  }
}

const nothing = () => null

/** What a replica of this kind and upstream would be; of worker.toml when the one that is named is, and is the same. */
function specOf({ replica_id, kind, upstream, options, auth }: TryRequest, known: ReplicaSpec | null): ReplicaSpec {
  const same = known !== null && known.kind === kind && known.upstream === upstream
  const { name, origin } = same ? known : { name: 'trial', origin: 'api' as const }
  return { replica_id, name, kind, upstream, interval_secs: null, labels: {}, options, auth, origin }
}

async function checkSettings(
  { providers, config, workerId, sealingKey }: TrialsParts,
  spec: ReplicaSpec,
  secrets: Secrets,
): Promise<{ provider: Provider; options: Record<string, unknown> }> {
  const provider = Object.hasOwn(providers, spec.kind) ? providers[spec.kind] : undefined
  if (!provider) throw new SyncFailure('kind_unknown', `this worker cannot sync the kind "${spec.kind}"`)
  secrets.others = provider.secrets?.(spec.options) ?? []
  const options = checkOptions(provider, { ...spec, auth: null })
  secrets.proxies = openProxies(config, spec)
  const source = spec.origin === 'config' ? authSourceOf(config, spec.name) : null
  secrets.auth = await openAuth(spec, { workerId, key: sealingKey, source })
  return { provider, options }
}

function proxiesOf({ secrets, signal, steps }: Attempt, resolve: KnownPeers['resolve']): RunProxies | null {
  return secrets.proxies && createRunProxies(secrets.proxies, { signal, resolve, log: steps.note })
}

/** Where the copy of the same replica found its upstream before counts, as in a sync. */
function peersOf({ config }: TrialsParts, { name, upstream, options }: ReplicaSpec, proxies: RunProxies | null) {
  const marker = readMarker(config.data_dir, name)
  return createPeers({
    proxies,
    publicOnly: config.upstream_policy === 'public-only',
    known: marker?.upstream === upstream ? (marker.reach ?? null) : null,
    allowPrivate: policyOf(options).allow_private,
  })
}

function keyOf(
  { config }: TrialsParts,
  { upstream }: ReplicaSpec,
  { auth, trialId }: { auth: Auth | null; trialId: string },
) {
  return openKey({ upstream, auth, settings: config.sshSettings, dataDir: config.data_dir, syncId: trialId })
}

type Asking = Pick<TrialContext, 'upstream' | 'auth' | 'options' | 'peers' | 'local' | 'ssh'>

function contextOf(
  { config, paces, toolPath = [] }: TrialsParts,
  { steps, signal }: Attempt,
  { trialId, ...asking }: Asking & { readonly trialId: string },
): TrialContext {
  return {
    ...asking,
    paces,
    signal,
    run: createCommandRunner({
      signal,
      toolPath,
      // By it the next start of the worker finds what is left of this one.
      mark: `${config.data_dir}:${trialId}`,
      graceMs: GRACE_MS,
      log: () => {},
    }),
    pause: (seconds) => pause(seconds * 1000, signal),
    progress: () => {},
    log: steps.note,
    step: steps.take,
  }
}
