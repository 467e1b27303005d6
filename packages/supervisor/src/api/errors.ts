// errors.ts — Every error of the API in one form: code, message, hint, field, request id. Faults are logged here, and
// only here.
import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { errors, Refusal, type ErrorCode } from '@kagami/protocol'
import { newId, type Logger } from '@kagami/runtime'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { answerAndDiscard } from './large-body.ts'

/** What the database reports when it cannot be used now: PostgreSQL, its connection, SQLite. */
const DATABASE_UNAVAILABLE: readonly string[] = [
  'ECONNREFUSED',
  'ECONNRESET',
  '57P01',
  '57P03',
  'SQLITE_FULL',
  'ERR_SQLITE_ERROR',
]

/** Answers a request with an error. */
export function answerError(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  logger: Logger,
): FastifyReply {
  const refusal = error instanceof Refusal ? error : refusalOf(error)
  if (refusal.code === 'internal')
    logger.error(
      { err: error, request_id: request.id, method: request.method, url: request.url.split('?')[0] },
      'a fault while answering',
    )
  const { code, message, hint, field, status } = refusal
  const text = JSON.stringify({ error: { code, message, hint, field, request_id: request.id } })
  void reply.code(status).type('application/json; charset=utf-8')
  if (status === 401) void reply.header('www-authenticate', 'Bearer')
  if (status !== 413) return reply.send(text)
  return reply
    .headers({ connection: 'close', 'content-length': Buffer.byteLength(text) })
    .send(answerAndDiscard(text, request.raw))
}

/** The answer to bytes that are no request, or none in time, written to the bare connection. */
export function answerUnreadable(error: { code?: string }, socket: Socket): void {
  if (!socket.writable) return void socket.destroy()
  const refusal =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? new Refusal('request_too_long', 'address and headers are longer than 16 KiB')
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? new Refusal('request_too_slow', errors.request_too_slow.meaning)
        : new Refusal('invalid_request', 'this is not a request of HTTP')
  const { code, message, hint, field, status } = refusal
  const text = JSON.stringify({ error: { code, message, hint, field, request_id: newId() } })
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\ncontent-type: application/json; charset=utf-8\r\n` +
      `content-length: ${Buffer.byteLength(text)}\r\nconnection: close\r\n\r\n${text}`,
  )
}

/** What the HTTP server or the database refuses, as a Refusal. Anything else is a fault. */
function refusalOf(error: unknown): Refusal {
  const { statusCode, code, message } = error as { statusCode?: number; code?: string; message: string }
  if (statusCode === 413) return new Refusal('body_too_large', 'the body is larger than 1 MiB')
  if (statusCode === 415) return new Refusal('invalid_request', 'send JSON: content-type must be application/json')
  if (statusCode === 404) return new Refusal('not_found', 'there is no such thing here')
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) return new Refusal('invalid_request', message)
  if (code && DATABASE_UNAVAILABLE.includes(code))
    return new Refusal('unavailable' satisfies ErrorCode, `the database cannot be used now: ${message}`)
  return new Refusal('internal', errors.internal.meaning)
}
