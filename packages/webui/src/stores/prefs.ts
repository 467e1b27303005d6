// prefs.ts — The viewer's choices: theme, language, time zone, keys, and the width of the navigation. Stored in this
// browser.
import { defineStore } from 'pinia'
import { computed, ref, watch } from 'vue'
import { locales, preferredLocale, showLocale, type Locale } from '../locales/index.ts'

export type Theme = 'system' | 'light' | 'dark'
/** What this browser has stored, or null. */
export const readPref = (key: string): string | null => {
  try {
    return localStorage.getItem(key)
  } catch {
    return null
  }
}
/** Stores a text in this browser, if it stores anything. */
export const writePref = (key: string, value: string): void => {
  try {
    localStorage.setItem(key, value)
  } catch {
    // This browser stores nothing: the choice lasts as long as the page.
  }
}

/** The viewer's choices. A change of `theme` applies at once; public/theme.js applies it before the first paint. */
export const usePrefs = defineStore('prefs', () => {
  const stored = readPref('kagami.theme')
  const theme = ref<Theme>(stored === 'light' || stored === 'dark' ? stored : 'system')
  const chosen = readPref('kagami.locale')
  const locale = ref<Locale>(
    chosen !== null && chosen in locales ? (chosen as Locale) : preferredLocale(navigator.languages),
  )
  const utc = ref(readPref('kagami.times') === 'utc')
  /** The zone of all times; undefined: the browser's own. */
  const zone = computed(() => (utc.value ? 'UTC' : undefined))
  const narrow = ref(readPref('kagami.rail') === 'narrow')
  /** Whether keys without a modifier do something (WCAG 2.1.4). */
  const keys = ref(readPref('kagami.keys') !== 'off')
  const system = matchMedia('(prefers-color-scheme: dark)')
  const apply = (): void => {
    const dark = theme.value === 'dark' || (theme.value === 'system' && system.matches)
    document.documentElement.dataset['theme'] = dark ? 'dark' : 'light'
  }
  system.addEventListener('change', apply)
  watch(theme, (value) => {
    writePref('kagami.theme', value)
    apply()
  })
  watch(narrow, (value) => writePref('kagami.rail', value ? 'narrow' : 'wide'))
  watch(locale, (value) => {
    writePref('kagami.locale', value)
    void showLocale(value)
  })
  watch(utc, (value) => writePref('kagami.times', value ? 'utc' : 'local'))
  watch(keys, (value) => writePref('kagami.keys', value ? 'on' : 'off'))
  return { theme, narrow, locale, utc, zone, keys }
})
