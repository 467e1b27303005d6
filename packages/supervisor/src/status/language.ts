// language.ts — In which language a visitor reads the page, and its words, times and ordinals. Pure.
import { html, type Content, type Html } from './html.ts'
import { en, type WordKey } from './locales/en.ts'
import { zhCn } from './locales/zh-cn.ts'

/** The languages of the page, by tag; what each is called in itself. */
export const languages = {
  en: { words: en, name: 'English' },
  'zh-CN': { words: zhCn, name: '简体中文' },
} as const satisfies Record<string, { words: Readonly<Record<WordKey, string>>; name: string }>

export type Language = keyof typeof languages

/** The language of a visitor. */
export interface Chosen {
  readonly language: Language
  /** Whether the visitor chose it, so that links go on with it; else the browser did. */
  readonly isChosen: boolean
}

/** The language that a query names, else the first that the browser accepts. */
export function chooseLanguage(tag: string | undefined, accepted: string | undefined): Chosen {
  if (tag !== undefined && Object.hasOwn(languages, tag)) return { language: tag as Language, isChosen: true }
  return { language: acceptedLanguage(accepted), isChosen: false }
}

/** The first of our languages that a browser accepts, by its header Accept-Language; English when there is none. */
function acceptedLanguage(header: string | undefined): Language {
  const accepted = (header ?? '')
    .slice(0, 500)
    .split(',')
    .map((part) => {
      const [tag = '', ...settings] = part.split(';').map((word) => word.trim().toLowerCase())
      const weight = settings.find((setting) => setting.startsWith('q='))
      return { tag, weight: weight === undefined ? 1 : Number(weight.slice(2)) }
    })
    .filter(({ weight }) => weight > 0)
    .sort((one, other) => other.weight - one.weight)
  for (const { tag } of accepted) {
    const [primary] = tag.split('-')
    if (primary === 'zh') return 'zh-CN'
    if (primary === 'en') return 'en'
  }
  return 'en'
}

/** Writes texts in one language. */
export interface Writer {
  readonly language: Language
  /** The language that links name; null: none. */
  readonly lang: Language | null
  /** The time that lengths count from. */
  readonly now: Date
  /** A text; `{name}` in it is replaced by the content of that name. */
  write(key: WordKey, contents?: Readonly<Record<string, Content>>): Content
  /** How long ago an instant is, or how soon. */
  relative(instant: string): string
  /** `1st`, `2nd`, or the number where the language has no such words. */
  ordinal(position: number): string
  /** A whole number with separators. */
  count(value: number): string
  /** Whether what is counted is in the singular. */
  isOne(value: number): boolean
}

const ORDINALS: Readonly<Record<string, string>> = { one: 'st', two: 'nd', few: 'rd', other: 'th' }
const STEPS = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
  ['second', 1],
] as const

/** They are costly to make, so each language has one set. */
const formats: Partial<Record<Language, ReturnType<typeof createFormats>>> = {}

function createFormats(language: Language) {
  return {
    times: new Intl.RelativeTimeFormat(language),
    ordinals: new Intl.PluralRules(language, { type: 'ordinal' }),
    plurals: new Intl.PluralRules(language),
    numbers: new Intl.NumberFormat(language),
  }
}

/** Writes in a language, as of a time. */
export function createWriter({ language, isChosen }: Chosen, now: Date): Writer {
  const words: Readonly<Record<WordKey, string>> = languages[language].words
  const { times, ordinals, plurals, numbers } = (formats[language] ??= createFormats(language))
  return {
    language,
    lang: isChosen ? language : null,
    now,
    write: (key, contents = {}) =>
      words[key].split(/\{(\w+)\}/).map((part, at) => (at % 2 === 0 ? part : (contents[part] ?? null))),
    relative(instant) {
      const seconds = Math.round((Date.parse(instant) - now.getTime()) / 1000)
      const [unit, length] = STEPS.find(([, least]) => Math.abs(seconds) >= least) ?? STEPS[3]
      return times.format(Math.trunc(seconds / length), unit)
    },
    ordinal: (position) => (language === 'en' ? `${position}${ORDINALS[ordinals.select(position)]}` : String(position)),
    count: (value) => numbers.format(value),
    isOne: (value) => plurals.select(value) === 'one',
  }
}

/** An instant to the minute, with its zone, which is UTC. */
export function timeOf(instant: string): Html {
  const iso = new Date(instant).toISOString()
  return html`<time datetime="${iso}">${iso.slice(0, 10)} ${iso.slice(11, 16)} UTC</time>`
}
