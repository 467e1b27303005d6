// messages.ts — Every NATS message: subject, sender, delivery and schema. The schemas are in messages/.
import type Type from 'typebox'
import { Desired } from './messages/desired.ts'
import { Heartbeat, ProgressEvent } from './messages/heartbeat.ts'
import { Enrol, EnrolReply, Goodbye, Join, JoinReply } from './messages/joining.ts'
import { OlderCommand, OlderCommandReply, OlderHeartbeat, OlderJoin, OlderStatus } from './messages/older.ts'
import {
  CancelReply,
  CancelRequest,
  LogReply,
  LogRequest,
  Ping,
  RefreshReply,
  RefreshRequest,
  TryReply,
  TryRequest,
} from './messages/requests.ts'
import { SyncReport } from './model.ts'

/** Version of the messages. Programs one version apart work together; unknown fields are ignored. */
export const WIRE_VERSION = 1

/** Seconds between heartbeats. */
export const HEARTBEAT_SECONDS = 15

/** Largest message that is sent or accepted, bytes. The limit of nats-server is 1 MiB, with headers. */
export const MESSAGE_MAX_BYTES = 512 * 1024

/** Largest message that is accepted from an older worker, which cannot split its heartbeats, bytes. */
export const OLDER_MESSAGE_MAX_BYTES = 1024 * 1024

/** What a message is. */
export interface Message<S extends Type.TSchema = Type.TSchema, R extends Type.TSchema | null = Type.TSchema | null> {
  /** Subject with `<id>` for the worker's id. */
  readonly subject: string
  readonly from: 'worker' | 'supervisor'
  readonly delivery: 'core' | 'request' | 'stream' | 'kv'
  readonly schema: S
  readonly reply: R
  readonly summary: string
}
const message = <S extends Type.TSchema, R extends Type.TSchema | null>(m: Message<S, R>): Message<S, R> => m

/** Every message. Subjects, checks and docs/messages.md are made from this table. */
export const messages = {
  join: message({
    subject: 'kagami.api.<id>.join',
    from: 'worker',
    delivery: 'request',
    schema: Join,
    reply: JoinReply,
    summary: 'A worker introduces itself. Repeated with growing pauses while it is pending.',
  }),
  enrol: message({
    subject: 'kagami.join.<id>',
    from: 'worker',
    delivery: 'request',
    schema: Enrol,
    reply: EnrolReply,
    summary:
      'A worker without credentials asks for them with a join token, on a locked NATS. <id> is the public key of the ' +
      'worker. Repeated until it is approved.',
  }),
  heartbeat: message({
    subject: 'kagami.worker.<id>.hb',
    from: 'worker',
    delivery: 'core',
    schema: Heartbeat,
    reply: null,
    summary: 'The worker is alive; what has changed since the last one. Every 15 s, and at once after a change.',
  }),
  progress: message({
    subject: 'kagami.worker.<id>.progress',
    from: 'worker',
    delivery: 'core',
    schema: ProgressEvent,
    reply: null,
    summary: 'The progress of a running sync; at most once a second for each sync.',
  }),
  goodbye: message({
    subject: 'kagami.worker.<id>.goodbye',
    from: 'worker',
    delivery: 'core',
    schema: Goodbye,
    reply: null,
    summary: 'The worker is stopping.',
  }),
  report: message({
    subject: 'kagami.evt.<id>.report',
    from: 'worker',
    delivery: 'stream',
    schema: SyncReport,
    reply: null,
    summary: 'A finished sync. The worker keeps it until the stream has stored it. The message id is the sync id.',
  }),
  desired: message({
    subject: '$KV.KAGAMI_DESIRED.<id>',
    from: 'supervisor',
    delivery: 'kv',
    schema: Desired,
    reply: null,
    summary: 'What the fleet wants of a worker. Republished on kagami.desired.<id> as a hint to read it.',
  }),
  cancel: message({
    subject: 'kagami.rpc.<id>.cancel',
    from: 'supervisor',
    delivery: 'request',
    schema: CancelRequest,
    reply: CancelReply,
    summary: 'Stops a running sync.',
  }),
  log: message({
    subject: 'kagami.rpc.<id>.log',
    from: 'supervisor',
    delivery: 'request',
    schema: LogRequest,
    reply: LogReply,
    summary: 'Reads a part of the log of a sync, while it runs or later.',
  }),
  ping: message({
    subject: 'kagami.rpc.<id>.ping',
    from: 'supervisor',
    delivery: 'request',
    schema: Ping,
    reply: Ping,
    summary: 'Asks whether a process is alive; only the process with this instance answers.',
  }),
  refresh: message({
    subject: 'kagami.rpc.<id>.refresh',
    from: 'supervisor',
    delivery: 'request',
    schema: RefreshRequest,
    reply: RefreshReply,
    summary:
      'Asks for a full heartbeat: of a new process, or because the digest did not match. A few workers at a time.',
  }),
  try: message({
    subject: 'kagami.rpc.<id>.try',
    from: 'supervisor',
    delivery: 'request',
    schema: TryRequest,
    reply: TryReply,
    summary: 'Asks an upstream what it has, for 10 s at most. Nothing is copied; one upstream at a time.',
  }),
  olderJoin: message({
    subject: 'kagami.supervisor.join',
    from: 'worker',
    delivery: 'request',
    schema: OlderJoin,
    reply: JoinReply,
    summary: 'An older worker introduces itself.',
  }),
  olderHeartbeat: message({
    subject: 'kagami.hb.<id>',
    from: 'worker',
    delivery: 'core',
    schema: OlderHeartbeat,
    reply: null,
    summary: 'Heartbeat of an older worker; it always has all replicas.',
  }),
  olderStatus: message({
    subject: 'kagami.supervisor.provider_status',
    from: 'worker',
    delivery: 'core',
    schema: OlderStatus,
    reply: null,
    summary: 'The status of a replica of an older worker has changed.',
  }),
  olderCommand: message({
    subject: 'kagami.worker.<id>.cmd',
    from: 'supervisor',
    delivery: 'request',
    schema: OlderCommand,
    reply: OlderCommandReply,
    summary: 'A command to an older worker.',
  }),
} as const

/** The subject of a message for one worker. */
export function subjectFor(name: keyof typeof messages, workerId: string): string {
  return messages[name].subject.replace('<id>', workerId)
}

/** The subject of a message from any worker. */
export function subjectForAll(name: keyof typeof messages): string {
  return messages[name].subject.replace('<id>', '*')
}

/** The key-value bucket of desired documents; the key is the worker id. */
export const DESIRED_BUCKET = 'KAGAMI_DESIRED'

/** The stream of reports. */
export const EVENTS_STREAM = 'KAGAMI_EVENTS'

/** The durable consumer with which the supervisor reads the stream. */
export const EVENTS_CONSUMER = 'supervisor'

/** The subject on which the bucket repeats a document: a hint to read the bucket; the content is ignored. */
export const desiredHint = (workerId: string): string => `kagami.desired.${workerId}`
