// wire.ts — Bytes to messages and back. Every byte that comes in is checked here, and what does not fit is said once.
import { checkFor, MESSAGE_MAX_BYTES, parseUntrusted } from '@kagami/protocol'
import type { Static } from 'typebox'
import type Type from 'typebox'
import type { Logger } from '../logger.ts'

/** A message did not fit its schema or is too large to send. */
export class WireError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'WireError'
  }
}

/** Encodes a message; throws WireError when it does not fit its own schema or is too large. */
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

/** Decodes a message; throws WireError naming the field when it does not fit. Unknown fields are kept and ignored. */
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

/** Logs each kind of refused message once a sender, however often it comes: a broken peer must not fill the disk. */
export function createRefusalLog(logger: Logger): (facts: { subject: string; reason: string }) => void {
  const said = new Set<string>()
  return ({ subject, reason }) => {
    const key = `${subject} ${reason}`
    if (said.has(key)) return
    // A sender that varies its mistakes must not grow this for ever either.
    if (said.size > 10_000) said.clear()
    said.add(key)
    logger.warn({ subject, reason }, 'refused a message; further ones like it are not logged')
  }
}
