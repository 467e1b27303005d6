// handlers.ts — The handlers of all routes. A route without a handler does not compile.
import { accessHandlers } from './access.ts'
import { actionHandlers } from './actions.ts'
import { bulkHandlers } from './bulk.ts'
import type { Handlers } from './handler.ts'
import { joinTokenHandlers } from './join-tokens.ts'
import { replicaHandlers } from './replicas.ts'
import { resourceHandlers } from './resources.ts'
import { settingHandlers } from './settings.ts'
import { storageHandlers } from './storage.ts'
import { syncHandlers } from './syncs.ts'
import { systemHandlers } from './system.ts'
import { v0Handlers } from './v0.ts'
import { workerHandlers } from './workers.ts'

/** Every handler by the name of its route. */
export const handlers: Handlers = {
  ...v0Handlers,
  ...workerHandlers,
  ...actionHandlers,
  ...joinTokenHandlers,
  ...replicaHandlers,
  ...bulkHandlers,
  ...resourceHandlers,
  ...syncHandlers,
  ...storageHandlers,
  ...systemHandlers,
  ...settingHandlers,
  ...accessHandlers,
}
