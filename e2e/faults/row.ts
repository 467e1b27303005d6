// row.ts — One line of the scoreboard of faults. A type only.

/** One promise. Each proof is a test file and a part of a title in it; all of its tests must pass. */
export interface Row {
  readonly row: number
  readonly fault: string
  readonly promise: string
  readonly proofs: readonly (readonly [file: string, title: string])[]
}
