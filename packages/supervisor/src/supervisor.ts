// supervisor.ts — Wiring: creates the services, restores the fleet from the store, subscribes to NATS, starts the
// timers. Decisions are in core/.
import type { Desired, Summary } from '@kagami/protocol'
import { every, newId, pause, type Bus, type Clock, type Logger } from '@kagami/runtime'
import { createAccessTokens, type AccessTokens } from './commands/access-tokens.ts'
import { openHeldActions, type HeldActions } from './commands/actions.ts'
import { createBulkJobs, type BulkJobs } from './commands/bulk.ts'
import { createCommands } from './commands/commands.ts'
import { createJoinTokens, type JoinTokens } from './commands/join-tokens.ts'
import type { Commands } from './commands/types.ts'
import { DISK_DAYS, type SupervisorConfig } from './config.ts'
import { reviewDue } from './core/counting.ts'
import { changesToStore, noChanges, storedReader } from './core/changes.ts'
import { createFleet, putWorker, restoreReplicas, setPresence, showDecisions } from './core/fleet.ts'
import { presenceOf } from './core/liveness.ts'
import { createTraffic } from './core/telemetry.ts'
import { createAccounts, enforceRevocations } from './edge/accounts.ts'
import { createDocumentWriter, type DocumentWriter } from './edge/document-writer.ts'
import { answerEnrolments } from './edge/enrolment.ts'
import { receiveHeartbeats } from './edge/heartbeats.ts'
import { answerJoins } from './edge/joins.ts'
import { createOlderWorkers, receiveFromOlderWorkers } from './edge/older-workers.ts'
import { reconcileOnConnect } from './edge/reconcile.ts'
import { createRefreshing } from './edge/refreshing.ts'
import { consumeReports } from './edge/reports.ts'
import { eraseDocument, sealStored } from './edge/sealing.ts'
import { createFeed } from './live/feed.ts'
import { createGrowthReader } from './live/growth.ts'
import { createPublisher } from './live/publisher.ts'
import { createSummaries, type Summaries } from './live/summary.ts'
import type { Services } from './services.ts'
import { createSampleWriter } from './store/sample-writer.ts'
import { createStateWriter } from './store/state-writer.ts'
import type { Store, Superseded } from './store/store.ts'

const SWEEP_MS = 1000
const SUMMARY_MS = 1000
const TERM_CHECK_MS = 2000
const PRUNE_MS = 3_600_000
/** After this much silence of a second process, ms, its conflict is over: a process that waits asks every 40 s. */
const CONFLICT_MS = 60_000
/** Longest wait, when stopping, for a batch of reports, ms. Reports that are not stored come again. */
const STOP_MS = 2500

/** A running supervisor, without its API. */
export interface Supervisor {
  readonly services: Services
  readonly commands: Commands
  readonly joinTokens: JoinTokens
  readonly accessTokens: AccessTokens
  readonly actions: HeldActions
  readonly bulk: BulkJobs
  summary(): Promise<Summary>
  /** Resolves when another supervisor has taken over the database; this one must then end. */
  readonly superseded: Promise<Superseded>
  /** What the supervisor cannot reach now, one sentence each; empty when it can do all of its work. */
  missing(): Promise<string[]>
  stop(): Promise<void>
}

/** What a supervisor needs to start. */
export interface SupervisorParts {
  readonly config: SupervisorConfig
  readonly clock: Clock
  readonly logger: Logger
  readonly store: Store
  readonly bus: Bus
}

/** Restores the fleet from the store and starts. */
export async function startSupervisor(parts: SupervisorParts): Promise<Supervisor> {
  const { store, bus } = parts
  const { services, writer } = await createServices(parts)
  await restoreFleet(services)
  await sealStored(services)
  const abort = new AbortController()
  const reporting = reconcileOnConnect(services, writer).then(() => storeReports(services, abort.signal))
  const unsubscribe = subscribe(services, abort.signal)
  const summaries = createSummaries(services)
  const commands = createCommands(services)
  const actions = await openHeldActions(services, commands)
  const stopTimers = [startTimers(services, summaries), actions.start()]
  const bulk = createBulkJobs(services)
  bulk.resume()
  return {
    services,
    commands,
    joinTokens: createJoinTokens(services),
    accessTokens: createAccessTokens(services),
    actions,
    bulk,
    summary: summaries.make,
    superseded: store.superseded,
    async missing() {
      const problems = bus.connected ? [] : ['NATS is not reached']
      await store
        .ping()
        .catch((error: unknown) => problems.push(`the database does not answer: ${(error as Error).message}`))
      return problems
    },
    async stop() {
      abort.abort()
      unsubscribe()
      stopTimers.forEach((stop) => stop())
      services.publisher.stop()
      writer.stop()
      await Promise.race([Promise.all([reporting, bulk.stop()]), pause(STOP_MS)])
      for (const worker of services.fleet.workers.values())
        if (worker.lastSeenAt) services.stateWriter.recordLastSeen(worker.record.worker_id, worker.lastSeenAt)
      await services.stateWriter.stop()
      await services.sampleWriter.stop()
    },
  }
}

