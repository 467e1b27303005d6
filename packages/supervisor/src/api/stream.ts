// stream.ts — The live stream as server-sent events, on a response that stays open. A client that reads too slowly is
// disconnected; it reconnects and continues.
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Feed } from '../live/feed.ts'

const KEEP_ALIVE_MS = 15_000
/** Events that a client has not read yet, bytes; with more it is disconnected. */
const UNREAD_MAX_BYTES = 4 * 1024 * 1024

/** Answers with the events of the feed until the client leaves. */
export function openStream(feed: Feed, request: FastifyRequest, reply: FastifyReply, lastId: string | undefined): void {
  const { raw } = reply
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
  const stop = feed.subscribe(after, (item) => {
    raw.write(item.text)
    if (raw.writableLength > UNREAD_MAX_BYTES) raw.destroy()
  })
  const timer = setInterval(() => raw.write(': keep-alive\n\n'), KEEP_ALIVE_MS)
  raw.on('close', () => {
    clearInterval(timer)
    stop()
  })
}
