// row.ts — One line of the scoreboard of faults. A type only.

/** One promise. Each proof is a file of tests and a part of a test's title; all of them must pass. */
export interface Row {
  readonly row: number
  readonly fault: string
  readonly promise: string
  readonly proofs: readonly (readonly [file: string, title: string])[]
}
