// wiring.ts — The parts of a running worker and how they are connected: machine, syncs, messenger, metrics, NATS.
import { hostname } from 'node:os'
import { WIRE_VERSION, type Capability, type Join, type KindAnnouncement } from '@kagami/protocol'
import {
  ConfigError,
  createActor,
  diskRefusal,
  newId,
  sealAuth,
  type Actor,
  type Clock,
  type Logger,
  type SealingKey,
} from '@kagami/runtime'
import type { WorkerConfig } from './config/config.ts'
import type { Replica } from './core/replica.ts'
import { createWorkerMachine, type WorkerEvent, type WorkerState } from './core/worker.ts'
import { obtainAccess } from './edge/enrol.ts'
import type { Keeper } from './edge/keeper.ts'
import { createMessenger, type Messenger } from './edge/messenger.ts'
import { openLink, type Link, type LinkListener } from './edge/nats.ts'
import type { Spool } from './edge/spool.ts'
import { mayWork } from './core/membership.ts'
import { createEffectHandlers, keepRecord, type Ending } from './effects.ts'
import type { Identity } from './identity.ts'
import { watchFolders, type FolderWatch } from './folder-watch.ts'
import { createPaces } from './http/pace.ts'
import type { Paces } from './paces.ts'
import { createWorkerMetrics, type WorkerMetrics } from './metrics.ts'
import type { Provider } from './provider.ts'
import type { WorkerFiles } from './state.ts'
import { readLog } from './sync/log.ts'
import { createSyncs, type Syncs } from './sync/syncs.ts'
import { createTrials, type Trials } from './trial/trials.ts'
import type { Place } from './tree/place.ts'
import { version } from './version.ts'

export interface WiringParts {
  readonly config: WorkerConfig
  readonly providers: Readonly<Record<string, Provider>>
  readonly clock: Clock
  readonly logger: Logger
  readonly toolPath?: readonly string[]
  readonly id: string
  /** Of this process: tells it apart from another one with the same worker id. */
  readonly instance: string
  readonly identity: Identity
  readonly fresh: boolean
  readonly files: WorkerFiles
  readonly place: Place
  readonly keeper: Keeper
  readonly spool: Spool
  readonly sealingKey: SealingKey
  readonly kinds: readonly KindAnnouncement[]
  /** What the worker knows before it hears anything. */
  readonly state: WorkerState
}

/** What the parts of a running worker share. Parts are created in order; each uses later ones only once it runs. */
export interface Wiring extends WiringParts {
  readonly actor: Actor<WorkerState, WorkerEvent>
  /** How fast hosts may be asked, by syncs and trials together. */
  readonly paces: Paces
  readonly syncs: Syncs
  readonly trials: Trials
  readonly messenger: Messenger
  readonly metrics: WorkerMetrics
  readonly folders: FolderWatch
  /** Whether this data_dir is where the worker belongs. Until then it writes no id, record or document there. */
  settled: boolean
  /** The connection to NATS; null until it is there. */
  link: Link | null
  /** Where /metrics is served, host:port. */
  httpAddress: string
  /** Ends the wait for NATS. */
  readonly stopConnecting: AbortController
  /** Resolves when the fleet ends the worker. */
  readonly ended: Promise<Ending>
}

/** Connects the parts. Nothing is sent and no sync runs before `connectToFleet` and the first event. */
export function wireWorker(parts: WiringParts): Wiring {
  const { promise: ended, resolve: end } = Promise.withResolvers<Ending>()
  const base = {
    settled: parts.identity.kept,
    paces: createPaces(),
    link: null,
    httpAddress: parts.config.http_addr,
    stopConnecting: new AbortController(),
    ended,
  }
  const wiring = { ...parts, ...base } as { -readonly [Part in keyof Wiring]: Wiring[Part] }
  wiring.metrics = metricsOf(wiring)
  wiring.syncs = syncsOf(wiring)
  wiring.trials = trialsOf(wiring)
  wiring.messenger = messengerOf(wiring)
  wiring.folders = foldersOf(wiring)
  wiring.actor = actorOf(wiring, end)
  return wiring
}

function metricsOf(wiring: Wiring): WorkerMetrics {
  return createWorkerMetrics({
    state: () => wiring.actor.state,
    connected: () => wiring.link?.connected ?? false,
    spooled: () => wiring.spool.size,
    unwritten: () => wiring.keeper.waiting,
    dataDir: wiring.config.data_dir,
    now: () => wiring.clock.now(),
  })
}

function syncsOf(wiring: Wiring): Syncs {
  return createSyncs({
    ...wiring,
    workerId: wiring.id,
    onProgress: (event) => wiring.link?.progress(event),
    onEnd(report) {
      // The report first: from here on a crash cannot lose it.
      wiring.spool.keep(report)
      wiring.metrics.synced(report)
      wiring.actor.send({ type: 'sync_ended', report })
      void wiring.messenger.flushReports()
    },
  })
}

function trialsOf(wiring: Wiring): Trials {
  return createTrials({
    ...wiring,
    workerId: wiring.id,
    isThere: wiring.place.isThere,
    findReplica: (replicaId) => wiring.actor.state.replicas.get(replicaId)?.spec ?? null,
  })
}

function messengerOf(wiring: Wiring): Messenger {
  return createMessenger({
    clock: wiring.clock,
    logger: wiring.logger,
    dataDir: wiring.config.data_dir,
    spool: wiring.spool,
    joinMessage: () => joinMessageOf(wiring),
    state: () => wiring.actor.state,
    folders: () => wiring.folders.found,
    tell(event) {
      wiring.actor.send(event)
      const answered = event.type === 'join_answered' && event.reply !== null && !event.reply.missing_disk
      if (answered || mayWork(wiring.actor.state.membership)) settle(wiring)
    },
    onHeartbeat: (at) => wiring.metrics.heartbeatSent(at),
  })
}

