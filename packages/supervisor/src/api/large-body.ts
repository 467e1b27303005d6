// large-body.ts — Answers a request whose body is too large, so that a client that is still sending it can read the
// answer.
import { Readable } from 'node:stream'
import type { FastifyRequest } from 'fastify'

/** How much of a body is discarded at most. */
export interface DiscardLimits {
  readonly bytes: number
  readonly ms: number
}

/** How much of a refused body is read and discarded, and for how long. After that the connection is closed. */
const DISCARD: DiscardLimits = { bytes: 64 * 1024 * 1024, ms: 20_000 }

/**
 * A response body that sends `text` at once, and ends when the client has sent its body or a limit is reached. If the
 * connection were closed earlier, the client would get a broken pipe in place of the answer. The response needs a
 * content-length, so that the client does not wait for its end.
 */
export function answerAndDiscard(text: string, request: FastifyRequest['raw'], limits = DISCARD): Readable {
  async function* body() {
    yield text
    await discardBody(request, limits)
  }
  return Readable.from(body())
}

function discardBody(request: FastifyRequest['raw'], { bytes, ms }: DiscardLimits): Promise<void> {
  return new Promise((resolve) => {
    if (request.readableEnded || request.destroyed) return resolve()
    let discarded = 0
    const timer = setTimeout(resolve, ms)
    const finish = () => {
      clearTimeout(timer)
      resolve()
    }
    request.on('data', (chunk: Buffer) => {
      discarded += chunk.length
      if (discarded > bytes) finish()
    })
    for (const event of ['end', 'close', 'error']) request.on(event, finish)
    request.resume()
  })
}
