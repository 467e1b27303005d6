// worker.ts — Starts and stops a worker: opens data_dir, recovers from a crash, wires the parts, connects to the fleet.
import { mkdirSync } from 'node:fs'
import {
  LOCAL_KINDS,
  policyProperties,
  withPolicy,
  type Desired,
  type KindAnnouncement,
  type ReplicaSpec,
} from '@kagami/protocol'
import {
  ConfigError,
  diskProblem,
  every,
  logDamage,
  newId,
  onClockJump,
  pause,
  replicaIdOf,
  type Clock,
  type Logger,
  type SealingKey,
} from '@kagami/runtime'
import type { WorkerConfig } from './config/config.ts'
import { declaredReplicas, renamedReplicas } from './config/replicas.ts'
import Type from 'typebox'
import { openWorker, type WorkerState } from './core/worker.ts'
import { ownerOfCredentials } from './edge/enrol.ts'
import { serveWorkerHttp } from './edge/http.ts'
import { createKeeper, type Keeper } from './edge/keeper.ts'
import { openSpool, type Spool } from './edge/spool.ts'
import type { Remembered } from './core/replica.ts'
import type { Ending } from './effects.ts'
import type { Identity } from './identity.ts'
import { hasMarks } from './tree/marker.ts'
import { trustAlso } from './programs/trust.ts'
import type { Provider } from './provider.ts'
import { reportInterrupted } from './recovery.ts'
import { openWorkerFiles, type WorkerFiles } from './state.ts'
import { createProber } from './sync/syncs.ts'
import { FORGOTTEN_DAYS, moveForgotten } from './leftovers/forgotten.ts'
import { restingMost } from './leftovers/gently.ts'
import { removeLeftKeys } from './ssh/key.ts'
import { paths } from './tree/paths.ts'
import { takePlace, type Place } from './tree/place.ts'
import { renamingSteps } from './tree/rename.ts'
import { emptyTrash } from './leftovers/trash.ts'
import { prepareWorkspace } from './tree/workspace.ts'
import { connectToFleet, wireWorker, type Wiring } from './wiring.ts'

export interface RunningWorker {
  readonly id: string
  readonly httpPort: number
  /** Resolves when the fleet ends the worker: rejected or terminated. */
  readonly ended: Promise<Ending>
  /** Lets running syncs finish within the grace period, stops the rest, says goodbye. */
  stop(): Promise<void>
}

export interface WorkerParts {
  readonly config: WorkerConfig
  readonly providers: Readonly<Record<string, Provider>>
  readonly clock: Clock
  readonly logger: Logger
  /** Folders with tools that are not on PATH. */
  readonly toolPath?: readonly string[]
  /** Ends the wait for another worker that uses data_dir. */
  readonly signal?: AbortSignal
}

const PUBLISHED_UMASK = 0o022
/** How often what nobody needs any more is looked for, ms. */
const COLLECT_EVERY_MS = 24 * 3_600_000

/**
 * Starts a worker; null when it was stopped while it waited for another one. Throws ConfigError when it cannot run
 * here; afterwards nothing outside can make it throw.
 */
export async function startWorker(parts: WorkerParts): Promise<RunningWorker | null> {
  const { config, logger, clock } = parts
  // Others read what is published, whatever umask this program was started with; the programs it starts have it too.
  process.umask(PUBLISHED_UMASK)
  const opened = await openDataDir(parts)
  if (!opened) return null
  const { files, place } = opened
  removeLeftKeys(config.data_dir)
  if (config.ca_file) trustAlso(config.ca_file, paths.authorities(config.data_dir))
  const keeper = createKeeper({ clock, logger, folder: paths.own(config.data_dir), isThere: place.isThere })
  const restored = restore(parts, files, keeper)
  const sealingKey = await readSealingKey(files)
  const kinds = await announcedKinds(parts)
  const wiring = wireWorker({ ...parts, ...restored, files, place, keeper, sealingKey, kinds })
  const http = await serveWorkerHttp(config.httpAddress, wiring.metrics.registry)
  wiring.httpAddress = `${config.httpAddress.host}:${http.port}`
  if (restored.desired) wiring.actor.send({ type: 'desired_read', desired: restored.desired, cached: true })
  else wiring.actor.send({ type: 'woke' })
  wiring.folders.look()
  void deleteLeftovers(wiring)
  const stopCollecting = every(clock, COLLECT_EVERY_MS, () => void deleteLeftovers(wiring))
  logStart(wiring, http.port)
  const stopWatching = onClockJump(clock, (byMs) => {
    logger.warn({ seconds: Math.round(byMs / 1000) }, 'the clock of this machine was set; intervals go on as before')
    wiring.actor.send({ type: 'clock_jumped', byMs })
  })
  connectToFleet(wiring)
  return {
    id: wiring.id,
    httpPort: http.port,
    ended: wiring.ended,
    stop: () =>
      stopWorker(wiring, http).finally(() => {
        stopWatching()
        stopCollecting()
        place.release()
      }),
  }
}

