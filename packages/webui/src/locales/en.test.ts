// en.test.ts — Every word that a component uses exists, and every word that exists is used.
import { readdirSync, readFileSync } from 'node:fs'
import { failures, healthLooks, Phase, syncLooks, Trigger, workerLooks, type Look } from '@kagami/protocol'
import { expect, it } from 'vitest'
import { en } from './en.ts'

const root = new URL('../', import.meta.url)
const sources = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter((path) => /\.(vue|ts)$/.test(path) && !/\.test\.|^locales/.test(path))
  .map((path) => ({ path, text: readFileSync(new URL(path, root), 'utf8') }))
const looks = [healthLooks, workerLooks, syncLooks].flatMap((table) => Object.values<Look>(table))

function word(key: string): unknown {
  return key.split('.').reduce<unknown>((at, part) => (at as Record<string, unknown> | undefined)?.[part], en)
}

it('has no missing key', () => {
  const missing = sources.flatMap(({ path, text }) =>
    [...text.matchAll(/\b(?:t|te|tm)\('([\w.]+)'|keypath="([\w.]+)"/g)]
      .map((match) => match[1] ?? match[2] ?? '')
      .filter((key) => typeof word(key) !== 'string' && !Array.isArray(word(key)))
      .map((key) => `${path}: ${key}`),
  )
  expect(missing).toEqual([])
})
it('has a word for every state, reason and phase of the contract', () => {
  const all = (schema: unknown): string[] => (schema as { enum: string[] }).enum
  expect(Object.keys(failures).filter((reason) => word(`reason.${reason}`) === undefined)).toEqual([])
  // One state has one word, here and on the command line.
  for (const look of looks) expect(String(word(look.words)).toLowerCase()).toBe(look.word)
  expect(all(Phase).filter((one) => word(`phase.${one}`) === undefined)).toEqual([])
  expect(all(Trigger).filter((one) => word(`trigger.${one}`) === undefined)).toEqual([])
})
it('has no word that nothing uses', () => {
  const code = sources.map(({ text }) => text).join('\n')
  // Keys such as `phase.${phase}`: any word of the group may be used.
  const groups = new Set([...code.matchAll(/`(\w+)\.\$\{/g)].map((match) => match[1]))
  const used = new Set(looks.map(({ words }) => words))
  const unused = Object.entries(en).flatMap(([group, words]) =>
    Object.keys(words)
      .map((name) => `${group}.${name}`)
      .filter(
        (key) => !groups.has(group) && !used.has(key) && !code.includes(`'${key}'`) && !code.includes(`"${key}"`),
      ),
  )
  expect(unused).toEqual([])
})
