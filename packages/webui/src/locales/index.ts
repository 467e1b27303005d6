// index.ts — The texts of the UI by locale. English is always there; others are loaded by who reads them.
import { computed } from 'vue'
import { createI18n } from 'vue-i18n'
import { en } from './en.ts'

/** The locales, by the tag that a browser asks for them with, and how each calls itself. */
export const locales = { en: 'English', 'zh-CN': '简体中文' } as const
export type Locale = keyof typeof locales

/** vue-i18n, for the app and for `t`. */
export const i18n = createI18n({
  legacy: false,
  locale: 'en',
  fallbackLocale: 'en',
  messages: { en } as Record<Locale, typeof en>,
  missingWarn: false,
  fallbackWarn: false,
})

/** Texts outside of components. */
export const t = i18n.global.t

/** What was looked up in the language that is shown. */
const lookedUp = computed(() => ({ in: i18n.global.locale.value, words: new Map<string, string>() }))

/** A text without parts, for what a list has thousands of: `t` takes longer than all else of a cell. */
export function lookUp(key: string): string {
  const { words } = lookedUp.value
  const text = words.get(key) ?? t(key)
  words.set(key, text)
  return text
}

let serverTexts: ReadonlyMap<string, string> = new Map()

/** What the supervisor says in English, in the language that is shown; what it says of one case alone stays English. */
export function inLanguage(text: string): string {
  return i18n.global.locale.value === 'en' ? text : (serverTexts.get(text) ?? text)
}

/** The locale that fits best what a browser prefers: the first language of the list that there is. */
export function preferredLocale(languages: readonly string[]): Locale {
  for (const language of languages) {
    const [name] = language.toLowerCase().split('-')
    if (name === 'en') return 'en'
    if (name === 'zh') return 'zh-CN'
  }
  return 'en'
}

/** Shows all texts in a locale, once they are loaded. */
export async function showLocale(locale: Locale): Promise<void> {
  if (locale === 'zh-CN' && !i18n.global.availableLocales.includes(locale)) {
    const [{ zh }, { zhServer }] = await Promise.all([import('./zh.ts'), import('./zh-server.ts')])
    serverTexts = zhServer
    i18n.global.setLocaleMessage(locale, zh as never)
  }
  i18n.global.locale.value = locale
  document.documentElement.lang = locale
}
