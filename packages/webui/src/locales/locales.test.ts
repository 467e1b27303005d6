// locales.test.ts — Every word that a component uses exists, every word that exists is used, and each has its like in
// every other language.
import { readdirSync, readFileSync } from 'node:fs'
import {
  bulkLooks,
  errors,
  failures,
  healthLooks,
  Phase,
  syncLooks,
  Trigger,
  workerLooks,
  type Look,
} from '@kagami/protocol'
import { expect, it } from 'vitest'
import { en } from './en.ts'
import { createI18n } from 'vue-i18n'
import { preferredLocale } from './index.ts'
import { zh } from './zh.ts'
import { zhServer } from './zh-server.ts'

const root = new URL('../', import.meta.url)
const sources = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter((path) => /\.(vue|ts)$/.test(path) && !/\.test\.|^locales/.test(path))
  .map((path) => ({ path, text: readFileSync(new URL(path, root), 'utf8') }))
const looks = [healthLooks, workerLooks, syncLooks, bulkLooks].flatMap((table) => Object.values<Look>(table))

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

/** Every text by its key; lists as one. */
const textsOf = (group: object, path = ''): [string, string][] =>
  Object.entries(group).flatMap(([key, text]: [string, unknown]) =>
    typeof text === 'string' || Array.isArray(text)
      ? [[`${path}${key}`, String(text)] as [string, string]]
      : textsOf(text as object, `${path}${key}.`),
  )
const placeholders = (text: string) => [...new Set(text.match(/\{\w+\}/g))].sort()

it('is complete in Chinese, with the same values in each text', () => {
  const chinese = new Map(textsOf(zh))
  expect([...chinese.keys()].sort()).toEqual(
    textsOf(en)
      .map(([key]) => key)
      .sort(),
  )
  for (const [key, text] of textsOf(en)) {
    const [forms, others] = [text, chinese.get(key)!].map((one) => one.split(' | ').length)
    // Chinese has one form for all numbers, unless the text is about none at all.
    expect([key, others === 1 || others === forms]).toEqual([key, true])
    const missing = placeholders(text).filter((value) => !placeholders(chinese.get(key)!).includes(value))
    expect([key, missing]).toEqual([key, []])
  }
})

it('shows no English where Chinese was asked for, but names and words of the machine', () => {
  const machine =
    /Kagami|NATS|API|UTC|JSON|worker\.toml|api-token|rsync:\/\/\S*|https:\/\/\S*|file:\/\/|\.git|key=value/g
  const words = /HOST|cron|worker\.conf|tunasync|Yuki|YAML|\[\[(?:commands|providers)\]\]|name = "pypi"/g
  const command = /docs\/providers\/command\.md|kagami nats token|KAGAMI_JOIN_TOKEN|Ctrl|Enter|Esc/g
  const left = textsOf(zh).filter(([, text]) =>
    /[A-Za-z]{3}/.test(
      text
        .replaceAll(machine, '')
        .replaceAll(words, '')
        .replaceAll(command, '')
        .replaceAll(/\{\w+\}/g, ''),
    ),
  )
  expect(left).toEqual([])
})

it('has no text that vue-i18n cannot read, such as one with a bare @', () => {
  for (const messages of [en, zh]) {
    const { t } = createI18n({ legacy: false, locale: 'en', messages: { en: messages as typeof en } }).global
    for (const [key, text] of textsOf(messages)) {
      const plain = text.replaceAll(/\{'(.)'\}/g, '$1').split(' | ')
      const values = Object.fromEntries(placeholders(text).map((name) => [name.slice(1, -1), name]))
      if (!Array.isArray(word(key))) expect(plain).toContain(t(key as never, { ...values, n: '{n}' }, 1))
    }
  }
})

it.each([
  [['zh-Hant-TW', 'en'], 'zh-CN'],
  [['fr', 'zh'], 'zh-CN'],
  [['en-GB', 'zh'], 'en'],
  [['fr'], 'en'],
  [[], 'en'],
])('of a browser that prefers %j is %s', (languages, locale) => expect(preferredLocale(languages)).toBe(locale))

it('says in Chinese what the supervisor says of every failure and refusal, with the same commands and options', () => {
  const typed = (text: string) =>
    new Set(text.match(/kagami [a-z]+( [a-z]+)?|--[a-z-]+|[A-Za-z]+_\w+|\/[a-z0-9/]{3,}/g))
  for (const { meaning, hint } of [...Object.values(failures), ...Object.values(errors)])
    for (const text of [meaning, hint]) {
      const chinese = zhServer.get(text) ?? ''
      expect(chinese, text).toMatch(/\p{Script=Han}/u)
      expect(
        [...typed(text)].filter((word) => !typed(chinese).has(word)),
        text,
      ).toEqual([])
    }
})
