// index.ts — The kinds this worker can sync. CONTRIBUTING.md says how to add one.
import { git } from './git/git.ts'
import { http } from './http/http.ts'
import type { Provider } from '../provider.ts'
import { rsync } from './rsync/rsync.ts'

/** Every provider by its kind. */
export const providers = { git, rsync, http } satisfies Record<string, Provider>
