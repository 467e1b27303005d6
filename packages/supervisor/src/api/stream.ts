// stream.ts — Server-sent events: the feed on a response that stays open. A watcher too slow to read is let go; it
// comes back and goes on.
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Feed } from '../live/feed.ts'

const KEEP_ALIVE_MS = 15_000
const UNREAD_MAX_BYTES = 4 * 1024 * 1024

/** Answers with the feed until the watcher leaves. */
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
  const timer = setInterval(() => raw.write(': still here\n\n'), KEEP_ALIVE_MS)
  raw.on('close', () => {
    clearInterval(timer)
    stop()
  })
}
