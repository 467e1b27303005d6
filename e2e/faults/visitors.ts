// visitors.ts — Promises about what visitors and feed readers are told while programs die.
import type { Row } from './row.ts'

/** The rows. */
export const visitors: readonly Row[] = [
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
