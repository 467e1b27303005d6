// supervisor.ts — The Supervisor actor: what it hears changes the fleet, what changes is kept and told. Wiring;
// decisions are in core/.
import type { KV } from '@nats-io/kv'
import type { Desired, Summary, SyncReport } from '@kagami/protocol'
import { every, newId, pause, type Bus, type Clock, type Logger } from '@kagami/runtime'
import { createCommands, type Commands } from './commands/commands.ts'
import type { SupervisorConfig } from './config.ts'
import { reviewDue } from './core/counting.ts'
import { createFleet, putReplica, putWorker, setPresence } from './core/fleet.ts'
import { noChanges, type Changes, type Fleet } from './core/entries.ts'
import { presenceOf } from './core/liveness.ts'
import { createTraffic, type Traffic } from './core/telemetry.ts'
import { createAccounts, enforceRevocations, type Accounts } from './edge/accounts.ts'
import { listenToNewcomers } from './edge/enrol.ts'
import { listen } from './edge/listen.ts'
import { listenToOlderWorkers } from './edge/older-workers.ts'
import { ensureObjects, readReportsAgain } from './edge/objects.ts'
import { createProjection, documentOf, highestTerm, type Projection } from './edge/projection.ts'
import { consumeReports } from './edge/reports.ts'
import { createFeed, type Feed } from './live/feed.ts'
import { createKeeper, type Keeper } from './store/state-writer.ts'
import { Superseded, type Store } from './store/store.ts'
import { createTeller, type Teller } from './live/publisher.ts'
import { createTokens, type Tokens } from './commands/join-tokens.ts'
import { createSummary } from './live/summary.ts'

const SWEEP_MS = 1000
const FENCE_MS = 2000
const CONFLICT_MS = 60_000
/** Longest wait for a batch of reports that is being taken in, ms; what is cut off comes again. */
const STOP_MS = 2500
const PRUNE_MS = 3_600_000

/** What the rooms of the supervisor share. */
export interface Core {
  readonly config: SupervisorConfig
  readonly clock: Clock
  readonly logger: Logger
  readonly store: Store
  readonly bus: Bus
  /** Signs and revokes workers' credentials; null where NATS is open. */
  readonly accounts: Accounts | null
  readonly fleet: Fleet
  readonly keeper: Keeper
  readonly projection: Projection
  readonly teller: Teller
  readonly feed: Feed
  readonly traffic: Traffic
  /** Of this life of the supervisor; workers do not obey a lower one. */
  term: number
  /** When the stream of reports was made; null until it is seen. */
  stream: string | null
  /** Instances that were terminated: `workerId/instance`. */
  readonly tombstones: Set<string>
  /** Commands sent and not yet acknowledged: worker id → revision and monotonic ms. */
  readonly sent: Map<string, { rev: number; at: number }>
  readonly startedAt: Date
  readonly startedMs: number
  /** Runs tasks that touch one worker one after the other. */
  inTurn<T>(workerId: string, task: () => Promise<T>): Promise<T>
  /** Keeps and tells what changed. */
  apply(changes: Changes): void
}

export interface Supervisor {
  readonly core: Core
  readonly commands: Commands
  readonly tokens: Tokens
  summary(): Promise<Summary>
  /** Resolves when another supervisor has taken the database over; this one must then end. */
  readonly superseded: Promise<Superseded>
  /** Why it cannot do all of its work just now; empty when it can. */
  missing(): Promise<string[]>
  stop(): Promise<void>
}

