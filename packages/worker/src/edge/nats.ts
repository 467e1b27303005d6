// edge/nats.ts — The worker's side of the wire: joins, reads desired state, sends heartbeats and reports, answers
// requests. Decides nothing.
import { jetstream } from '@nats-io/jetstream'
import {
  checkFor,
  Desired,
  DESIRED_BUCKET,
  desiredHint,
  EVENTS_STREAM,
  subjectFor,
  type Heartbeat,
  type Join,
  type JoinReply,
  type LogReply,
  type LogRequest,
  type ProgressEvent,
  type SyncReport,
  type TryReply,
  type TryRequest,
} from '@kagami/protocol'
import { connectBus, createRefusalLog, pause, type Bus, type Logger, type NatsIdentity } from '@kagami/runtime'
import { createOlderSupervisor, noOlderSupervisor, type OlderSupervisor, type OlderView } from './older-supervisor.ts'

/** What the fleet can ask of the worker. */
export interface LinkListener {
  /** The document may have changed, or the connection came back: read it. */
  hint(): void
  connected(now: boolean): void
  /** The supervisor's picture differs from ours: join and send everything. */
  refresh(what: { statesOnly: boolean }): void
  cancel(syncId: string): boolean
  readLog(request: LogRequest): Promise<LogReply>
  /** Null: it may not connect anywhere now. */
  tryUpstream(request: TryRequest): Promise<TryReply | null>
}

export interface Link {
  readonly connected: boolean
  /** The same worker for a supervisor of v0; silent unless one answers. */
  readonly older: OlderSupervisor
  readonly bus: Bus
  /** Joins; null when no supervisor answers. */
  join(join: Join): Promise<JoinReply | null>
  /** The current document; 'unreachable' when it cannot be read now, null when there is none. */
  readDesired(): Promise<Desired | 'unreachable' | null>
  heartbeat(parts: readonly Heartbeat[]): void
  progress(event: ProgressEvent): void
  /** True once the stream has the report. */
  report(report: SyncReport): Promise<boolean>
  goodbye(): Promise<void>
}

const READ_TIMEOUT_MS = 1500
/** Long enough for a supervisor whose whole fleet joins at once: asking again would be one more for it to answer. */
const JOIN_TIMEOUT_MS = 10_000

/**
 * Connects and serves the worker's subjects. Resolves once NATS is reached; until then the worker works from its cache.
 */
export async function openLink(parts: {
  url: string
  identity?: NatsIdentity
  workerId: string
  instance: string
  logger: Logger
  listener: LinkListener
  view: OlderView
}): Promise<Link> {
  const { workerId, instance, logger, listener, identity } = parts
  const bus = await connectBus({ url: parts.url, name: `kagami-worker ${workerId}`, logger, identity })
  const refused = createRefusalLog(logger)
  // Subscribe first and read afterwards, so that no change in between is missed.
  bus.connection.subscribe(desiredHint(workerId), { callback: () => listener.hint() })
  bus.answer('cancel', workerId, ({ sync_id }) => ({ cancelled: listener.cancel(sync_id) }))
  bus.answer('log', workerId, (request) => listener.readLog(request))
  bus.answer('try', workerId, (request) => listener.tryUpstream(request))
  bus.answer('ping', workerId, (ping) => (ping.instance === instance ? { instance } : null))
  bus.answer('refresh', workerId, ({ states_only }) => {
    listener.refresh({ statesOnly: states_only === true })
    return { accepted: true }
  })
  bus.onConnection((now) => listener.connected(now))
  return {
    bus,
    older: identity ? noOlderSupervisor : createOlderSupervisor({ bus, workerId, logger, ...parts.view }),
    get connected() {
      return bus.connected
    },
    join: (join) => bus.request('join', workerId, identity ? { ...join, jwt: identity.jwt } : join, JOIN_TIMEOUT_MS),
    readDesired: () => readDesired(bus, workerId, refused),
    heartbeat: (heartbeats) => heartbeats.forEach((heartbeat) => bus.publish('heartbeat', workerId, heartbeat)),
    progress: (event) => bus.publish('progress', workerId, event),
    report: (report) => sendReport(bus, workerId, report),
    async goodbye() {
      bus.publish('goodbye', workerId, { worker_id: workerId, instance })
      await Promise.race([bus.close(), pause(1000)])
    },
  }
}

/**
 * Reads the worker's key with a direct get. That needs no consumer and no watcher, and permissions can guard it,
 * because the id is part of the subject.
 */
async function readDesired(
  bus: Bus,
  workerId: string,
  refused: ReturnType<typeof createRefusalLog>,
): Promise<Desired | 'unreachable' | null> {
  const subject = `$JS.API.DIRECT.GET.KV_${DESIRED_BUCKET}.${subjectFor('desired', workerId)}`
  try {
    const message = await bus.connection.request(subject, '', { timeout: READ_TIMEOUT_MS })
    if (message.headers?.code === 404 || message.headers?.get('KV-Operation')) return null
    const document: unknown = message.json()
    const check = checkFor(Desired)
    if (check.ok(document)) return document
    const problem = check.problem(document)
    refused({
      subject,
      reason:
        'the desired document cannot be understood, going on with the last good one: ' +
        `${problem.field} ${problem.message}`,
    })
    return 'unreachable'
  } catch {
    return 'unreachable'
  }
}

async function sendReport(bus: Bus, workerId: string, report: SyncReport): Promise<boolean> {
  if (!bus.connected) return false
  try {
    // The message id makes the stream drop what it already has, so sending again is harmless.
    await jetstream(bus.connection, { timeout: 2000 }).publish(subjectFor('report', workerId), JSON.stringify(report), {
      msgID: report.sync_id,
      expect: { streamName: EVENTS_STREAM },
    })
    return true
  } catch {
    return false
  }
}
