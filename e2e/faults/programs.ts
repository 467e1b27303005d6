// programs.ts — Promises about programs: those of the operator, when they misbehave and when somebody wants others to
// run; and what visitors are told while the supervisor is killed.
import type { Row } from './row.ts'

const COMMAND = 'packages/worker/src/providers/command'

/** The rows. */
export const programs: readonly Row[] = [
  {
    row: 65,
    fault: 'a program of the operator forks, ignores SIGTERM, floods its output, or ends while its children live',
    promise: 'nothing of it is left, and nobody sees a copy that it left half-way',
    proofs: [
      [`${COMMAND}/hostile.test.ts`, 'and ends while what it started lives, leaves none of it'],
      [`${COMMAND}/hostile.test.ts`, 'and ignores what asks it to end'],
      [`${COMMAND}/hostile.test.ts`, 'and floods its output'],
      [`${COMMAND}/scripts.test.ts`, 'see nothing of a run that fails'],
      [`${COMMAND}/property.test.ts`, 'is published as the program left it'],
    ],
  },
  {
    row: 66,
    fault: 'somebody who may write to the API, or to NATS, wants another program to run',
    promise: 'only those that worker.toml names are ever started, as it says',
    proofs: [
      ['e2e/procedures/commands.test.ts', 'is refused by the API'],
      ['e2e/procedures/commands.test.ts', 'a document on the wire that names something else starts nothing'],
      [`${COMMAND}/hostile.test.ts`, 'is refused, and nothing is started'],
    ],
  },
  {
    row: 67,
    fault: 'kill -9 of the supervisor while mirrors fail and are well again',
    promise: 'the incidents of the status page stay as they were told, and what happened meanwhile is told once',
    proofs: [
      ['e2e/status/incidents.test.ts', 'stay in the feed as they were'],
      ['e2e/status/incidents.test.ts', 'that began or ended while it was down are told once'],
      ['e2e/store-incidents.test.ts', 'of which the database has stored what it did not confirm come once'],
    ],
  },
]
