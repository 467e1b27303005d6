// check.ts — Checks the input of a route against its schema. In queries, text becomes a number where the schema has
// one; bodies are never converted.
import { checkFor, Refusal } from '@kagami/protocol'
import { nearest } from '@kagami/runtime'
import type Type from 'typebox'
import { Default } from 'typebox/value'

/** Returns the checked value. A Refusal names the wrong field. */
export function check(
  schema: Type.TSchema | undefined,
  value: unknown,
  part: 'params' | 'query' | 'headers' | 'body',
): unknown {
  if (!schema) return {}
  const input = part === 'query' ? Default(schema, numbersOf(schema, value as object)) : bodyOf(schema, value)
  const validator = checkFor(schema)
  if (validator.ok(input)) return input
  const { field, message } = validator.problem(input)
  const text = problemOf(schema, field, (input as Record<string, unknown> | null)?.[field]) ?? message
  throw new Refusal('invalid_request', `${field || part} ${text}`, field || null)
}

interface Described {
  readonly properties?: Record<string, { type?: string; 'x-words'?: readonly string[] }>
}

/** What a field has to be, where its schema says it with a pattern that nobody reads. */
function problemOf(schema: Type.TSchema, field: string, value: unknown): string | null {
  if (field === 'cursor') return 'is not the next_cursor of a page of this list'
  const words = (schema as Described).properties?.[field]?.['x-words']
  if (!words || typeof value !== 'string') return null
  const wrong = value
    .split(',')
    .map((word) => word.trim().replace(/^!/, ''))
    .find((word) => word !== '' && !words.includes(word))
  const meant = wrong === undefined ? null : nearest(wrong, words)
  return `must be one of ${words.join(', ')}${meant ? `; did you mean ${meant}?` : ''}`
}

/** The query with numbers where the schema has integers and the text is one. */
function numbersOf(schema: Type.TSchema, query: object): Record<string, unknown> {
  const properties = (schema as Described).properties ?? {}
  return Object.fromEntries(
    Object.entries(query).map(([key, text]) => {
      const isInteger = Object.hasOwn(properties, key) && properties[key]?.type === 'integer'
      return [
        key,
        isInteger && typeof text === 'string' && /^-?\d{1,15}$/.test(text) ? Number(text) : (text as unknown),
      ]
    }),
  )
}

/** A missing body counts as null where the schema allows it, otherwise as an empty object; null is only itself. */
function bodyOf(schema: Type.TSchema, value: unknown): unknown {
  if (value !== undefined) return value
  return checkFor(schema).ok(null) ? null : {}
}