/** Restores the fleet from the store and starts listening. */
export async function startSupervisor(parts: {
  config: SupervisorConfig
  clock: Clock
  logger: Logger
  store: Store
  bus: Bus
}): Promise<Supervisor> {
  const { store, clock, logger, bus } = parts
  const core = await assemble(parts)
  await restore(core)
  const abort = new AbortController()
  const ready = keepObjects(core)
  const reporting = ready.then(() =>
    consumeReports({
      bus,
      store,
      logger,
      signal: abort.signal,
      onStored: (reports) => reported(core, reports),
      holderOf: (replicaId) => core.fleet.replicas.get(replicaId)?.worker.record.worker_id ?? null,
    }),
  )
  // Older workers have no credentials, so a locked NATS does not let them in.
  const silence = [listen(core), core.accounts ? listenToNewcomers(core) : listenToOlderWorkers(core)]
  const { accounts } = core
  const enforce = () =>
    accounts &&
    void enforceRevocations(accounts, {
      keys: async () => (await store.listRevokedKeys()).map((key) => key.public_key),
      logger,
      signal: abort.signal,
    })
  enforce()
  bus.onConnection((connected) => connected && enforce())
  const stopSweep = every(clock, SWEEP_MS, () => sweep(core))
  // One that has nothing to write should notice too that it is no longer the one.
  const stopFence = every(clock, FENCE_MS, () => void store.checkTerm().catch(() => {}))
  const stopPrune = every(clock, PRUNE_MS, () => void prune(core))
  const summary = createSummary(core)
  const stopSummary = every(clock, 1000, () => void summary.tell())
  return {
    core,
    commands: createCommands(core),
    tokens: createTokens(core),
    summary: summary.make,
    superseded: store.superseded,
    async missing() {
      const problems: string[] = []
      if (!bus.connected) problems.push('NATS is not reached')
      await store
        .ping()
        .catch((error: unknown) => problems.push(`the database does not answer: ${(error as Error).message}`))
      return problems
    },
    async stop() {
      abort.abort()
      for (const end of [...silence, stopSweep, stopFence, stopPrune, stopSummary]) end()
      core.teller.stop()
      core.projection.stop()
      await Promise.race([reporting, pause(STOP_MS)])
      for (const worker of core.fleet.workers.values())
        if (worker.lastSeenAt) core.keeper.seen(worker.record.worker_id, worker.lastSeenAt)
      await core.keeper.stop()
    },
  }
}

async function assemble({ config, clock, logger, store, bus }: Parameters<typeof startSupervisor>[0]): Promise<Core> {
  const fleet = createFleet()
  const keeper = createKeeper(store, clock, logger)
  const feed = createFeed(newId())
  const teller = createTeller(feed, clock)
  const sent: Core['sent'] = new Map()
  const onSent = (document: Desired) =>
    void sent.set(document.worker_id, { rev: document.rev, at: clock.monotonicMs() })
  const turns = new Map<string, Promise<unknown>>()
  return {
    accounts: config.natsCredentials
      ? createAccounts(config.natsCredentials, { natsUrl: config.natsUrl, logger })
      : null,
    config,
    clock,
    logger,
    store,
    bus,
    fleet,
    keeper,
    feed,
    teller,
    sent,
    projection: createProjection(logger, onSent),
    traffic: createTraffic(),
    term: await store.nextTerm(),
    stream: null,
    tombstones: new Set(),
    startedAt: clock.now(),
    startedMs: clock.monotonicMs(),
    inTurn(workerId, task) {
      const mine = (turns.get(workerId) ?? Promise.resolve()).then(task, task)
      turns.set(workerId, mine)
      void mine.catch(() => {}).finally(() => turns.get(workerId) === mine && turns.delete(workerId))
      return mine
    },
    apply(changes) {
      keeper.note(changes)
      teller.note(changes)
    },
  }
}

/** Everything a former life knew: workers, decisions, replicas, labels, open requests. */
async function restore(core: Core) {
  const now = core.clock.now().getTime()
  for (const record of await core.store.loadWorkers()) putWorker(core.fleet, record, now)
  for (const { worker_id, state } of await core.store.loadReplicas()) {
    const worker = core.fleet.workers.get(worker_id)
    // What ran when we last heard may have ended since: the worker's first full heartbeat tells.
    if (worker) putReplica({ fleet: core.fleet, worker, changes: noChanges(), now }, state)
  }
  for (const { worker_id, instance } of await core.store.loadTombstones())
    core.tombstones.add(`${worker_id}/${instance}`)
  core.logger.info(
    { workers: core.fleet.workers.size, replicas: core.fleet.replicas.size, term: core.term },
    'restored the fleet',
  )
}

