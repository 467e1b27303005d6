// validate.ts — Compiled checks of schemas. A value that does not fit is explained in one sentence that names the
// field.
import type Type from 'typebox'
import { Compile } from 'typebox/compile'
import type { Static } from 'typebox'

/** Why a value does not fit its schema. */
export interface Problem {
  /** Dotted path, `replicas.0.name`; empty for the value as a whole. */
  readonly field: string
  readonly message: string
}

/** The check of one schema. */
export interface Check<S extends Type.TSchema> {
  ok(value: unknown): value is Static<S>
  /** The first problem. Call it only when `ok` has returned false. */
  problem(value: unknown): Problem
}

const compiled = new WeakMap<object, Check<Type.TSchema>>()

/** The check of a schema; compiled once. */
export function checkFor<S extends Type.TSchema>(schema: S): Check<S> {
  let check = compiled.get(schema)
  if (!check) {
    const validator = Compile(schema)
    check = {
      ok: (value: unknown): value is never => validator.Check(value),
      problem: (value) => describe(validator.Errors(value) as readonly RawError[]),
    }
    compiled.set(schema, check)
  }
  return check
}

interface RawError {
  keyword: string
  instancePath: string
  message: string
  params: { requiredProperties?: string[]; allowedValues?: unknown[]; additionalProperties?: string[] }
}

function describe(found: readonly RawError[]): Problem {
  // A union reports errors of every branch and of itself: the deepest path is the most precise one.
  const error = [...found].sort((a, b) => b.instancePath.split('/').length - a.instancePath.split('/').length)[0]
  if (!error) return { field: '', message: 'does not fit' }
  const path = error.instancePath.split('/').slice(1)
  const missing = error.params.requiredProperties?.[0]
  if (missing) return { field: [...path, missing].join('.'), message: 'is required' }
  const field = path.join('.')
  const union = found.filter((other) => other.instancePath === error.instancePath && other.keyword === 'type')
  if (union.length > 1)
    return {
      field,
      message: union
        .map((other) => other.message)
        .join(' or ')
        .replaceAll(' or must be', ' or'),
    }
  if (error.params.allowedValues) return { field, message: `must be one of ${error.params.allowedValues.join(', ')}` }
  if (error.keyword === 'boolean') return { field, message: 'is not a key that is known here' }
  return { field, message: error.message }
}
