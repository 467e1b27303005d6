// stream.ts — The live stream as server-sent events, on a response that stays open. A client that reads too slowly is
// disconnected; it reconnects and continues.
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Refusal, type EventSubject } from '@kagami/protocol'
import type { Feed } from '../live/feed.ts'

const KEEP_ALIVE_MS = 15_000
/** Events that a client has not read yet, bytes; with more it is disconnected. */
const UNREAD_MAX_BYTES = 4 * 1024 * 1024

/** Streams that are open, by the HTTP server they belong to. */
const open = new WeakMap<object, number>()

/** Who asks for the live stream, and for what. */
export interface StreamOrder {
  readonly request: FastifyRequest
  readonly reply: FastifyReply
  /** The last event it has received, unless its header says so. */
  readonly lastId: string | undefined
  wants(subject: EventSubject): boolean
}

/**
 * Answers with the events of the feed that are wanted until the client leaves. Throws `unavailable` when streams hold
 * half of the connections: the others are for requests.
 */
export function openStream(feed: Feed, { request, reply, lastId, wants }: StreamOrder): void {
  const { raw } = reply
  const server = request.server.server
  const streams = open.get(server) ?? 0
  if (streams >= Math.max(1, Math.floor(server.maxConnections / 2))) {
    void reply.header('connection', 'close').header('retry-after', '5')
    throw new Refusal('unavailable', `${streams} live streams are open, and this machine allows no more`)
  }
  open.set(server, streams + 1)
  reply.hijack()
  raw.writeHead(200, {
    ...(reply.getHeaders() as Record<string, string>),
    'content-type': 'text/event-stream',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
    connection: 'keep-alive',
  })
  raw.write('retry: 2000\n\n')
  const after = (request.headers['last-event-id'] as string | undefined) ?? lastId ?? null
  const stop = feed.subscribe(after, wants, (text) => {
    raw.write(text)
    if (raw.writableLength > UNREAD_MAX_BYTES) raw.destroy()
  })
  const timer = setInterval(() => raw.write(': keep-alive\n\n'), KEEP_ALIVE_MS)
  raw.on('close', () => {
    open.set(server, (open.get(server) ?? 1) - 1)
    clearInterval(timer)
    stop()
  })
}
