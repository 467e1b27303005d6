// rubric.ts — What people may expect of the web UI, the status page and the command line, as yes or no, with the tests
// and measurements that say yes. Each of these goes red when the answer changes.

const ui = (name: string) => `e2e/browser/${name}.test.ts`
const cli = (path: string) => `packages/cli/src/${path}.test.ts`
const P11 = 'bench/p11-ui.ts'
const LARGE = 'e2e/rubric/large-fleet.test.ts'

/** One question. `proofs`: file, and what stands in it: the title of a test, or of a figure of a benchmark. */
export interface Question {
  readonly row: number
  readonly question: string
  readonly proofs: readonly (readonly [file: string, title: string])[]
}

/** All questions. */
export const rubric: readonly Question[] = [
  {
    row: 1,
    question: 'With the API stopped, is no number shown that was not sampled, and the age of the data said?',
    proofs: [
      [ui('pages'), 'says how old its numbers are when the supervisor is gone, and shows none that it does not know'],
      [ui('pages'), 'says how old its numbers are also where it was never live'],
      [LARGE, 'says on every page that the supervisor is gone, and how old its numbers are'],
    ],
  },
  {
    row: 2,
    question: 'Does the UI need no other host, in light and dark?',
    proofs: [
      [ui('pages'), 'is for everybody, in %s at %i px, in %s'],
      ['e2e/harness/browser.ts', 'left its origin'],
    ],
  },
  {
    row: 3,
    question: 'Does one see from the Overview which replicas fail, and why?',
    proofs: [
      [ui('ui'), 'approves a worker; its mirrors appear without a reload, and the failing one shows why'],
      [ui('pages'), 'tries again what fails for one cause as a job, and leads to it'],
      [ui('pages'), 'shows what the replica that failed last said, cut to a line that opens'],
    ],
  },
  {
    row: 4,
    question: 'Does each replica show last success, last attempt with its result, next sync and size?',
    proofs: [[ui('lists'), 'have the columns that were chosen by keyboard alone, also after a reload, until they are']],
  },
  {
    row: 5,
    question: 'Does a silent worker look different from a live one?',
    proofs: [
      [ui('pages'), 'tells a silent worker from a live one, and what waits from what runs'],
      [ui('pages'), 'does not show a sync of a silent worker as if it went on'],
    ],
  },
  {
    row: 6,
    question: 'Has every state a mark and a word besides its colour, and are the colours told apart?',
    proofs: [
      ['packages/protocol/src/health.test.ts', 'gives each health a mark and a word of its own'],
      ['packages/webui/src/palette.test.ts', 'states are told apart by who sees %s'],
    ],
  },
  {
    row: 7,
    question: 'Is a list of 10,000 replicas there within a second, with fewer than 2,500 elements?',
    proofs: [
      [P11, 'list of replicas can be used'],
      [P11, 'elements of a page'],
      [LARGE, 'is for everybody, in %s at %i px'],
    ],
  },
  {
    row: 8,
    question: 'Are search, filters and order kept in the address?',
    proofs: [
      [ui('list-rows'), 'leave out what a cell says, and show it again by "back" or by the chip'],
      [ui('many'), 'shows a list of hundreds to its end while its rows change, and shows the same place after "back"'],
    ],
  },
  {
    row: 9,
    question: 'Can many be chosen by a query, with a result for each?',
    proofs: [[ui('bulk'), 'all that match a filter are paused, and the page of the job shows each result']],
  },
  {
    row: 10,
    question: 'Does a change appear within two seconds without a reload, and is the state of the connection shown?',
    proofs: [
      [ui('ui'), 'a change elsewhere shows within two seconds, without a reload'],
      [ui('many'), 'in eight tabs is live in all of them, over one connection'],
    ],
  },
  {
    row: 11,
    question: 'Does terminating ask, name what is lost, and need typing?',
    proofs: [[ui('ui'), 'terminates a worker only after its name was typed, and shows what is lost']],
  },
  {
    row: 12,
    question: 'Can approving, rejecting, removing and terminating be undone for some seconds?',
    proofs: [
      [ui('held'), 'approves after some seconds'],
      [ui('held'), 'is still shown to who comes later, also after the supervisor was killed'],
    ],
  },
  {
    row: 13,
    question: 'Does a running sync show what its tool knows, and no invented percent?',
    proofs: [
      [ui('history'), 'says beside a running sync how long such syncs usually take, and shows no percent'],
      [
        'e2e/scenarios/fleet.test.ts',
        'a running sync shows progress and log, another one waits with a reason, and cancelling ends it',
      ],
    ],
  },
  {
    row: 14,
    question: 'Can a log be read live and afterwards, searched, loaded, and linked by line?',
    proofs: [
      [ui('log'), 'opens at the line of the address, far from the end'],
      [ui('log'), 'finds a text in the part that was not loaded, and goes from hit to hit'],
    ],
  },
  {
    row: 15,
    question: 'Is a bad upstream or name refused where one looks, and can an upstream be tested?',
    proofs: [
      [ui('ui'), 'adds a replica: mistakes are shown at the field, and a correct one syncs and shows its log'],
      [ui('trial'), 'that fails says why and what to do; what is typed then makes it void, and the replica is saved'],
    ],
  },
  {
    row: 16,
    question: 'Has each replica its states, durations and sizes over a time that is chosen, also as a table?',
    proofs: [
      [ui('history'), 'tells each part to the keyboard, and keeps the time that was chosen in the address'],
      [ui('history'), 'leaves the time empty of which nothing is known, and that in which no sync ended'],
    ],
  },
  {
    row: 17,
    question: 'Does the forecast of a disk say how sure it is, or that there is too little data?',
    proofs: [[ui('storage'), 'says so while nothing was measured, and what cannot be loaded']],
  },
  {
    row: 18,
    question: 'Can all be done by keyboard, with Esc, a visible focus that comes back, and a palette?',
    proofs: [
      [ui('keys'), '? says which keys there are; Esc gives the focus back'],
      [ui('keys'), 'the palette syncs what is asked for, and says the command that does the same'],
      [ui('adding'), 'is done by keyboard alone: a list leads to each field that is wrong, and the focus goes back'],
    ],
  },
  {
    row: 19,
    question: 'Does axe find nothing on any page in both themes, also at 320 px?',
    proofs: [
      [ui('pages'), 'is for everybody, in %s at %i px, in %s'],
      [ui('status'), 'is accessible at %s px, and not wider than the screen'],
    ],
  },
  {
    row: 20,
    question: 'Do empty, loading and failing pages say why, and what to do next?',
    proofs: [
      [ui('storage'), 'says so while nothing was measured, and what cannot be loaded'],
      [ui('history'), 'has no numbers for a replica that has never been synced'],
      [ui('settings'), 'offers a viewer no change that would be refused, and says why'],
    ],
  },
  {
    row: 21,
    question: 'Is a second language complete, and are times local or UTC?',
    proofs: [
      [ui('languages'), 'is in Chinese for a browser that prefers it, in %s'],
      [ui('languages'), 'shows times in the zone of the browser, or in UTC'],
    ],
  },
  {
    row: 22,
    question: 'Does the status page work without JavaScript, with help and feeds for programs?',
    proofs: [
      [ui('status'), 'is whole with JavaScript off, and used by keyboard alone'],
      [ui('status'), 'has a feed and badges that are well-formed'],
    ],
  },
  {
    row: 23,
    question: 'Does the command line list workers, mirrors and replicas, as JSON too?',
    proofs: [
      [cli('commands/workers'), 'alone lists them, in columns'],
      [cli('commands/workers'), 'is JSON for programs'],
      [cli('commands/storage'), 'prints what the API says for programs'],
    ],
  },
  {
    row: 24,
    question: 'Does what is not there end a command with a documented code?',
    proofs: [
      ['e2e/scenarios/cli.test.ts', 'there is no worker nobody'],
      [cli('program'), 'without a command lists the commands and the exit codes'],
    ],
  },
  {
    row: 25,
    question: 'Do errors of the command line say the cause, what to do, and what may have been meant?',
    proofs: [
      ['packages/supervisor/src/api/handlers/find.test.ts', 'nearestOf'],
      [cli('watch/status'), 'refuses a word that is no health, because it would never fail'],
    ],
  },
  {
    row: 26,
    question: 'Is output that is piped free of escape codes, and is progress of long work plain?',
    proofs: [
      ['e2e/scenarios/cli.test.ts', 'status, lists and logs are tables without colour when piped'],
      [LARGE, 'exits with %i and reads well on a terminal and in a pipe: kagami %s'],
      [cli('commands/sync'), 'shows phase and percent, one line for each ten'],
    ],
  },
  {
    row: 27,
    question: 'Are there completion, contexts, --watch, logs -f and --wait?',
    proofs: [
      [cli('completion/completion'), 'has a script for each shell, and refuses others'],
      [cli('contexts/contexts'), 'adds, lists, uses and removes them; the first one is the current one'],
      [cli('watch/watch'), 'draws in place on a terminal, and shows an error under what was last known'],
      [cli('watch/events'), '-f shows the last ones, then each that comes, oldest first'],
      ['e2e/scenarios/cli.test.ts', 'sync --wait waits until a sync ends, and its exit code is the result'],
    ],
  },
  {
    row: 28,
    question: 'Does every command line of README.md run as written?',
    proofs: [
      ['e2e/procedures/readme.test.ts', 'shows no command that is not run here'],
      ['e2e/scenarios/cli.test.ts', 'supervisor and worker run as written, with every option of the line'],
    ],
  },
]
