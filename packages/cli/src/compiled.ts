// compiled.ts — Keeps what Node compiled for the next start, also when this one ends by SIGKILL. The launcher says
// where.
import * as nodeModule from 'node:module'

/** Writes the cache once the program has come up. Nothing happens where there is none. */
export function flushSoon(): void {
  setTimeout(() => nodeModule.flushCompileCache?.(), 5000).unref()
}
