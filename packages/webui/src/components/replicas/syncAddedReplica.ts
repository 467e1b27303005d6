// syncAddedReplica.ts — Asking for a sync of a replica that was added a moment ago: its worker must have taken it up first.
import { ApiError } from '@kagami/protocol'
import { api } from '../../api.ts'

const TRIES = 8
const PAUSE_MS = 1000

/** Asks for a sync, again while the supervisor does not know the replica yet; throws what the last try was answered. */
export async function syncAddedReplica(id: string, pauseMs = PAUSE_MS): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      await api.call('syncReplica', { params: { id } })
      return
    } catch (error) {
      if (tries === TRIES || !(error instanceof ApiError) || error.code !== 'not_found') throw error
      await new Promise((done) => window.setTimeout(done, pauseMs))
    }
  }
}
