// vite.config.ts — Builds the UI for /ui/: every asset from our own origin, nothing inlined that the CSP would refuse.
import { fileURLToPath } from 'node:url'
import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vite'

export default defineConfig({
  base: '/ui/',
  plugins: [vue()],
  // The real schema library stays on the server's side; see schemas.ts.
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
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: 'es2023',
  },
  server: { proxy: { '/api': 'http://127.0.0.1:21000', '/workers': 'http://127.0.0.1:21000' } },
})