/**
 * Makes streams and buckets now and after every reconnect, and brings the bucket up to date. Resolves after the first
 * success.
 */
function keepObjects(core: Core): Promise<void> {
  let working: Promise<void> | null = null
  let ranked = false
  const ensure = async () => {
    for (let said = false; ; said = true) {
      try {
        await core.store.checkTerm()
        const { desired, stream } = await ensureObjects(core.bus)
        learnStream(core, stream)
        if (!ranked) await outrank(core, desired)
        ranked = true
        core.projection.use(desired)
        await core.projection.reconcile([...core.fleet.workers.keys()], (id) => {
          const record = core.fleet.workers.get(id)?.record
          return record && !record.older_wire ? documentOf(record, core.term) : null
        })
        return
      } catch (error) {
        if (core.bus.connection.isClosed() || error instanceof Superseded) return
        if (!said)
          core.logger.warn(
            { reason: (error as Error).message },
            'JetStream, or the database, cannot be used yet; trying again. nats-server must run with JetStream (-js)',
          )
        await pause(1000)
      }
    }
  }
  const again = () => (working ??= ensure().finally(() => (working = null)))
  core.bus.onConnection((connected) => connected && void again())
  return again()
}

/**
 * A stream that was made anew has lost what it held: workers that join hear of it, and tell their last reports again.
 */
function learnStream(core: Core, stream: string) {
  if (core.stream === stream) return
  const known = core.stream !== null
  core.stream = stream
  if (!known) return
  core.logger.warn('the stream of reports was made anew: workers are asked to tell their last reports again')
  for (const worker of core.fleet.workers.values())
    if (worker.presence !== 'lost' && !worker.record.older_wire)
      void core.bus.request('refresh', worker.record.worker_id, {}, 2000)
}

/**
 * A database that was restored or made anew counts from behind: our term must be above every document workers have
 * seen.
 */
async function outrank(core: Core, bucket: KV): Promise<void> {
  const highest = await highestTerm(bucket)
  if (highest < core.term) return
  core.term = await core.store.nextTerm(highest)
  await readReportsAgain(core.bus)
  core.logger.warn(
    { term: core.term },
    'the bucket holds documents of a later term than the database, which was restored or made anew: the ' +
      'database wins, and the history of the last days is read again',
  )
}

function sweep(core: Core) {
  const now = core.clock.now().getTime()
  const monotonic = core.clock.monotonicMs()
  for (const worker of core.fleet.workers.values()) {
    // A process that is kept waiting asks at least every 40 seconds; silence means it is gone.
    if (worker.conflict && monotonic - worker.conflict.at > CONFLICT_MS) Object.assign(worker, { conflict: null })
    const presence = presenceOf(worker.heardMs, core.startedMs, monotonic)
    if (presence === worker.presence) continue
    core.apply(setPresence(core.fleet, worker, presence, now))
    if (worker.lastSeenAt) core.keeper.seen(worker.record.worker_id, worker.lastSeenAt)
  }
  core.apply(reviewDue(core.fleet, now))
}

function reported(core: Core, reports: readonly SyncReport[]) {
  for (const report of reports) core.teller.synced(core.fleet, report)
}

async function prune(core: Core) {
  const before = new Date(core.clock.now().getTime() - core.config.history_days * 86_400_000)
  const gone = await core.store.prune(before).catch(() => 0)
  if (gone > 0) core.logger.info({ syncs: gone, before: before.toISOString() }, 'removed old history')
}
