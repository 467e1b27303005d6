// compile-cache.ts — Saves what Node has compiled, so that the next start is faster. The launcher sets the directory.
import * as nodeModule from 'node:module'

/** Writes the cache once the program is running, since a killed program writes none on exit. */
export function saveCompileCacheSoon(): void {
  setTimeout(() => nodeModule.flushCompileCache?.(), 5000).unref()
}
