// worker.ts — The Worker actor: the machine of core/worker.ts with hands. Each effect has one handler here.
import { mkdirSync } from 'node:fs'
import { hostname } from 'node:os'
import { LOCAL_KINDS, WIRE_VERSION, withPolicy, type Join, type KindAnnouncement } from '@kagami/protocol'
import {
  ConfigError,
  createActor,
  lockDirectory,
  newId,
  onClockJump,
  pause,
  sealAuth,
  type Actor,
  type Clock,
  type EffectHandlers,
  type Logger,
  type SealingKey,
} from '@kagami/runtime'
import { declaredReplicas, type WorkerConfig } from './config.ts'
import type { Remembered, Replica } from './core/replica.ts'
import {
  createWorkerMachine,
  openWorker,
  type WorkerEffect,
  type WorkerEvent,
  type WorkerState,
} from './core/worker.ts'
import { createConversation, type Conversation } from './edge/conversation.ts'
import { findEntrance } from './edge/enrol.ts'
import { serveWorkerHttp } from './edge/http.ts'
import { openLink, type Link, type LinkListener } from './edge/nats.ts'
import { createWorkerMetrics } from './metrics.ts'
import type { Provider } from './provider.ts'
import { caughtUp, interruptedReport, openWorkerFiles, type WorkerFiles } from './state.ts'
import { createProber, createSyncs, type Syncs } from './sync/syncs.ts'
import { readLog } from './sync/log.ts'
import { openSpool, type Spool } from './edge/spool.ts'
import { paths } from './tree/paths.ts'
import { trustAlso } from './programs/trust.ts'
import { prepareWorkspace } from './tree/workspace.ts'
import { version } from './version.ts'

/** Pause before the desired document is written to disk, ms. */
const KEEP_MS = 100

export interface RunningWorker {
  readonly id: string
  readonly httpPort: number
  /** Resolves when the fleet ends the worker: rejected or terminated. */
  readonly ended: Promise<{ why: 'rejected' | 'terminated'; reason: string | null }>
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
}

/** Starts a worker. Throws ConfigError when it cannot run here; afterwards nothing outside can make it throw. */
export async function startWorker(parts: WorkerParts): Promise<RunningWorker> {
  const { config, logger, clock } = parts
  const { files, lock } = await openDataDir(config)
  if (config.ca_file) trustAlso(config.ca_file, paths.authorities(config.data_dir))
  const id = files.workerId(config.worker_id)
  const warnings: string[] = [...config.warnings]
  const declared = declaredReplicas(config, { workerId: id, kinds: Object.keys(parts.providers), warnings })
  for (const warning of warnings) logger.warn(warning)
  const cached = files.readDesired()
  const desired = cached?.terminate ? null : cached
  const remembered = files.readReplicas()
  const workspace = prepareWorkspace(config.data_dir, new Set(remembered.keys()))
  if (workspace.orphans > 0)
    logger.warn({ processes: workspace.orphans }, 'ended programs that an earlier run had left behind')
  const spool = openSpool(files.spoolDirectory, logger)
  recover({ id, files, spool, remembered, specs: [...declared, ...(desired?.replicas ?? [])], now: clock.now() })

  const instance = newId()
  const limits = { perWorker: config.slots, perHost: config.slots_per_host }
  const sealingKey = await readSealingKey(files)
  const state = openWorker({ id, instance, limits, declared, remembered }, clock.now())
  const body = assemble({ ...parts, id, instance, files, spool, state, sealingKey, kinds: await announcements(parts) })
  const http = await serveWorkerHttp(config.httpAddress, body.metrics.registry)
  const listening = `${config.httpAddress.host}:${http.port}`
  if (desired) body.actor.send({ type: 'desired_read', desired, cached: true })
  logger.info(
    {
      worker_id: id,
      called: config.name,
      data_dir: config.data_dir,
      http_port: http.port,
      replicas: body.actor.state.replicas.size,
    },
    'worker started',
  )
  const stopWatching = onClockJump(clock, (byMs) => {
    logger.warn({ seconds: Math.round(byMs / 1000) }, 'the clock of this machine was set; intervals go on as before')
    body.actor.send({ type: 'clock_jumped', byMs })
  })
  const link = body.connect(listening)
  return {
    id,
    httpPort: http.port,
    ended: body.ended,
    stop: () =>
      stop({ ...body, config, spool, link, http }).finally(() => {
        stopWatching()
        lock.release()
      }),
  }
}

