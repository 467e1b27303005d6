// every.test.ts — Each part of docs/operations.md that has steps or command lines, with the tests that follow it, or
// why none does. A new part fails here until it has its row.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { operationsPage } from '../harness/documented.ts'
import { ROOT } from '../harness/programs.ts'

interface Procedure {
  /** A heading of the page. */
  readonly heading: string
  readonly what: string
  /** Each with the title of a test in it, or the beginning of one. */
  readonly followedBy: readonly (readonly [file: string, title: string])[]
  /** What of it no test runs, and why. */
  readonly notRun?: string
}

const here = (file: string, title: string) => [`e2e/procedures/${file}.test.ts`, title] as const
const at = (path: string, title: string) => [`${path}.test.ts`, title] as const

const PROCEDURES: readonly Procedure[] = [
  {
    heading: 'Install',
    what: 'units and compose file name what is there',
    followedBy: [here('install', 'name programs and files that are there')],
    notRun: 'systemd and a Docker engine: no test starts the units or the containers',
  },
  {
    heading: 'Lock NATS',
    what: 'init, token, approve; from an open NATS',
    followedBy: [
      here('locked', 'moves it to a locked one'),
      here('locked', 'lets a new worker in with a token and an approval'),
    ],
    notRun: 'chown to a user of its own, and --mounted-at, need another user and a container',
  },
  {
    heading: 'Lock NATS',
    what: 'revoke a worker, and let it come back',
    followedBy: [here('locked', 'cuts a worker off, and lets it come back')],
  },
  {
    heading: 'Lock NATS',
    what: 'start over after a leak',
    followedBy: [here('locked', 'starts over after the keys of the supervisor were read by others')],
  },
  {
    heading: 'Lock NATS',
    what: 'a lost data_dir, another host name',
    followedBy: [
      here('locked', 'replaces a data_dir that was lost'),
      here('locked', 'adds a host name to the certificate, and no connection breaks'),
    ],
  },
  {
    heading: 'Upgrade',
    what: 'going back to an older version',
    followedBy: [at('e2e/faults/start-errors', 'whose database was written by a newer version says so')],
    notRun: 'git pull, npm ci and the restarts: there is no released version to upgrade from yet',
  },
  {
    heading: 'Back up and restore',
    what: 'SQLite and PostgreSQL',
    followedBy: [at('e2e/faults/restored', 'has its history read again, and says so')],
    notRun: 'pg_restore: the tests put the text of pg_dump back with psql',
  },
  {
    heading: 'Back up and restore',
    what: 'a database that is lost',
    followedBy: [at('e2e/scenarios/programs-die', 'whose database was restored from an old backup, or lost')],
  },
  {
    heading: 'Pause, decide, go back',
    what: 'pause, verify, roll back',
    followedBy: [
      here('decide', 'stops its schedule, still syncs on request, and starts the schedule again'),
      here('decide', 'proves that the copy is whole'),
      here('decide', 'goes back to the tree before a bad sync with swap'),
    ],
  },
  {
    heading: 'Pause, decide, go back',
    what: 'approve and reject a held sync',
    followedBy: [here('hold', 'rejects: the copies stay'), here('hold', 'looks at what would be deleted, approves')],
  },
  { heading: 'Hooks', what: 'programs after a sync', followedBy: [here('hold', 'has programs run after each sync')] },
  {
    heading: 'Monitor',
    what: 'without Prometheus',
    followedBy: [here('watch', 'is watched by a command whose exit code says whether something is wrong')],
  },
  {
    heading: 'Take over a mirror that exists',
    what: 'look, adopt or reject',
    followedBy: [
      here('take-over', 'is taken over once somebody says so'),
      here('take-over', 'is left as it is when the operator rejects'),
    ],
  },
  {
    heading: 'Take over a mirror that exists',
    what: 'files of your own',
    followedBy: [here('take-over', 'loses them when they are deleted by hand')],
  },
  {
    heading: 'Find folders that no replica has',
    what: 'list, adopt, remove',
    followedBy: [
      here('folders', 'are listed with their upstream'),
      here('folders', 'are gone on with once they are adopted'),
      here('folders', 'are refused to be removed while they have a replica'),
    ],
  },
  {
    heading: 'Add replicas',
    what: 'presets, copies, worker.toml, import',
    followedBy: [
      here('adding', 'are added by a preset, and copied to another worker'),
      here('adding', 'are given as worker.toml, which imports as what is there already'),
    ],
  },
  {
    heading: 'Lists of replicas and mirrors',
    what: 'filters on the command line',
    followedBy: [here('adding', 'are found by what they are not')],
  },
  {
    heading: 'Change a replica',
    what: 'interval, options, credentials',
    followedBy: [here('edit-line', 'by the command line: every field')],
  },
  {
    heading: 'Change a replica',
    what: 'another upstream',
    followedBy: [
      here('upstream-moved', 'is edited, and its next sync follows'),
      here('upstream-moved', 'to something else by mistake is held'),
    ],
  },
  {
    heading: 'Take a decision back',
    what: 'list, cancel, hold for another time; a supervisor that is killed meanwhile',
    followedBy: [
      at('e2e/api/actions', 'is listed and taken back by the command lines of the page'),
      at('e2e/api/actions', 'is kept and done once by a supervisor that is killed'),
    ],
  },
  {
    heading: 'Let others in',
    what: 'tokens with roles and scopes',
    followedBy: [at('e2e/access/tokens', 'are created, listed and removed by the command line, as documented')],
  },
  {
    heading: 'Let others in',
    what: 'accounts of an OpenID Connect provider',
    followedBy: [at('e2e/access/oidc', 'signs in, with the role of the groups')],
  },
  {
    heading: 'Test an upstream',
    what: 'of a replica, and before there is one',
    followedBy: [at('e2e/api/trial', 'is tested by command, whose exit code says')],
  },
  {
    heading: 'Will it fit?',
    what: 'the forecast, on the command line too',
    followedBy: [
      at('e2e/scenarios/storage', 'says when it is full, by the room that a worker has now'),
      at('e2e/scenarios/storage', 'names what grew most, since when, and its quota'),
    ],
  },
  {
    heading: 'Many at once',
    what: 'choose, look first, wait, try again, cancel; a supervisor that is killed',
    followedBy: [
      at('e2e/bulk/actions', 'the command lines of the page'),
      at('e2e/bulk/killed', 'goes on with the rest'),
    ],
  },
  {
    heading: 'Rename a replica of worker.toml',
    what: 'in worker.toml and by the API',
    followedBy: [here('rename', 'in worker.toml keeps its files'), here('rename', 'by the API keeps its files')],
  },
  {
    heading: 'Move a worker',
    what: 'a whole worker',
    followedBy: [here('move', 'are copied whole to a new machine')],
  },
  {
    heading: 'Move a worker',
    what: 'remove a worker, and start it again',
    followedBy: [
      here('watch', 'ends when it is terminated'),
      here('watch', 'joins with the same id when it is started again'),
    ],
  },
  {
    heading: 'Move a worker',
    what: 'one replica',
    followedBy: [here('move', 'move one replica at a time to another worker')],
  },
]

