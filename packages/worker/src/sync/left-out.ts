// left-out.ts — Counts what of an upstream a copy will not have, with the first examples for the report. No files.
import type { LeftOut } from '@kagami/protocol'
import { showName } from '../names.ts'
import { oneLine } from './outcome.ts'

const EXAMPLES = 20
const EXAMPLE_MAX = 300
/** Lines in the log; beyond, only the number grows. */
const LOGGED = 200
/** Names that are remembered, so that each counts once; beyond, every mention counts. */
const REMEMBERED = 100_000

export interface LeftOutCounter {
  /** Counts one name once, however often it is met. */
  add(name: string, why: string): void
  /** Counts what an earlier run left out of an upstream that has not changed. */
  repeat(before: LeftOut): void
  /** What was counted; null when nothing was left out. */
  result(): LeftOut | null
}

/** A counter for one run; `log` is given one line for each of the first names. */
export function createLeftOutCounter(log: (line: string) => void): LeftOutCounter {
  const seen = new Set<string>()
  const examples: string[] = []
  let count = 0
  return {
    add(name, why) {
      if (seen.has(name)) return
      if (seen.size < REMEMBERED) seen.add(name)
      count++
      const line = `${showName(name)}: ${why}`
      if (examples.length < EXAMPLES) examples.push(oneLine(line, EXAMPLE_MAX))
      if (count <= LOGGED) log(`left out: ${line}`)
    },
    repeat(before) {
      count += before.count
      examples.push(...before.examples.slice(0, EXAMPLES - examples.length))
    },
    result: () => (count === 0 ? null : { count, examples }),
  }
}
