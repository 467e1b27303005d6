// prefs.ts — The viewer's choices: theme, language, time zone, and the width of the navigation. Stored in this browser.
import { defineStore } from 'pinia'
import { computed, ref, watch } from 'vue'
import { locales, preferredLocale, showLocale, type Locale } from '../locales/index.ts'

export type Theme = 'system' | 'light' | 'dark'
const read = (key: string): string | null => {
  try {
    return localStorage.getItem(key)
  } catch {
    return null
  }
}
const write = (key: string, value: string): void => {
  try {
    localStorage.setItem(key, value)
  } catch {
    // This browser stores nothing: the choice lasts as long as the page.
  }
}

/** The viewer's choices. A change of `theme` applies at once; public/theme.js applies it before the first paint. */
export const usePrefs = defineStore('prefs', () => {
  const stored = read('kagami.theme')
  const theme = ref<Theme>(stored === 'light' || stored === 'dark' ? stored : 'system')
  const chosen = read('kagami.locale')
  const locale = ref<Locale>(
    chosen !== null && chosen in locales ? (chosen as Locale) : preferredLocale(navigator.languages),
  )
  const utc = ref(read('kagami.times') === 'utc')
  /** The zone of all times; undefined: the browser's own. */
  const zone = computed(() => (utc.value ? 'UTC' : undefined))
  const narrow = ref(read('kagami.rail') === 'narrow')
  const system = matchMedia('(prefers-color-scheme: dark)')
  const apply = (): void => {
    const dark = theme.value === 'dark' || (theme.value === 'system' && system.matches)
    document.documentElement.dataset['theme'] = dark ? 'dark' : 'light'
  }
  system.addEventListener('change', apply)
  watch(theme, (value) => {
    write('kagami.theme', value)
    apply()
  })
  watch(narrow, (value) => write('kagami.rail', value ? 'narrow' : 'wide'))
  watch(locale, (value) => {
    write('kagami.locale', value)
    void showLocale(value)
  })
  watch(utc, (value) => write('kagami.times', value ? 'utc' : 'local'))
  return { theme, narrow, locale, utc, zone }
})
