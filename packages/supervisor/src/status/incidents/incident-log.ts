// incident-log.ts — Compares each survey with what the database has, and stores what is new. Nobody is told of an
// incident that is not stored: after a restart it would come again under another id.
import { newId, type Logger } from '@kagami/runtime'
import type { IncidentStore, StoredIncidents } from '../../store/store.ts'
import type { Survey } from '../survey.ts'
import { compareSurvey, INCIDENTS_MAX, withChanges } from './incidents.ts'

/** What was seen, in this run of the supervisor and before. */
export interface IncidentLog {
  /** What is stored. Rejects when the database does not answer. */
  read(): Promise<StoredIncidents>
  /** Stores what has changed since the survey that was stored last. When that fails, the next survey does it. */
  observe(survey: Survey): Promise<void>
}

/** Nothing is read yet. */
export function createIncidentLog(store: IncidentStore, logger: Logger): IncidentLog {
  let stored: Promise<StoredIncidents> | null = null
  let [isWriting, isFailing] = [false, false]
  const forget = (error: unknown): never => {
    stored = null
    throw error
  }
  const read = () => (stored ??= store.loadIncidents().catch(forget))
  async function write(survey: Survey) {
    // What failed may be stored all the same.
    const before = await (isFailing ? store.loadIncidents() : read())
    const changes = compareSurvey(before, survey, newId)
    if (changes) await store.saveIncidents(changes, INCIDENTS_MAX)
    stored = Promise.resolve(changes ? withChanges(before, changes) : before)
  }
  return {
    read,
    async observe(survey) {
      // Surveys do not queue behind a slow database: the next one sees what this one would have.
      if (isWriting) return
      isWriting = true
      try {
        await write(survey)
        if (isFailing) logger.info('the database takes incidents of the status page again')
        isFailing = false
      } catch (error) {
        if (!isFailing)
          logger.error(
            { reason: (error as Error).message },
            'the database takes no incidents of the status page; what changes meanwhile is seen once it does',
          )
        isFailing = true
      }
      isWriting = false
    },
  }
}