/** The fleet did not miss another disk here: what the worker remembers is written from now on. */
function settle(wiring: Wiring): void {
  if (wiring.settled) return
  wiring.settled = true
  const { keeper, files, identity, actor } = wiring
  const { desired, replicas } = actor.state
  keeper.write('worker-id', () => identity.keep())
  for (const replica of replicas.values()) keepRecord(wiring, replica)
  if (!desired) return
  keeper.write('desired', () => files.saveDesired(desired))
  actor.send({ type: 'desired_kept', kept: desired })
}

function foldersOf(wiring: Wiring): FolderWatch {
  const { clock, logger, config } = wiring
  return watchFolders({
    clock,
    logger,
    dataDir: config.data_dir,
    state: () => wiring.actor.state,
    onFound: () => wiring.messenger.sendFolders(),
  })
}

function actorOf(wiring: Wiring, end: (ending: Ending) => void): Wiring['actor'] {
  const { clock, logger, state } = wiring
  return createActor({
    state,
    advance: createWorkerMachine(newId),
    clock,
    effects: createEffectHandlers({
      ...wiring,
      settled: () => wiring.settled,
      end,
      kept: (desired) => wiring.actor.send({ type: 'desired_kept', kept: desired }),
      wake: () => wiring.actor.send({ type: 'woke' }),
    }),
    onFault(fault, effect) {
      const refusal = diskRefusal(fault, wiring.config.data_dir)
      const said = refusal
        ? `${refusal.path} cannot be used: ${refusal.problem}; mirrors keep syncing. ${refusal.cure}`
        : fault instanceof ConfigError && `${fault.message}; mirrors keep syncing. ${fault.hint ?? ''}`.trim()
      if (said) logger.error({ effect: effect?.type }, said)
      else logger.error({ err: fault, effect: effect?.type }, 'a fault in the worker; it goes on')
    },
  })
}

function joinMessageOf({ config, id, instance, kinds, fresh, sealingKey, httpAddress }: Wiring): Join {
  return {
    worker_id: id,
    instance,
    wire: WIRE_VERSION,
    name: config.name,
    version,
    hostname: hostname(),
    http_addr: httpAddress,
    data_dir: config.data_dir,
    ...(config.declaredIn === null ? {} : { declared_in: config.declaredIn }),
    kinds: [...kinds],
    capabilities: ['verify', 'restore', 'rename', 'edit', 'try', 'wait'] satisfies Capability[],
    sealing_key: sealingKey.publicKey,
    ...(fresh ? { fresh } : {}),
  }
}

/** Connects to NATS in the background; until that succeeds the worker works from what it remembers. */
export function connectToFleet(wiring: Wiring): void {
  const { logger, stopConnecting } = wiring
  connect(wiring).catch(
    (error: unknown) =>
      stopConnecting.signal.aborted ||
      logger.error(
        error instanceof ConfigError ? { hint: error.hint ?? undefined } : { err: error },
        `cannot use NATS${error instanceof ConfigError ? `: ${error.message}` : ''}; mirrors keep syncing from the ` +
          'last known state. Check nats_url and the join token',
      ),
  )
}

async function connect(wiring: Wiring): Promise<void> {
  const { config, files, logger, actor, messenger, sealingKey } = wiring
  const { signal } = wiring.stopConnecting
  const access = await obtainAccess({
    directory: files.directory,
    workerId: wiring.id,
    token: config.joinToken,
    url: config.nats_url,
    urlGiven: config.natsUrlGiven,
    logger,
    signal,
    joinMessage: () => joinMessageOf(wiring),
    onWaiting: ({ status, reason }) =>
      status !== 'refused' && actor.send({ type: 'join_answered', reply: { accepted: false, status, reason } }),
  })
  const view = {
    state: () => actor.state,
    tell: (event: WorkerEvent) => actor.send(event),
    seal: (spec: Replica['spec']) => sealAuth(spec, wiring.id, sealingKey.publicKey),
  }
  const { id: workerId, instance } = wiring
  const link = await openLink({ ...access, workerId, instance, logger, listener: listenerOf(wiring), view })
  if (signal.aborted) return void link.goodbye()
  wiring.link = link
  messenger.open(link)
}

/** What the worker does when the fleet asks for something. */
function listenerOf(wiring: Wiring): LinkListener {
  const { config, messenger, syncs, trials, actor } = wiring
  return {
    hint: () => messenger.hint(),
    connected: (now) => messenger.connected(now),
    refresh: ({ statesOnly }) => (statesOnly ? messenger.sendStates() : messenger.sendAll()),
    cancel: (syncId) => cancelSync(actor, syncId),
    readLog: async (request) =>
      readLog({ ...request, dataDir: config.data_dir, running: syncs.isRunning(request.sync_id) }),
    // Nothing is connected to before approval.
    tryUpstream: async (request) => (mayWork(actor.state.membership) ? trials.try(request) : null),
  }
}

/** Cancels a sync; false when it does not run. */
function cancelSync(actor: Wiring['actor'], syncId: string): boolean {
  const running = [...actor.state.replicas.values()].some(
    ({ life }) => life.state === 'syncing' && life.syncId === syncId,
  )
  if (running) actor.send({ type: 'cancel_asked', syncId })
  return running
}
