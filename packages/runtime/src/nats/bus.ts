// bus.ts — Sends and receives the messages of the protocol by name, each checked against its schema. Streams and
// buckets belong to the rooms that use them.
import { jetstream, type JetStreamClient } from '@nats-io/jetstream'
import { RequestError, type Msg, type NatsConnection } from '@nats-io/transport-node'
import { messages, OLDER_MESSAGE_MAX_BYTES, MESSAGE_MAX_BYTES, subjectFor, subjectForAll } from '@kagami/protocol'
import type { Static, TSchema } from 'typebox'
import { pause } from '../clock.ts'
import type { Logger } from '../logger.ts'
import { connectNats, reasonOf, type ConnectOptions } from './connect.ts'
import { createRefusalLog, decode, encode, WireError } from './wire.ts'

/** The names of the messages of the protocol. */
export type MessageName = keyof typeof messages

/** The body of a message. */
export type MessageBody<N extends MessageName> = Static<(typeof messages)[N]['schema']>

/** The reply to a request. */
export type MessageReply<N extends MessageName> = (typeof messages)[N]['reply'] extends infer R extends TSchema
  ? Static<R>
  : never

/** Who sent a message, by its subject, which the permissions of NATS protect; the body could say anything. */
export interface Sender {
  /** The worker id in the subject; empty when the subject has none. */
  readonly workerId: string
}

/** The connection of a program to NATS. */
export interface Bus {
  readonly connection: NatsConnection
  readonly stream: JetStreamClient
  readonly connected: boolean
  /** Publishes without waiting. The message is lost while disconnected: only for what a later message repeats. */
  publish<N extends MessageName>(name: N, workerId: string, body: MessageBody<N>): void
  /** Sends a request and waits for the reply; null when none arrives in time. */
  request<N extends MessageName>(
    name: N,
    workerId: string,
    body: MessageBody<N>,
    timeoutMs: number,
  ): Promise<MessageReply<N> | null>
  /** Subscribes to a message from one worker, or from all of them (null). Returns how to unsubscribe. */
  subscribe<N extends MessageName>(
    name: N,
    workerId: string | null,
    handle: (body: MessageBody<N>, from: Sender) => void,
  ): () => void
  /** Answers requests. No answer is sent when the handler returns null or throws. Returns how to stop. */
  answer<N extends MessageName>(
    name: N,
    workerId: string | null,
    handle: (body: MessageBody<N>, from: Sender) => MessageReply<N> | null | Promise<MessageReply<N> | null>,
  ): () => void
  /** Calls `listener` with true after each reconnect, with false after each disconnect. */
  onConnection(listener: (connected: boolean) => void): void
  close(): Promise<void>
}

/** Longest wait for pending messages when a connection is closed, ms. */
const DRAIN_MS = 2000
const JETSTREAM_MS = 2000

/**
 * The beginning of reply subjects where NATS is locked: NATS makes them itself for requests from another account, so
 * nobody can choose one.
 */
const LOCKED_REPLIES = '_R_.'
/** The beginning of reply subjects where NATS is open. Replies elsewhere would let the sender publish in our name. */
const OPEN_REPLIES = '_INBOX.'

/** Connects and stays connected. Tries until it succeeds, or `signal` aborts. */
export async function connectBus(options: ConnectOptions): Promise<Bus> {
  return createBus(await connectNats(options), options.logger, options.identity ? LOCKED_REPLIES : OPEN_REPLIES)
}

