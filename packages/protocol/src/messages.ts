// messages.ts — Every NATS message: subject, direction, delivery, schema. Nothing is sent that is not written here.
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
} from './messages/requests.ts'
import { SyncReport } from './model.ts'

/** Version of the wire. Peers one version apart work together; unknown fields are ignored both ways. */
export const WIRE_VERSION = 1
/** Seconds between heartbeats. */
export const HEARTBEAT_SECONDS = 15
/** Largest message body we send or accept, bytes. nats-server's own limit is 1 MiB including headers. */
export const MESSAGE_MAX_BYTES = 512 * 1024
/** Largest heartbeat taken from an older worker, which cannot split it. */
export const OLDER_MESSAGE_MAX_BYTES = 1024 * 1024

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

/** Every message of the wire. Docs, subjects and validators are made from this record. */
export const messages = {
  join: message({
    subject: 'kagami.api.<id>.join',
    from: 'worker',
    delivery: 'request',
    schema: Join,
    reply: JoinReply,
    summary: 'Introduces a worker; repeated with growing pauses while pending.',
  }),
  enrol: message({
    subject: 'kagami.join.<id>',
    from: 'worker',
    delivery: 'request',
    schema: Enrol,
    reply: EnrolReply,
    summary:
      'On a locked NATS, before a worker has credentials: asks for them with a join token. <id> is the public ' +
      'key of the worker; repeated until approved.',
  }),
  heartbeat: message({
    subject: 'kagami.worker.<id>.hb',
    from: 'worker',
    delivery: 'core',
    schema: Heartbeat,
    reply: null,
    summary: 'Alive, and what changed since the last one. Every 15 s, and at once on a change.',
  }),
  progress: message({
    subject: 'kagami.worker.<id>.progress',
    from: 'worker',
    delivery: 'core',
    schema: ProgressEvent,
    reply: null,
    summary: 'How far a running sync is; at most once a second per sync.',
  }),
  goodbye: message({
    subject: 'kagami.worker.<id>.goodbye',
    from: 'worker',
    delivery: 'core',
    schema: Goodbye,
    reply: null,
    summary: 'The worker stops on purpose.',
  }),
  report: message({
    subject: 'kagami.evt.<id>.report',
    from: 'worker',
    delivery: 'stream',
    schema: SyncReport,
    reply: null,
    summary: 'A finished sync. Kept on the worker until the stream has it; message id = sync id.',
  }),
  desired: message({
    subject: '$KV.KAGAMI_DESIRED.<id>',
    from: 'supervisor',
    delivery: 'kv',
    schema: Desired,
    reply: null,
    summary: 'What the fleet wants of one worker. Republished on kagami.desired.<id> as a hint to read it.',
  }),
  cancel: message({
    subject: 'kagami.rpc.<id>.cancel',
    from: 'supervisor',
    delivery: 'request',
    schema: CancelRequest,
    reply: CancelReply,
    summary: 'Ends a running sync now.',
  }),
  log: message({
    subject: 'kagami.rpc.<id>.log',
    from: 'supervisor',
    delivery: 'request',
    schema: LogRequest,
    reply: LogReply,
    summary: 'A piece of a sync’s log, while it runs and after.',
  }),
  ping: message({
    subject: 'kagami.rpc.<id>.ping',
    from: 'supervisor',
    delivery: 'request',
    schema: Ping,
    reply: Ping,
    summary: 'Asks whether one process is alive; only the process of that instance answers.',
  }),
  refresh: message({
    subject: 'kagami.rpc.<id>.refresh',
    from: 'supervisor',
    delivery: 'request',
    schema: RefreshRequest,
    reply: RefreshReply,
    summary: 'Asks for a full heartbeat: the digest did not match.',
  }),
  olderJoin: message({
    subject: 'kagami.supervisor.join',
    from: 'worker',
    delivery: 'request',
    schema: OlderJoin,
    reply: JoinReply,
    summary: 'Join of an older worker.',
  }),
  olderHeartbeat: message({
    subject: 'kagami.hb.<id>',
    from: 'worker',
    delivery: 'core',
    schema: OlderHeartbeat,
    reply: null,
    summary: 'Heartbeat of an older worker; always complete.',
  }),
  olderStatus: message({
    subject: 'kagami.supervisor.provider_status',
    from: 'worker',
    delivery: 'core',
    schema: OlderStatus,
    reply: null,
    summary: 'A replica of an older worker changed.',
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

/** The subject that hears a message from every worker. */
export function subjectForAll(name: keyof typeof messages): string {
  return messages[name].subject.replace('<id>', '*')
}

export const DESIRED_BUCKET = 'KAGAMI_DESIRED'
export const EVENTS_STREAM = 'KAGAMI_EVENTS'
export const EVENTS_CONSUMER = 'supervisor'
/** Where the bucket republishes a document: a hint to read it, its content is ignored. */
export const desiredHint = (workerId: string): string => `kagami.desired.${workerId}`