async function openDataDir(config: WorkerConfig): Promise<{ files: WorkerFiles; lock: { release(): void } }> {
  try {
    mkdirSync(config.data_dir, { recursive: true })
    const files = openWorkerFiles(config.data_dir)
    const lock = await lockDirectory(files.directory, 'worker')
    if (lock) return { files, lock }
  } catch (error) {
    if (error instanceof ConfigError) throw error
    throw new ConfigError(
      `data_dir ${config.data_dir} cannot be used: ${(error as Error).message}`,
      'It must be a directory this user can write to.',
    )
  }
  throw new ConfigError(
    `another worker already uses data_dir ${config.data_dir}`,
    'Stop it first, or give this one a data_dir of its own.',
  )
}

/**
 * Closes what a crash left open: reports in the spool count, and a sync that was running gets a report that says so.
 */
function recover(left: {
  id: string
  files: WorkerFiles
  spool: Spool
  remembered: Map<string, Remembered>
  specs: Replica['spec'][]
  now: Date
}) {
  for (const spec of left.specs) {
    const before = left.remembered.get(spec.replica_id)
    const report = before && interruptedReport(spec, left.id, before, left.now)
    if (!before || !report) continue
    if (left.spool.holds(report.sync_id)) continue
    left.spool.keep(report)
    const after = caughtUp(spec, before, report)
    // What was asked for is still wanted, and is done again first.
    left.remembered.set(spec.replica_id, { ...after, life: before.life })
  }
}

async function readSealingKey(files: WorkerFiles): Promise<SealingKey> {
  try {
    return await files.sealingKey()
  } catch (error) {
    throw new ConfigError(
      `the key for credentials in ${files.directory} cannot be read: ${(error as Error).message}`,
      'Restore credentials.key from a backup, or remove it: then give the credentials of this worker’s replicas again.',
    )
  }
}

async function announcements(parts: WorkerParts): Promise<KindAnnouncement[]> {
  const run = createProber(parts.toolPath ?? [])
  const roots = parts.config.upstream_roots
  return Promise.all(
    Object.values(parts.providers).map(async (provider) => ({
      kind: provider.kind,
      ...(await provider.probe(run)),
      options: withPolicy(provider.options),
      ...(roots.length > 0 && LOCAL_KINDS.includes(provider.kind) ? { roots } : {}),
    })),
  )
}

/** The link once there is one; `giveUp` ends the wait for it. */
interface Line {
  current: Link | null
  httpAddress: string
  readonly giveUp: AbortController
}

interface Body {
  readonly actor: Actor<WorkerState, WorkerEvent>
  readonly conversation: Conversation
  readonly syncs: Syncs
  readonly metrics: ReturnType<typeof createWorkerMetrics>
  readonly ended: RunningWorker['ended']
  /** Starts talking to the fleet; `httpAddress` is where /metrics really listens. */
  connect(httpAddress: string): Line
}

type Assembling = WorkerParts & {
  id: string
  instance: string
  files: WorkerFiles
  spool: Spool
  state: WorkerState
  sealingKey: SealingKey
  kinds: KindAnnouncement[]
}

function assemble(parts: Assembling): Body {
  const { config, logger, clock, spool } = parts
  const link: Line = { current: null, httpAddress: config.http_addr, giveUp: new AbortController() }
  const { promise: ended, resolve: end } = Promise.withResolvers<{
    why: 'rejected' | 'terminated'
    reason: string | null
  }>()
  const metrics = createWorkerMetrics({
    state: () => actor.state,
    connected: () => link.current?.connected ?? false,
    spooled: () => spool.size,
    dataDir: config.data_dir,
    now: () => clock.now(),
  })
  const syncs = createSyncs({
    ...parts,
    workerId: parts.id,
    onProgress: (event) => link.current?.progress(event),
    onEnd(report) {
      // The report first: from here on a crash cannot lose it.
      spool.keep(report)
      metrics.synced(report)
      actor.send({ type: 'sync_ended', report })
      void conversation.flushReports()
    },
  })
  const conversation = createConversation({
    clock,
    logger,
    dataDir: config.data_dir,
    spool,
    introduction: () => introductionOf(parts, link.httpAddress),
    state: () => actor.state,
    tell: (event) => actor.send(event),
    onHeartbeat: (at) => metrics.heartbeatSent(at),
  })
  const actor: Actor<WorkerState, WorkerEvent> = createActor({
    state: parts.state,
    advance: createWorkerMachine(newId),
    clock,
    effects: handsOf({ parts, syncs, conversation, end, wake: () => actor.send({ type: 'woke' }) }),
    onFault: (fault, effect) => logger.error({ err: fault, effect: effect?.type }, 'a fault in the worker; it goes on'),
  })
  return {
    actor,
    conversation,
    syncs,
    metrics,
    ended,
    connect: (httpAddress) =>
      connect({ parts, actor, syncs, conversation, link: Object.assign(link, { httpAddress }) }),
  }
}

