// optionFields.test.ts — A new provider's options can be filled in without a line of UI being written for it.
import { describe, expect, it } from 'vitest'
import { fieldsOf, labelsFrom, optionProblem, optionsFrom } from './optionFields.ts'

const schema = {
  type: 'object',
  required: ['branch'],
  properties: {
    branch: { type: 'string', description: 'Branch' },
    depth: { anyOf: [{ type: 'integer', minimum: 1, maximum: 9 }, { type: 'null' }], default: 3 },
    lfs: { type: 'boolean' },
    mode: { anyOf: [{ const: 'a' }, { const: 'b' }] },
    exclude: { type: 'array', items: { type: 'string' } },
    deep: { type: 'object' },
  },
}

describe('a form drawn from an announced schema', () => {
  const fields = fieldsOf(schema)
  it('has a field for each option', () => {
    expect(fields.map(({ key, type }) => `${key}:${type}`)).toEqual([
      'branch:text',
      'depth:number',
      'lfs:boolean',
      'mode:choice',
      'exclude:lines',
      'deep:json',
    ])
    expect(fields[1]).toMatchObject({ min: 1, max: 9, whole: true, defaultValue: '3' })
  })
  it('sends only what was filled in, in its own type', () => {
    expect(
      optionsFrom(fields, { branch: 'main', depth: '4', lfs: 'true', exclude: 'a\n\n b ', deep: '{"x":1}', mode: '' }),
    ).toEqual({ branch: 'main', depth: 4, lfs: true, exclude: ['a', 'b'], deep: { x: 1 } })
  })
  it('says what is wrong before it is sent', () => {
    const problem = (at: number, typed: string) => optionProblem(fields[at]!, typed)?.word ?? null
    expect([
      problem(0, ''),
      problem(1, 'x'),
      problem(1, '1.5'),
      problem(1, '0'),
      problem(1, '10'),
      problem(1, '5'),
      problem(5, '{'),
    ]).toEqual(['required', 'number', 'whole', 'min', 'max', null, 'json'])
  })
  it('asks for nothing that has a default, even where the schema calls it required', () => {
    const [field] = fieldsOf({
      type: 'object',
      required: ['exclude'],
      properties: { exclude: { type: 'array', items: { type: 'string' }, default: [] } },
    })
    expect(field).toMatchObject({ required: false, defaultValue: '' })
  })
  it('is empty for a kind without a schema', () => expect(fieldsOf(undefined)).toEqual([]))
})

it('labels are read from key=value', () => {
  expect(labelsFrom('env=prod, region=hk')).toEqual({ labels: { env: 'prod', region: 'hk' }, bad: null })
  expect(labelsFrom('prod').bad).toBe('prod')
})