async function openDataDir(parts: WorkerParts): Promise<{ files: WorkerFiles; place: Place } | null> {
  const { config, clock, logger, signal } = parts
  const dataDir = config.data_dir
  try {
    mkdirSync(dataDir, { recursive: true })
    mkdirSync(paths.own(dataDir), { recursive: true, mode: 0o700 })
    const place = await takePlace({ dataDir, clock, logger, signal })
    // What is damaged is set aside: only the one worker of the directory may do so.
    return place && { files: openWorkerFiles(dataDir, logDamage(logger)), place }
  } catch (error) {
    if (error instanceof ConfigError) throw error
    const problem = diskProblem(error)
    throw new ConfigError(
      problem?.message ?? `data_dir ${dataDir} cannot be used: ${(error as Error).message}`,
      problem?.hint ?? 'It must be a directory this user can write to.',
    )
  }
}

interface Restored {
  readonly id: string
  readonly identity: Identity
  /** Whether nothing in data_dir shows that a worker was ever approved there. */
  readonly fresh: boolean
  readonly instance: string
  readonly spool: Spool
  readonly state: WorkerState
  /** The desired document an earlier run cached. */
  readonly desired: Desired | null
}

/** Reads what earlier runs left in data_dir, and cleans up after one that was killed. */
function restore(parts: WorkerParts, files: WorkerFiles, keeper: Keeper): Restored {
  const { config, clock, logger } = parts
  const identity = files.identity(config.worker_id)
  const { id } = identity
  const declared = readDeclared(parts, id)
  const cached = files.readDesired()
  const desired = cached?.terminate ? null : cached
  const before = files.readReplicas()
  const workspace = prepareWorkspace(config.data_dir, new Set(before.keys()), logDamage(logger))
  if (workspace.orphans > 0)
    logger.warn({ processes: workspace.orphans }, 'ended programs that an earlier run had left behind')
  // What `kagami folders` must not call free.
  keeper.write('declared', () => files.saveDeclared(declared.map(({ name }) => name)))
  renameReplicas(parts, { id, files, desired })
  const remembered = files.readReplicas()
  const spool = openSpool(files.spoolDirectory, logger, keeper)
  const specs = [...declared, ...(desired?.replicas ?? [])]
  reportInterrupted({ workerId: id, spool, remembered, specs, now: clock.now() })
  const instance = newId()
  const limits = { perWorker: config.slots, perHost: config.slots_per_host }
  const approved = wasApproved(files, remembered)
  const approvedBefore = desired === null && files.lostDesired() && approved
  const fresh = !approved && cached?.admission !== 'approved' && !hasMarks(config.data_dir)
  const state = openWorker({ id, instance, limits, declared, remembered, approvedBefore }, clock.now())
  return { id, identity, fresh, instance, spool, state, desired }
}

/** Nothing syncs before approval: a sync that has ended, or credentials of NATS, show that there was one. */
function wasApproved(files: WorkerFiles, remembered: ReadonlyMap<string, Remembered>): boolean {
  return (
    [...remembered.values()].some(({ facts }) => facts.lastSync !== null) ||
    (ownerOfCredentials(files.directory)?.approved ?? false)
  )
}

/** The replicas of worker.toml. Warnings about the file are logged. */
function readDeclared({ config, providers, logger }: WorkerParts, workerId: string): ReplicaSpec[] {
  const warnings: string[] = [...config.warnings]
  const declared = declaredReplicas(config, { workerId, kinds: providers, warnings })
  for (const warning of warnings) logger.warn(warning)
  return declared
}

