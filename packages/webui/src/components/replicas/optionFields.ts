// optionFields.ts — The fields of a form for the options of a kind, from the JSON Schema that workers announce, and the
// options from what was typed. Pure.

export interface OptionField {
  readonly key: string
  readonly type: 'text' | 'number' | 'boolean' | 'choice' | 'lines' | 'json'
  readonly description: string
  readonly choices: readonly string[]
  readonly whole: boolean
  readonly min: number | null
  readonly max: number | null
  readonly defaultValue: string | null
  readonly required: boolean
}
type Schema = Record<string, unknown>

/** The fields of a schema of options. Shapes it does not know become JSON fields; without a schema there are none. */
export function fieldsOf(schema: unknown): OptionField[] {
  const whole = asSchema(schema)
  const properties = asSchema(whole['properties'])
  const required = Array.isArray(whole['required']) ? whole['required'] : []
  return Object.entries(properties).map(([key, raw]) => fieldOf(key, asSchema(raw), required.includes(key)))
}

function fieldOf(key: string, raw: Schema, required: boolean): OptionField {
  const schema = withoutNull(raw)
  const choices = choicesOf(schema)
  const number = (name: string): number | null => (typeof schema[name] === 'number' ? schema[name] : null)
  const defaultValue = defaultOf(schema['default'] ?? raw['default'])
  return {
    key,
    choices,
    defaultValue,
    // A schema lists fields with a default as required, too: those may stay empty.
    required: required && defaultValue === null,
    type: choices.length > 0 ? 'choice' : typeOf(schema),
    whole: schema['type'] === 'integer',
    description:
      [raw['description'], schema['description'], raw['title']].find((text) => typeof text === 'string') ?? '',
    min: number('minimum'),
    max: number('maximum'),
  }
}

function defaultOf(value: unknown): string | null {
  if (value === undefined || value === null) return null
  if (Array.isArray(value)) return value.join(', ')
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function typeOf(schema: Schema): OptionField['type'] {
  if (schema['type'] === 'string') return 'text'
  if (schema['type'] === 'integer' || schema['type'] === 'number') return 'number'
  if (schema['type'] === 'boolean') return 'boolean'
  return schema['type'] === 'array' && asSchema(schema['items'])['type'] === 'string' ? 'lines' : 'json'
}

function withoutNull(schema: Schema): Schema {
  const branches = schema['anyOf'] ?? schema['oneOf']
  if (!Array.isArray(branches)) return schema
  const rest = branches.map(asSchema).filter((branch) => branch['type'] !== 'null')
  if (rest.length === 1) return rest[0] ?? schema
  return rest.every((branch) => 'const' in branch) ? { enum: rest.map((branch) => branch['const']) } : schema
}

function choicesOf(schema: Schema): string[] {
  return Array.isArray(schema['enum']) ? schema['enum'].filter((word) => word !== null).map(String) : []
}

function asSchema(value: unknown): Schema {
  return typeof value === 'object' && value !== null ? (value as Schema) : {}
}

/** What is wrong with what was typed: a key below `add` in the locale, and its number. Null when it can be sent. */
export function optionProblem(
  field: OptionField,
  typed: string,
): { word: 'required' | 'number' | 'whole' | 'min' | 'max' | 'json'; n?: number } | null {
  if (typed.trim() === '') return field.required ? { word: 'required' } : null
  if (field.type === 'json') return isJson(typed) ? null : { word: 'json' }
  if (field.type !== 'number') return null
  const value = Number(typed)
  if (Number.isNaN(value)) return { word: 'number' }
  if (field.whole && !Number.isInteger(value)) return { word: 'whole' }
  if (field.min !== null && value < field.min) return { word: 'min', n: field.min }
  return field.max !== null && value > field.max ? { word: 'max', n: field.max } : null
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/** The options to send: only those that were filled in. Call it when no field has a problem. */
export function optionsFrom(
  fields: readonly OptionField[],
  typed: Readonly<Record<string, string>>,
): Record<string, unknown> {
  const filled = fields.filter((field) => (typed[field.key] ?? '').trim() !== '')
  return Object.fromEntries(filled.map((field) => [field.key, valueOf(field, (typed[field.key] ?? '').trim())]))
}

function valueOf(field: OptionField, text: string): unknown {
  if (field.type === 'number') return Number(text)
  if (field.type === 'boolean') return text === 'true'
  if (field.type === 'lines') return linesOf(text)
  return field.type === 'json' ? JSON.parse(text) : text
}

/** The lines of a text that have something in them. */
export function linesOf(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
}

/** The value of an option as it is typed; the other way round of what is sent. */
export function textOf(value: unknown): string {
  if (typeof value === 'string') return value
  const lines = Array.isArray(value) && value.every((one) => typeof one === 'string')
  return lines ? value.join('\n') : JSON.stringify(value)
}

/** Labels as they are typed; the other way round of `labelsFrom`. */
export function labelsText(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map((pair) => pair.join('='))
    .join(', ')
}

/** Labels from `key=value, key=value`; `bad` is the first part that has another form. */
export function labelsFrom(text: string): { labels: Record<string, string>; bad: string | null } {
  const parts = text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
  const bad = parts.find((part) => !/^[A-Za-z0-9][A-Za-z0-9._/-]{0,62}=.{0,256}$/.test(part)) ?? null
  return {
    labels: Object.fromEntries(
      parts
        .filter((part) => part.includes('='))
        .map((part) => [part.slice(0, part.indexOf('=')), part.slice(part.indexOf('=') + 1)]),
    ),
    bad,
  }
}
