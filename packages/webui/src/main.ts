// main.ts — Starts the UI.
import { createPinia } from 'pinia'
import { createApp } from 'vue'
import App from './App.vue'
import { i18n, showLocale } from './locales/index.ts'
import { usePrefs } from './stores/prefs.ts'
import { loadAllPages, router } from './router.ts'
import './styles/tokens.css'
import './styles/base.css'
import './styles/shell.css'
import './styles/parts.css'
import './styles/syncs.css'
import './styles/table.css'
import './styles/forms.css'
import './styles/history.css'
import './styles/storage.css'
import './styles/adding.css'
import './styles/trial.css'
import './styles/lists.css'
import './styles/palette.css'
import './styles/overview.css'
import './styles/settings.css'

const app = createApp(App).use(createPinia()).use(i18n).use(router)
// The first text is in the right language: English is there at once, others are one small file away.
await showLocale(usePrefs().locale)
app.mount('#app')
loadAllPages()