/** Moves the files of replicas that have another name now. Throws ConfigError when they cannot be moved. */
function renameReplicas(
  { config, logger }: WorkerParts,
  { id, files, desired }: Pick<Restored, 'id' | 'desired'> & { files: WorkerFiles },
): void {
  for (const { was, name, kind } of renamedReplicas(config)) {
    if (desired?.replicas.some((spec) => spec.name === was))
      throw new ConfigError(
        `was = "${was}" of ${name}: a replica called ${was} was added by the API, and its files stay with it`,
        'Remove was, or first remove that replica: kagami replicas remove.',
      )
    const [wasId, replicaId] = [replicaIdOf(id, was), replicaIdOf(id, name)]
    const steps = renamingSteps(config.data_dir, { was, wasId, name, replicaId, kind })
    let moved = false
    while (!steps.next().done) {
      files.renameReplica(wasId, replicaId)
      moved = true
    }
    if (!moved) continue
    logger.info({ was, name }, 'a replica has another name now; its files, generations and state were kept')
  }
}

async function readSealingKey(files: WorkerFiles): Promise<SealingKey> {
  try {
    return await files.sealingKey()
  } catch (error) {
    if (error instanceof ConfigError) throw error
    throw new ConfigError(
      `the key for credentials in ${files.directory} cannot be read: ${(error as Error).message}`,
      'Restore credentials.key from a backup. Or remove it, and give the credentials again: kagami replicas edit.',
    )
  }
}

/** The kinds this worker can sync, as it announces them. */
async function announcedKinds(parts: WorkerParts): Promise<KindAnnouncement[]> {
  const run = createProber(parts.toolPath ?? [])
  const roots = parts.config.upstream_roots
  return Promise.all(
    Object.values(parts.providers).map(async (provider) => ({
      kind: provider.kind,
      ...(await provider.probe(run)),
      options: offeredOptions(provider.options, provider.connects ? [] : parts.config.proxySettings.names),
      ...(roots.length > 0 && LOCAL_KINDS.includes(provider.kind) ? { roots } : {}),
    })),
  )
}

/** The API chooses among the proxies that worker.toml lists, and has nothing to choose where it lists none. */
function offeredOptions(own: Type.TObject, proxies: readonly string[]): Type.TObject {
  const { proxy: _of, ...options } = withPolicy(own).properties
  const { description } = policyProperties.proxy as { description?: string }
  const choice = Type.Optional(Type.Enum([...proxies], { description }))
  return Type.Object(proxies.length > 0 ? { ...options, proxy: choice } : options, { additionalProperties: false })
}

/** What `kagami folders remove` could not finish. */
async function deleteLeftovers(wiring: Wiring): Promise<void> {
  const { config, logger, stopConnecting } = wiring
  const { signal } = stopConnecting
  collectForgotten(wiring)
  await emptyTrash(config.data_dir, restingMost(signal)).catch(
    (error: unknown) =>
      signal.aborted ||
      logger.warn({ err: error }, `${paths.trash(config.data_dir)} could not be deleted: delete it yourself`),
  )
}

/** Only once the worker knows what the fleet wants of it: until then it may not know all of its replicas. */
function collectForgotten({ actor, config, clock, logger, place }: Wiring): void {
  const { desired, replicas } = actor.state
  if (!desired || !place.isThere()) return
  try {
    const { moved, later } = moveForgotten(config.data_dir, { isKnown: (id) => replicas.has(id), now: clock.now() })
    if (moved.length > 0) logger.info({ paths: moved }, 'removed what replicas that are gone had left below .kagami')
    if (later.length > 0)
      logger.info({ paths: later }, `replicas that are gone have left this; it goes after ${FORGOTTEN_DAYS} days`)
  } catch (error) {
    logger.warn({ reason: (error as Error).message }, 'what replicas that are gone have left could not be removed')
  }
}

function logStart({ logger, id, config, actor }: Wiring, httpPort: number): void {
  logger.info(
    {
      worker_id: id,
      called: config.name,
      data_dir: config.data_dir,
      http_port: httpPort,
      replicas: actor.state.replicas.size,
    },
    'worker started',
  )
}

async function stopWorker(wiring: Wiring, http: { close(): Promise<void> }): Promise<void> {
  const { actor, syncs, trials, messenger, config, folders } = wiring
  folders.stop()
  actor.send({ type: 'stop_asked' })
  await Promise.race([syncs.idle(), pause(config.grace_secs * 1000)])
  syncs.abortAll('interrupted')
  await Promise.all([syncs.idle(), trials.stop()])
  await Promise.race([messenger.flushReports(), pause(2000)])
  messenger.close()
  wiring.stopConnecting.abort()
  actor.stop()
  await wiring.link?.goodbye()
  await http.close()
}
