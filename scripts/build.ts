// build.ts — Builds what is made of the sources: the web UI, and the bundle of the program. With `--if-stale` only what
// is older than its sources.
import { buildUi } from './build-ui.ts'
import { bundlePrograms } from './bundle.ts'

/** Builds both. Ends the process when the UI cannot be built. */
export async function build(how: { onlyIfStale: boolean }): Promise<void> {
  buildUi(how)
  await bundlePrograms(how)
}

if (import.meta.main) await build({ onlyIfStale: process.argv.includes('--if-stale') })
