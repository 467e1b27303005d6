// vite.config.ts — Builds the UI for /ui/. All assets are files of this origin, as the CSP requires.
import { fileURLToPath } from 'node:url'
import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vite'

export default defineConfig({
  base: '/ui/',
  plugins: [vue()],
  // The UI does without the schema library; see schemas.ts.
  resolve: {
    alias: [{ find: /^typebox(\/compile)?$/, replacement: fileURLToPath(new URL('schemas.ts', import.meta.url)) }],
  },
  define: {
    __VUE_OPTIONS_API__: 'false',
    __VUE_PROD_DEVTOOLS__: 'false',
    __VUE_I18N_LEGACY_API__: 'false',
    __VUE_I18N_FULL_INSTALL__: 'false',
    __INTLIFY_PROD_DEVTOOLS__: 'false',
  },
  worker: { format: 'es' },
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: 'es2023',
  },
  server: { proxy: { '/api': 'http://127.0.0.1:21000', '/workers': 'http://127.0.0.1:21000' } },
})
