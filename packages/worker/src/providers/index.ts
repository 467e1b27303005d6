// index.ts — The kinds this worker can sync. A new one is one file and one line here.
import { git } from './git.ts'
import { http } from './http.ts'
import type { Provider } from './provider.ts'
import { rsync } from './rsync.ts'

/** Every provider by its kind. */
export const providers = { git, rsync, http } satisfies Record<string, Provider>
