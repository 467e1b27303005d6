// check.ts — Checks what came in against a route's schema. Texts of queries become numbers where numbers are wanted;
// bodies are never coerced.
import { checkFor, Refusal } from '@kagami/protocol'
import type Type from 'typebox'
import { Convert, Default } from 'typebox/value'

/** The checked value. Refuses with the field named. */
export function check(schema: Type.TSchema | undefined, value: unknown, part: 'params' | 'query' | 'body'): unknown {
  if (!schema) return {}
  const given = part === 'query' ? Default(schema, Convert(schema, { ...(value as object) })) : bodyOf(schema, value)
  const validator = checkFor(schema)
  if (validator.ok(given)) return given
  const { field, message } = validator.problem(given)
  throw new Refusal('invalid_request', `${field || part} ${message}`, field || null)
}

/** A missing body is null where that is allowed, and an empty object otherwise. */
function bodyOf(schema: Type.TSchema, value: unknown): unknown {
  if (value !== undefined && value !== null) return value
  return checkFor(schema).ok(null) ? null : {}
}
