// main.ts — Starts the UI.
import { createPinia } from 'pinia'
import { createApp } from 'vue'
import App from './App.vue'
import { i18n } from './locales/index.ts'
import { loadAllPages, router } from './router.ts'
import './styles/tokens.css'
import './styles/base.css'
import './styles/shell.css'
import './styles/parts.css'
import './styles/syncs.css'
import './styles/table.css'
import './styles/forms.css'

createApp(App).use(createPinia()).use(i18n).use(router).mount('#app')
loadAllPages()
