// errors.ts — Every error of the API in one shape: code, message, hint, field, request id. Faults are logged here,
// once.
import { errors, Refusal, type ErrorCode } from '@kagami/protocol'
import type { Logger } from '@kagami/runtime'
import type { FastifyReply, FastifyRequest } from 'fastify'

/** Answers with what went wrong. */
export function answerError(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  logger: Logger,
): FastifyReply {
  const refusal = error instanceof Refusal ? error : asRefusal(error)
  if (refusal.code === 'internal')
    logger.error(
      { err: error, request_id: request.id, method: request.method, url: request.url.split('?')[0] },
      'a fault while answering',
    )
  const { code, message, hint, field, status } = refusal
  if (status === 401) void reply.header('www-authenticate', 'Bearer')
  return reply
    .code(status)
    .type('application/json; charset=utf-8')
    .send(JSON.stringify({ error: { code, message, hint, field, request_id: request.id } }))
}

/** What the HTTP server itself refuses, in our words; anything else is a fault. */
function asRefusal(error: unknown): Refusal {
  const { statusCode, code, message } = error as { statusCode?: number; code?: string; message: string }
  if (statusCode === 413) return new Refusal('body_too_large', 'the body is larger than 1 MiB')
  if (statusCode === 415) return new Refusal('invalid_request', 'send JSON: content-type must be application/json')
  if (statusCode === 404) return new Refusal('not_found', 'there is no such thing here')
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) return new Refusal('invalid_request', message)
  const unavailable: readonly string[] = [
    'ECONNREFUSED',
    'ECONNRESET',
    '57P01',
    '57P03',
    'SQLITE_FULL',
    'ERR_SQLITE_ERROR',
  ]
  if (code && unavailable.includes(code))
    return new Refusal('unavailable' satisfies ErrorCode, `the database does not take this just now: ${message}`)
  return new Refusal('internal', errors.internal.meaning)
}
