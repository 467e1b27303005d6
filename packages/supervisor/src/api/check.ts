// check.ts — Checks the input of a route against its schema. In queries, text becomes a number where the schema has
// one; bodies are never converted.
import { checkFor, Refusal } from '@kagami/protocol'
import type Type from 'typebox'
import { Convert, Default } from 'typebox/value'

/** Returns the checked value. A Refusal names the wrong field. */
export function check(schema: Type.TSchema | undefined, value: unknown, part: 'params' | 'query' | 'body'): unknown {
  if (!schema) return {}
  const input = part === 'query' ? Default(schema, Convert(schema, { ...(value as object) })) : bodyOf(schema, value)
  const validator = checkFor(schema)
  if (validator.ok(input)) return input
  const { field, message } = validator.problem(input)
  throw new Refusal('invalid_request', `${field || part} ${message}`, field || null)
}

/** A missing body counts as null where the schema allows it, otherwise as an empty object. */
function bodyOf(schema: Type.TSchema, value: unknown): unknown {
  if (value !== undefined && value !== null) return value
  return checkFor(schema).ok(null) ? null : {}
}
