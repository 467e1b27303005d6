// syncAddedReplica.ts — Requests a sync of a replica that was just added. The supervisor accepts it once the worker has
// reported the replica.
import { ApiError } from '@kagami/protocol'
import { api } from '../../api.ts'

const TRIES = 8
const PAUSE_MS = 1000

/** Requests a sync, repeatedly while the supervisor does not know the replica. Throws the error of the last attempt. */
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
