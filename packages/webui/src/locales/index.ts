// index.ts — The texts of the UI by locale. Another locale is one more record of the same shape.
import { createI18n } from 'vue-i18n'
import { en } from './en.ts'

/** All locales; each has every text. */
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

/** Texts outside of components. */
export const t = i18n.global.t
