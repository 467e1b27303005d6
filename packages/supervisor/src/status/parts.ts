// parts.ts — What all answers of the status page are made of, each made once in a while.
import { inPieces, takeTurn } from '../pieces.ts'
import type { Services } from '../services.ts'
import { createKept, type Answer } from './answers.ts'
import { createIncidentLog, type IncidentLog } from './incidents/incident-log.ts'
import { mirrorOf, type Mirror } from './mirror.ts'
import { takeSurvey, unheardWorkers, type Survey } from './survey.ts'
import { createTheme, type Theme } from './theme.ts'

/** How many different pages and feeds are kept. */
const PAGES_MAX = 64
const FEEDS_MAX = 8

/** What answers are made of. */
export interface Parts {
  readonly services: Services
  readonly theme: Theme
  /** What was seen in the surveys. */
  readonly incidents: IncidentLog
  survey(): Promise<Survey>
  /** All mirrors of the survey, ordered by name. */
  mirrors(): Promise<readonly Mirror[]>
  /** A page by what it depends on. */
  page(key: readonly unknown[], make: () => Promise<Answer>): Promise<Answer>
  /** A feed by what it depends on. Strange pages that somebody asks for push out none of these. */
  feed(key: readonly unknown[], make: () => Promise<Answer>): Promise<Answer>
}

/** Nothing is made yet. */
export function createParts(services: Services): Parts {
  const { fleet, clock, config, logger, store } = services
  const surveys = createKept<Survey>(clock, 1)
  const lists = createKept<readonly Mirror[]>(clock, 1)
  const [pages, feeds] = [createKept<Answer>(clock, PAGES_MAX), createKept<Answer>(clock, FEEDS_MAX)]
  const incidents = createIncidentLog(store, logger)
  const survey = () =>
    surveys.get('', async () => {
      const taken = await takeSurvey(fleet, clock.now(), unheardWorkers(services))
      // No page waits for the database.
      void incidents.observe(taken)
      return taken
    })
  return {
    services,
    theme: createTheme(config.status_dir, logger),
    incidents,
    survey,
    mirrors: () => lists.get('', async () => await describeAll(services, await survey())),
    page: (key, make) => pages.get(JSON.stringify(key), make),
    feed: (key, make) => feeds.get(JSON.stringify(key), make),
  }
}

async function describeAll({ fleet }: Services, { mirrors }: Survey): Promise<readonly Mirror[]> {
  await takeTurn()
  const pieces = inPieces()
  const described: Mirror[] = []
  for (const { name } of mirrors) {
    const resource = fleet.resources.get(name)
    if (resource) described.push(mirrorOf(resource))
    const turn = pieces.next()
    if (turn) await turn
  }
  return described
}