async function createServices(parts: SupervisorParts): Promise<{ services: Services; writer: DocumentWriter }> {
  const { config, clock, logger, store, bus } = parts
  const fleet = createFleet()
  const stateWriter = createStateWriter({ store, clock, logger, read: storedReader(fleet) })
  const sampleWriter = createSampleWriter({ store, clock, logger })
  const feed = createFeed(newId())
  const publisher = createPublisher({ fleet, feed, clock })
  const traffic = createTraffic()
  const unacknowledged: Services['unacknowledged'] = new Map()
  const writer = createDocumentWriter({
    logger,
    onSend: ({ worker_id, rev }: Desired) => unacknowledged.set(worker_id, { rev, at: clock.monotonicMs() }),
    erase: (revision) => eraseDocument(bus, revision),
  })
  const { natsCredentials, natsUrl } = config
  const services: Services = {
    ...parts,
    accounts: natsCredentials ? createAccounts(natsCredentials, { natsUrl, logger }) : null,
    documents: writer,
    olderWorkers: createOlderWorkers({ bus, clock, traffic }),
    fleet,
    stateWriter,
    sampleWriter,
    feed,
    publisher,
    traffic,
    unacknowledged,
    term: await store.nextTerm(),
    streamCreatedAt: null,
    tombstones: new Set(),
    startedAt: clock.now(),
    startedMs: clock.monotonicMs(),
    runInTurn: createTurns(),
    recordChanges(changes) {
      stateWriter.record(changesToStore(changes))
      publisher.publishChanges(changes)
    },
  }
  return { services, writer }
}

/** Runs tasks of the same key one after the other, in the order in which they come. */
function createTurns(): Services['runInTurn'] {
  const last = new Map<string, Promise<unknown>>()
  return (key, task) => {
    const run = (last.get(key) ?? Promise.resolve()).then(task, task)
    last.set(key, run)
    void run.catch(() => {}).finally(() => last.get(key) === run && last.delete(key))
    return run
  }
}

/** What the previous run knew: workers, decisions, replicas, open requests, terminated processes. */
async function restoreFleet({ store, fleet, clock, tombstones, logger, term }: Services) {
  const now = clock.now().getTime()
  for (const record of await store.loadWorkers()) putWorker(fleet, record, now)
  for await (const part of store.loadReplicas()) restoreReplicas(fleet, part, now)
  for (const worker of fleet.workers.values()) showDecisions({ fleet, worker, changes: noChanges(), now })
  for (const { worker_id, instance } of await store.loadTombstones()) tombstones.add(`${worker_id}/${instance}`)
  logger.info({ workers: fleet.workers.size, replicas: fleet.replicas.size, term }, 'restored the fleet')
}

function storeReports(services: Services, signal: AbortSignal): Promise<void> {
  const { bus, store, logger, publisher, fleet } = services
  return consumeReports({
    bus,
    store,
    logger,
    signal,
    streamCreatedAt: () => services.streamCreatedAt,
    ownerOf: (replicaId) => fleet.replicas.get(replicaId)?.worker.record.worker_id ?? null,
    onStored(reports) {
      for (const report of reports) publisher.syncFinished(report)
    },
  })
}

/** Subscribes to what workers send, and has NATS refuse revoked workers now and after every reconnect. */
function subscribe(services: Services, signal: AbortSignal): () => void {
  const { accounts, bus, store, logger } = services
  const refreshing = createRefreshing(services)
  const subscriptions = [answerJoins(services, refreshing), receiveHeartbeats(services, refreshing), refreshing.stop]
  if (accounts) {
    const keys = async () => (await store.listRevokedKeys()).map((key) => key.public_key)
    const enforce = () => void enforceRevocations(accounts, { keys, logger, signal })
    enforce()
    bus.onConnection((connected) => connected && enforce())
    subscriptions.push(answerEnrolments(services, accounts))
  } else {
    // Workers of the older wire have no credentials, so only an open NATS lets them in.
    subscriptions.push(receiveFromOlderWorkers(services))
  }
  return () => subscriptions.forEach((unsubscribe) => unsubscribe())
}

function startTimers(services: Services, summaries: Summaries): () => void {
  const { clock, store } = services
  const growth = createGrowthReader(services)
  const timers = [
    every(clock, SWEEP_MS, () => sweep(services)),
    // A supervisor that has nothing to write must also notice that another one has taken over.
    every(clock, TERM_CHECK_MS, () => void store.checkTerm().catch(() => {})),
    every(clock, PRUNE_MS, () => void prune(services)),
    every(clock, SUMMARY_MS, () => void summaries.publish()),
    every(clock, SWEEP_MS, () => void growth.read()),
  ]
  return () => timers.forEach((stop) => stop())
}

/** Applies what time alone changes: presence, health, and conflicts that are over. */
function sweep(services: Services) {
  const { fleet, clock, startedMs, stateWriter } = services
  const now = clock.now().getTime()
  const monotonic = clock.monotonicMs()
  for (const worker of fleet.workers.values()) {
    if (worker.conflict && monotonic - worker.conflict.at > CONFLICT_MS) worker.conflict = null
    const presence = presenceOf(worker.lastSeenMs, startedMs, monotonic)
    if (presence === worker.presence) continue
    services.recordChanges(setPresence(fleet, worker, presence, now))
    if (worker.lastSeenAt) stateWriter.recordLastSeen(worker.record.worker_id, worker.lastSeenAt)
  }
  services.recordChanges(reviewDue(fleet, now))
}

async function prune({ clock, config, store, logger }: Services) {
  const before = daysAgo(clock, config.history_days)
  const syncs = await store.prune(before, daysAgo(clock, DISK_DAYS)).catch(() => 0)
  if (syncs > 0) logger.info({ syncs, before: before.toISOString() }, 'removed old history')
}

const daysAgo = (clock: Clock, days: number) => new Date(clock.now().getTime() - days * 86_400_000)
