// bus.ts — The connection to NATS as our rooms see it: checked messages by name. Streams and buckets stay with the room
// that owns them.
import { jetstream, type JetStreamClient } from '@nats-io/jetstream'
import { RequestError, type Msg, type NatsConnection, type Subscription } from '@nats-io/transport-node'
import { messages, OLDER_MESSAGE_MAX_BYTES, MESSAGE_MAX_BYTES, subjectFor, subjectForAll } from '@kagami/protocol'
import type { Static, TSchema } from 'typebox'
import { pause } from '../clock.ts'
import type { Logger } from '../logger.ts'
import { connectNats, reasonOf, type ConnectOptions } from './connect.ts'
import { createRefusalLog, decode, encode, WireError } from './wire.ts'

export type MessageName = keyof typeof messages
export type Body<N extends MessageName> = Static<(typeof messages)[N]['schema']>
export type Reply<N extends MessageName> = (typeof messages)[N]['reply'] extends infer R extends TSchema
  ? Static<R>
  : never

/** Longest wait for what is under way when a connection is closed, ms. */
const DRAIN_MS = 2000

/** Who sent a message: the id comes from the subject, which permissions guard, never from the body. */
export interface From {
  /** The worker's id in the subject, or empty when the subject has none. */
  readonly workerId: string
}

export interface Bus {
  readonly connection: NatsConnection
  readonly stream: JetStreamClient
  readonly connected: boolean
  /** Sends and forgets. Silently lost while disconnected: only for what the next message says again. */
  publish<N extends MessageName>(name: N, workerId: string, body: Body<N>): void
  /** Asks and waits; null when nobody answers in time. */
  request<N extends MessageName>(name: N, workerId: string, body: Body<N>, timeoutMs: number): Promise<Reply<N> | null>
  /** Hears a message from one worker, or from all of them. Returns the way to stop. */
  hear<N extends MessageName>(name: N, workerId: string | null, handle: (body: Body<N>, from: From) => void): () => void
  /** Answers requests. A handler that returns null or throws answers nothing. */
  answer<N extends MessageName>(
    name: N,
    workerId: string | null,
    handle: (body: Body<N>, from: From) => Reply<N> | null | Promise<Reply<N> | null>,
  ): () => void
  /** Called with true after each connect and reconnect, false after each loss. */
  onConnection(listener: (connected: boolean) => void): void
  close(): Promise<void>
}

/** Connects and stays connected: it tries for ever, and gives up only when `signal` aborts. */
export async function connectBus(options: ConnectOptions): Promise<Bus> {
  return createBus(await connectNats(options), options.logger, options.identity ? LOCKED_REPLIES : OPEN_REPLIES)
}

/**
 * Requests that crossed from one account to the other want their answers here; nobody can make one up, so who asks is
 * certain.
 */
const LOCKED_REPLIES = '_R_.'
/** Where clients wait for answers. Answering on any other subject would lend our rights to whoever chose it. */
const OPEN_REPLIES = '_INBOX.'

/** Wraps a connection. */
export function createBus(connection: NatsConnection, logger: Logger, replies: string = OPEN_REPLIES): Bus {
  const refuse = createRefusalLog(logger)
  const listen = createListener(connection, refuse)
  const listeners: ((connected: boolean) => void)[] = []
  let connected = true
  void watchStatus(connection, logger, (now) => {
    connected = now
    for (const listener of listeners) listener(now)
  })
  return {
    connection,
    stream: jetstream(connection, { timeout: 2000 }),
    get connected() {
      return connected && !connection.isClosed()
    },
    publish(name, workerId, body) {
      if (connected && !connection.isClosed())
        connection.publish(subjectFor(name, workerId), encode(messages[name].schema, body))
    },
    request: (name, workerId, body, timeoutMs) =>
      ask({ connection, refuse }, { name, workerId, body, timeoutMs }) as never,
    hear: (name, workerId, handle) => listen(name, workerId, (body, from) => handle(body, from)),
    answer(name, workerId, handle) {
      return listen(name, workerId, (body, from, message) => {
        if (!message.reply) return
        if (!message.reply.startsWith(replies))
          return refuse({
            subject: message.subject,
            reason: `the request wants its answer on ${message.reply.split('.')[0]}, where none belongs`,
          })
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
      // Draining a connection that is lost would wait for its return.
      if (connected) await Promise.race([connection.drain().catch(() => {}), pause(DRAIN_MS)])
      await connection.close()
    },
  }
}

type Refuse = ReturnType<typeof createRefusalLog>
type Take<N extends MessageName> = (body: Body<N>, from: From, message: Msg) => void

/** Subscribes; what does not fit its schema is refused before anyone sees it. */
function createListener(connection: NatsConnection, refuse: Refuse) {
  return <N extends MessageName>(name: N, workerId: string | null, take: Take<N>): (() => void) => {
    const subject = workerId === null ? subjectForAll(name) : subjectFor(name, workerId)
    const position = subject.split('.').indexOf('*')
    const limit = name.startsWith('older') ? OLDER_MESSAGE_MAX_BYTES : MESSAGE_MAX_BYTES
    const subscription: Subscription = connection.subscribe(subject, {
      callback: (error, message) => {
        if (error) return refuse({ subject, reason: error.message })
        const from = { workerId: workerId ?? (position >= 0 ? (message.subject.split('.')[position] ?? '') : '') }
        try {
          take(decode(messages[name].schema, message.data, limit) as Body<N>, from, message)
        } catch (fault) {
          if (!(fault instanceof WireError)) throw fault
          refuse({ subject: message.subject, reason: fault.message })
        }
      },
    })
    return () => subscription.unsubscribe()
  }
}

interface Question {
  readonly name: MessageName
  readonly workerId: string
  readonly body: unknown
  readonly timeoutMs: number
}

/** The answer; null when nobody answers in time, or with nonsense. */
async function ask(
  { connection, refuse }: { connection: NatsConnection; refuse: Refuse },
  { name, workerId, body, timeoutMs }: Question,
): Promise<unknown> {
  const entry = messages[name]
  const subject = subjectFor(name, workerId)
  try {
    const reply = await connection.request(subject, encode(entry.schema, body as never), { timeout: timeoutMs })
    return decode(entry.reply as never, reply.data)
  } catch (error) {
    if (error instanceof WireError) {
      refuse({ subject, reason: `answer: ${error.message}` })
      return null
    }
    const { name: kind, message } = error as Error
    if (
      error instanceof RequestError ||
      kind === 'TimeoutError' ||
      connection.isClosed() ||
      /timeout|no responders|disconnect|closed|drain/i.test(message)
    )
      return null
    throw error
  }
}

async function watchStatus(connection: NatsConnection, logger: Logger, tell: (connected: boolean) => void) {
  let reached = true
  const said = new Set<string>()
  for await (const status of connection.status()) {
    if (status.type === 'disconnect') {
      if (reached) logger.warn('lost NATS; trying to reach it again, mirrors keep syncing')
      reached = false
      tell(false)
    } else if (status.type === 'reconnect') {
      logger.info('reached NATS again')
      reached = true
      said.clear()
      tell(true)
    } else if (status.type === 'error' && !said.has(String(status.error))) {
      // Tried again and again, it would be refused again and again.
      said.add(String(status.error))
      const { message, refused } = reasonOf(status.error)
      logger.warn(
        { reason: String(status.error) },
        refused ? `NATS cannot be used: ${message}; trying again with growing pauses` : 'NATS refused something',
      )
    }
  }
  // Closed without being asked: a process that lives on but is deaf would be worse.
  tell(false)
}