/** Headings that have no procedure, though they name commands. */
const TABLES_OF_FACTS: Readonly<Record<string, string>> = {
  'What happens when …': 'each row is injected by the scoreboard of faults (e2e/faults/scoreboard.ts)',
  'When something fails': 'the hint of each reason is followed by tests of its kind; the table says the same in short',
  'Parts and ports': 'addresses and settings, no steps',
  'What is where': 'names of files, no steps',
  'When a file of state is damaged': 'e2e/faults/damaged-state.test.ts damages each file',
  'What to expect of kill -9 and power cuts': 'e2e/faults/power-cut.test.ts and the scoreboard; no steps',
}

/** Heading → its text. */
const parts = new Map(
  operationsPage
    .split(/^## /m)
    .slice(1)
    .map((part) => [part.slice(0, part.indexOf('\n')), part.slice(part.indexOf('\n'))] as const),
)
const hasSteps = (text: string) =>
  /^\d+\. |^```|`(?:kagami|nats-server|sqlite3|rsync|pg_dump|git|chown|npm) ?/m.test(text)

describe('the procedures of docs/operations.md', () => {
  test('are all in the table: every heading with steps or command lines', () => {
    const known = new Set([...PROCEDURES.map(({ heading }) => heading), ...Object.keys(TABLES_OF_FACTS)])
    expect([...parts].filter(([heading, text]) => hasSteps(text) && !known.has(heading)).map(([name]) => name)).toEqual(
      [],
    )
    expect([...known].filter((heading) => !parts.has(heading))).toEqual([])
  })

  test.each(PROCEDURES)('$heading: $what', ({ followedBy, notRun }) => {
    expect(followedBy.length > 0 || (notRun ?? '').length > 20).toBe(true)
    for (const [file, title] of followedBy) {
      expect(existsSync(join(ROOT, file)), file).toBe(true)
      const text = readFileSync(join(ROOT, file), 'utf8')
      expect(text, `${file}: ${title}`).toContain(title)
      // A test elsewhere is tied to the page as well.
      expect(text, `${file} does not read the page`).toMatch(/Documented\(|operationsPage/)
    }
  })
})