/** One handler for each effect of the machine. */
function handsOf(hands: {
  parts: Assembling
  syncs: Syncs
  conversation: Conversation
  end: (ending: { why: 'rejected' | 'terminated'; reason: string | null }) => void
  wake: () => void
}): EffectHandlers<WorkerEffect> {
  const { files, clock } = hands.parts
  let cancelWake = () => {}
  let cancelKeep = () => {}
  return {
    persist: ({ replica }) => files.keepReplica(replica),
    forget: ({ replicaId }) => files.forgetReplica(replicaId),
    keep_desired({ desired }) {
      // After what must start now: losing this cache costs nothing while NATS answers.
      cancelKeep()
      cancelKeep = clock.after(KEEP_MS, () => files.keepDesired(desired))
    },
    start: ({ replica, syncId }) => hands.syncs.start(replica, syncId),
    abort: ({ syncId, reason }) => hands.syncs.abort(syncId, reason),
    announce: ({ changed, removed }) => hands.conversation.announce(changed, removed),
    wake({ at }) {
      cancelWake()
      if (at) cancelWake = clock.after(at.getTime() - clock.now().getTime(), hands.wake)
    },
    end: ({ why, reason }) => hands.end({ why, reason }),
  }
}

/** Reaches NATS in the background: until it answers, the worker works from what it remembers. */
function connect(body: {
  parts: Assembling
  actor: Actor<WorkerState, WorkerEvent>
  syncs: Syncs
  conversation: Conversation
  link: Line
}): Line {
  const { parts, actor, syncs, conversation, link } = body
  const { config, logger } = parts
  const listener: LinkListener = {
    hint: () => conversation.hint(),
    connected: (now) => conversation.connected(now),
    refresh: () => conversation.refresh(),
    cancel: (syncId) => askToCancel(actor, syncId),
    readLog: async (request) =>
      readLog({ ...request, dataDir: config.data_dir, running: syncs.isRunning(request.sync_id) }),
  }
  const entrance = findEntrance({
    directory: parts.files.directory,
    workerId: parts.id,
    token: config.joinToken,
    url: config.nats_url,
    urlGiven: config.natsUrlGiven,
    logger,
    signal: link.giveUp.signal,
    introduction: () => introductionOf(parts, link.httpAddress),
    onWaiting: ({ status, reason }) =>
      status !== 'refused' && actor.send({ type: 'join_answered', reply: { accepted: false, status, reason } }),
  })
  const view = {
    state: () => actor.state,
    tell: (event: WorkerEvent) => actor.send(event),
    seal: (spec: Replica['spec']) => sealAuth(spec, parts.id, parts.sealingKey.publicKey),
  }
  entrance
    .then((found) => openLink({ ...found, workerId: parts.id, instance: parts.instance, logger, listener, view }))
    .then(
      (opened) => {
        if (link.giveUp.signal.aborted) return void opened.goodbye()
        link.current = opened
        conversation.open(opened)
      },
      (error: unknown) =>
        link.giveUp.signal.aborted ||
        logger.error(
          { err: error },
          'cannot use NATS; mirrors keep syncing from the last known state. Check nats_url and the join token',
        ),
    )
  return link
}

function introductionOf({ config, id, instance, kinds, sealingKey }: Assembling, http_addr: string): Join {
  return {
    worker_id: id,
    instance,
    wire: WIRE_VERSION,
    name: config.name,
    version,
    hostname: hostname(),
    http_addr,
    data_dir: config.data_dir,
    kinds,
    sealing_key: sealingKey.publicKey,
  }
}

function askToCancel(actor: Actor<WorkerState, WorkerEvent>, syncId: string): boolean {
  const running = [...actor.state.replicas.values()].some(
    ({ life }) => life.state === 'syncing' && life.syncId === syncId,
  )
  if (running) actor.send({ type: 'cancel_asked', syncId })
  return running
}

async function stop(
  parts: Body & { config: WorkerConfig; spool: Spool; link: Line; http: { close(): Promise<void> } },
): Promise<void> {
  const { actor, syncs, conversation, config, link } = parts
  actor.send({ type: 'stop_asked' })
  await Promise.race([syncs.idle(), pause(config.grace_secs * 1000)])
  syncs.abortAll('interrupted')
  await syncs.idle()
  await Promise.race([conversation.flushReports(), pause(2000)])
  conversation.close()
  link.giveUp.abort()
  actor.stop()
  await link.current?.goodbye()
  await parts.http.close()
}
