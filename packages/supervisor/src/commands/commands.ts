// commands.ts — All commands of the API in one object. Each is checked, saved in the database together with its audit
// entry, and then sent to the worker.
import type { Services } from '../services.ts'
import { createReplicaCommands } from './replicas.ts'
import { createSyncCommands } from './syncs.ts'
import type { Commands } from './types.ts'
import { createTrialCommands } from './trials.ts'
import { createWorkerCommands } from './workers.ts'

/** The commands of one supervisor. */
export function createCommands(services: Services): Commands {
  return {
    ...createWorkerCommands(services),
    ...createReplicaCommands(services),
    ...createSyncCommands(services),
    ...createTrialCommands(services),
  }
}
