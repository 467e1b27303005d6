// yuki-property.test.ts — Random and broken YAML: always replicas or a sentence with file and line, never a crash, and
// never a secret.
import { checkFor, routes } from '@kagami/protocol'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { stringify } from 'yaml'
import { readYuki } from './yuki.ts'

const SECRET = 'correct-horse-battery'
const word = fc.constantFrom(
  'a',
  'debian',
  '@daily',
  '0 4 * * *',
  'ustcmirror/rsync',
  'ustcmirror/gitsync:v1',
  'h',
  '/m/',
  'true',
  '7',
  '',
)
const value: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 6, arbitrary: word },
  fc.string(),
  fc.double(),
  fc.constantFrom(null, true, -1, [], {}, ['x'], { '': null }, { a: { b: ['c'] } }),
)
const names = [
  'RSYNC_HOST',
  'RSYNC_PATH',
  'RSYNC_EXCLUDE',
  'RSYNC_BW',
  'RSYNC_NO_DELETE',
  'GITSYNC_URL',
  'TOKEN',
  '<<',
  '__proto__',
]
const envs = fc.oneof(value, fc.dictionary(fc.oneof(fc.constantFrom(...names), fc.string()), value))
const repository = fc.record(
  { name: value, cron: value, image: value, envs, storageDir: value, retry: value, __proto__: value, other: value },
  { requiredKeys: [] },
)
/** What somebody who types does to a text. */
const damage = fc.array(
  fc.record({
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    cut: fc.nat(5),
    put: fc.constantFrom(
      '',
      ' ',
      '\t',
      '\n',
      ': ',
      '- ',
      '*',
      '&a ',
      '*a',
      '[',
      '}',
      '"',
      "'",
      '|',
      '!x ',
      '%',
      '---\n',
      '\0',
      '\ufeff',
      '<<: *a',
      '? ',
    ),
  }),
  { maxLength: 6 },
)
const damaged = (text: string, blows: readonly { at: number; cut: number; put: string }[]) =>
  blows.reduce((now, { at, cut, put }) => {
    const place = Math.floor(at * now.length)
    return now.slice(0, place) + put + now.slice(place + cut)
  }, text)

const form = checkFor(routes.addReplica.body)

/** Each is a replica in the form of one, or has a reason with file and line. */
function expectSaid(text: string) {
  const found = readYuki(text, 'a.yaml')
  expect(found.length).toBeGreaterThan(0)
  for (const { name, replica, why } of found) {
    expect(name).not.toBe('')
    if (replica) expect([why, form.ok({ ...replica, options: {} })]).toEqual([null, true])
    else expect(why).toMatch(/^a\.yaml, line [1-9]\d*: \S/)
  }
  return found
}

test('of repositories with anything in them', () => {
  fc.assert(
    fc.property(repository, damage, (one, blows) => {
      expectSaid(damaged(stringify(one), blows))
    }),
    { numRuns: 3000 },
  )
})

test('of any text', () => {
  const texts = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 300 }),
    fc.string({ unit: fc.constantFrom(...'ab:-*&[]{}"\'|>!%@,?#\n\t \\0<'.split('')) }),
  )
  fc.assert(
    fc.property(texts, (text) => void expectSaid(text)),
    { numRuns: 3000 },
  )
})

test('and no secret is repeated, however the text is damaged', () => {
  const text =
    'name: a\ncron: "@daily"\nimage: ustcmirror/rsync\nstorageDir: /srv/a\nenvs:\n  RSYNC_HOST: h\n  RSYNC_PATH: a\n' +
    `  RSYNC_USER: bob\n  RSYNC_PASSWORD: ${SECRET}\n  TOKEN: "${SECRET}"\n`
  fc.assert(
    fc.property(damage, (blows) => {
      const broken = damaged(text, blows)
      // What stands where an image, a name or a module stood is shown as such.
      expect(JSON.stringify(expectSaid(broken))).not.toContain(SECRET)
    }),
    { numRuns: 3000 },
  )
})
