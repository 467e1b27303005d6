// prefs.ts — The viewer's choices: theme, and the width of the navigation. Stored in this browser.
import { defineStore } from 'pinia'
import { ref, watch } from 'vue'

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
  return { theme, narrow }
})
