// compress.ts — Compresses answers for clients that can read it. @fastify/compress would do the same; loading it took
// 85 ms when it was tried, at each start.
import { pipeline, type Readable } from 'node:stream'
import { promisify } from 'node:util'
import { brotliCompress, constants, createBrotliCompress, createGzip, gzip } from 'node:zlib'
import { negotiate } from '@fastify/accept-negotiator'
import type { FastifyInstance, FastifyReply } from 'fastify'

/** Smaller bodies fit one packet anyway. */
const LEAST_BYTES = 1024
const COMPRESSIBLE = /^(?:application\/(?:json|atom\+xml|feed\+json)|image\/svg\+xml|text\/(?!event-stream))/
/** Cheap rather than small: answers are made anew each time. The files of the UI are compressed when they are built. */
const BROTLI = { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } }
const GZIP = { level: 4 }

const encodings = {
  br: { whole: promisify(brotliCompress), piecewise: () => createBrotliCompress(BROTLI), options: BROTLI },
  gzip: { whole: promisify(gzip), piecewise: () => createGzip(GZIP), options: GZIP },
} as const

/** Compresses every answer of text that is long enough, with brotli or gzip, as its client asks for. */
export function compressAnswers(server: FastifyInstance): void {
  server.addHook('onSend', async (request, reply, payload) => {
    if (!COMPRESSIBLE.test(String(reply.getHeader('content-type') ?? '')) || reply.hasHeader('content-encoding'))
      return payload
    // Caches on the way must not give one client what was made for another.
    void reply.header('vary', [reply.getHeader('vary'), 'accept-encoding'].filter(Boolean).join(', '))
    const encoding = negotiate(request.headers['accept-encoding'] ?? '', Object.keys(encodings))
    if (!encoding || request.method === 'HEAD' || isShort(payload)) return payload
    const { whole, piecewise, options } = encodings[encoding as keyof typeof encodings]
    void reply.header('content-encoding', encoding).removeHeader('content-length')
    nameEncoding(reply, encoding)
    if (typeof payload === 'string' || Buffer.isBuffer(payload)) return await whole(payload, options)
    const compressed = piecewise()
    // An error of the source ends the answer, which the client then sees as cut off.
    return pipeline(payload as Readable, compressed, () => {})
  })
}

/** The tag of a public answer tells caches its bytes, which differ by encoding; other tags mean what writes name. */
function nameEncoding(reply: FastifyReply, encoding: string): void {
  const etag = reply.getHeader('etag')
  if (typeof etag !== 'string' || !String(reply.getHeader('cache-control') ?? '').startsWith('public')) return
  void reply.header('etag', etag.replace(/"$/, `-${encoding}"`))
}

function isShort(payload: unknown): boolean {
  if (payload === null || payload === undefined) return true
  return (typeof payload === 'string' || Buffer.isBuffer(payload)) && Buffer.byteLength(payload) < LEAST_BYTES
}
