// index.ts — The kinds this worker can sync. CONTRIBUTING.md says how to add one.
import type { CommandSettings } from '../config/commands.ts'
import type { Provider } from '../provider.ts'
import { createCommandProvider } from './command/command.ts'
import { git } from './git/git.ts'
import { http } from './http/http.ts'
import { rsync } from './rsync/rsync.ts'

/** Every provider by its kind, except the one that needs programs of the operator. */
export const providers = { git, rsync, http } satisfies Record<string, Provider>

/** What of a worker's configuration providers depend on. */
interface Settings {
  readonly commands: readonly CommandSettings[]
  readonly data_dir: string
}

/** Every provider of a worker by its kind, with the programs that its worker.toml names. */
export function providersOf({ commands, data_dir }: Settings): Record<string, Provider> {
  return commands.length === 0 ? providers : { ...providers, command: createCommandProvider(commands, data_dir) }
}
