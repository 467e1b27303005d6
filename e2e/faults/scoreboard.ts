// scoreboard.ts — Every fault and every bad input that Kagami promises to withstand, with the tests that prove it. `npm
// run test:faults` runs them at full size and prints this table.
import { copies } from './copies.ts'
import { fleet } from './fleet.ts'
import { programs } from './programs.ts'
import type { Row } from './row.ts'

export type { Row } from './row.ts'

/** All promises, in the order of their numbers. */
export const scoreboard: readonly Row[] = [...copies, ...fleet, ...programs].toSorted(
  (one, other) => one.row - other.row,
)
