// index.ts — The words of the UI by locale. English is complete; a further locale is one more record of the same shape.
import { createI18n } from 'vue-i18n'
import { en } from './en.ts'

/** The locales there are; each has all the words. */
export const messages = { en }

/** vue-i18n, for the app and for `t`. */
export const i18n = createI18n({
  legacy: false,
  locale: 'en',
  fallbackLocale: 'en',
  messages,
  missingWarn: false,
  fallbackWarn: false,
})

/** Words outside of components. */
export const t = i18n.global.t