/** A bus on a connection. `replies`: the beginning of the reply subjects that are answered. */
export function createBus(connection: NatsConnection, logger: Logger, replies: string = OPEN_REPLIES): Bus {
  const logRefusal = createRefusalLog(logger)
  const subscribe = createSubscriber(connection, logRefusal)
  const listeners: ((connected: boolean) => void)[] = []
  let connected = true
  void watchStatus(connection, logger, (now) => {
    connected = now
    for (const listener of listeners) listener(now)
  })
  return {
    connection,
    stream: jetstream(connection, { timeout: JETSTREAM_MS }),
    get connected() {
      return connected && !connection.isClosed()
    },
    publish(name, workerId, body) {
      if (connected && !connection.isClosed())
        connection.publish(subjectFor(name, workerId), encode(messages[name].schema, body))
    },
    request: (name, workerId, body, timeoutMs) =>
      sendRequest({ connection, logRefusal }, { name, workerId, body, timeoutMs }) as never,
    subscribe: (name, workerId, handle) => subscribe(name, workerId, (body, from) => handle(body, from)),
    answer(name, workerId, handle) {
      return subscribe(name, workerId, (body, from, message) => {
        if (!message.reply) return
        if (!message.reply.startsWith(replies)) {
          const reason = `the request asks for a reply on ${message.reply.split('.')[0]}, where no replies are sent`
          return logRefusal({ subject: message.subject, reason })
        }
        void Promise.resolve()
          .then(() => handle(body, from))
          .then((reply) => reply !== null && message.respond(encode(messages[name].reply as never, reply as never)))
          .catch((fault: unknown) =>
            logger.error({ err: fault, subject: message.subject }, 'a request could not be answered'),
          )
      })
    },
    onConnection: (listener) => void listeners.push(listener),
    async close() {
      if (connection.isClosed()) return
      // Draining a connection that is lost would wait until it is back.
      if (connected) await Promise.race([connection.drain().catch(() => {}), pause(DRAIN_MS)])
      await connection.close()
    },
  }
}

type LogRefusal = ReturnType<typeof createRefusalLog>
type HandleMessage<N extends MessageName> = (body: MessageBody<N>, from: Sender, message: Msg) => void

/** Subscribes; a message that does not fit its schema is logged and not passed on. */
function createSubscriber(connection: NatsConnection, logRefusal: LogRefusal) {
  return <N extends MessageName>(name: N, workerId: string | null, handle: HandleMessage<N>): (() => void) => {
    const subject = workerId === null ? subjectForAll(name) : subjectFor(name, workerId)
    const position = subject.split('.').indexOf('*')
    const limit = name.startsWith('older') ? OLDER_MESSAGE_MAX_BYTES : MESSAGE_MAX_BYTES
    const subscription = connection.subscribe(subject, {
      callback: (error, message) => {
        if (error) return logRefusal({ subject, reason: error.message })
        const from = { workerId: workerId ?? (position >= 0 ? (message.subject.split('.')[position] ?? '') : '') }
        try {
          handle(decode(messages[name].schema, message.data, limit) as MessageBody<N>, from, message)
        } catch (fault) {
          if (!(fault instanceof WireError)) throw fault
          logRefusal({ subject: message.subject, reason: fault.message })
        }
      },
    })
    return () => subscription.unsubscribe()
  }
}

interface PendingRequest {
  readonly name: MessageName
  readonly workerId: string
  readonly body: unknown
  readonly timeoutMs: number
}

/** The reply; null when none arrives in time, or it does not fit its schema. */
async function sendRequest(
  { connection, logRefusal }: { connection: NatsConnection; logRefusal: LogRefusal },
  { name, workerId, body, timeoutMs }: PendingRequest,
): Promise<unknown> {
  const { schema, reply: replySchema } = messages[name]
  const subject = subjectFor(name, workerId)
  try {
    const reply = await connection.request(subject, encode(schema, body as never), { timeout: timeoutMs })
    return decode(replySchema as never, reply.data)
  } catch (error) {
    if (error instanceof WireError) {
      logRefusal({ subject, reason: `reply: ${error.message}` })
      return null
    }
    if (connection.isClosed() || isNoReply(error as Error)) return null
    throw error
  }
}

function isNoReply(error: Error): boolean {
  return (
    error instanceof RequestError ||
    error.name === 'TimeoutError' ||
    /timeout|no responders|disconnect|closed|drain/i.test(error.message)
  )
}

async function watchStatus(connection: NatsConnection, logger: Logger, onChange: (connected: boolean) => void) {
  let reached = true
  const logged = new Set<string>()
  for await (const status of connection.status()) {
    if (status.type === 'disconnect') {
      if (reached) logger.warn('lost NATS; trying to reach it again, mirrors keep syncing')
      reached = false
      onChange(false)
    } else if (status.type === 'reconnect') {
      logger.info('reached NATS again')
      reached = true
      logged.clear()
      onChange(true)
    } else if (status.type === 'error' && !logged.has(String(status.error))) {
      // The same error comes with every try to reconnect, and is logged once.
      logged.add(String(status.error))
      const { message, refused } = reasonOf(status.error)
      logger.warn(
        { reason: String(status.error) },
        refused ? `NATS cannot be used: ${message}; trying again with growing pauses` : 'NATS reports an error',
      )
    }
  }
  // The connection was closed, by us or by an error that is not tried again.
  onChange(false)
}
