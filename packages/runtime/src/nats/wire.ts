// wire.ts — Encodes and decodes messages. Every message is checked against its schema, in both directions.
import { checkFor, MESSAGE_MAX_BYTES, parseUntrusted } from '@kagami/protocol'
import type { Static } from 'typebox'
import type Type from 'typebox'
import type { Logger } from '../logger.ts'

/** A message does not fit its schema, or is too large. */
export class WireError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'WireError'
  }
}

/** Encodes a message. Throws WireError when it does not fit its schema or is too large. */
export function encode<S extends Type.TSchema>(schema: S, body: Static<S>): string {
  const check = checkFor(schema)
  if (!check.ok(body)) {
    const problem = check.problem(body)
    throw new WireError(`refusing to send a message: ${problem.field} ${problem.message}`)
  }
  const text = JSON.stringify(body)
  if (Buffer.byteLength(text) > MESSAGE_MAX_BYTES)
    throw new WireError(
      `refusing to send a message of ${Buffer.byteLength(text)} bytes; the limit is ${MESSAGE_MAX_BYTES}`,
    )
  return text
}

/** Decodes a message. A WireError names the field that does not fit. Unknown fields are ignored. */
export function decode<S extends Type.TSchema>(schema: S, bytes: Uint8Array, maxBytes = MESSAGE_MAX_BYTES): Static<S> {
  if (bytes.length > maxBytes) throw new WireError(`message of ${bytes.length} bytes is larger than ${maxBytes}`)
  let value: unknown
  try {
    value = parseUntrusted(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8'))
  } catch (error) {
    throw new WireError(error instanceof SyntaxError ? 'message is not JSON' : (error as Error).message)
  }
  const check = checkFor(schema)
  if (check.ok(value)) return value
  const problem = check.problem(value)
  throw new WireError(problem.field ? `field ${problem.field} ${problem.message}` : problem.message)
}

/** Logs each reason once per subject: a broken sender must not fill the disk with log lines. */
export function createRefusalLog(logger: Logger): (facts: { subject: string; reason: string }) => void {
  const logged = new Set<string>()
  return ({ subject, reason }) => {
    const key = `${subject} ${reason}`
    if (logged.has(key)) return
    // A sender with ever new mistakes must not fill the memory either.
    if (logged.size > 10_000) logged.clear()
    logged.add(key)
    logger.warn({ subject, reason }, 'refused a message; further messages like it are not logged')
  }
}
