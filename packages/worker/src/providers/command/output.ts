// output.ts — What the output of a program of the operator means: whether a pattern says that it failed, how large the
// copy is, how far it is. Knows no files and no processes.
import { createContext, Script } from 'node:vm'

/** Longest part of a line that patterns see, UTF-16 units. */
const SEEN_MAX = 2000
/** Lines that are matched together. */
const BATCH = 256
/** Longest time that one pattern may take for a batch, ms: programs print what upstreams say. */
const MATCH_MAX_MS = 1000

/** What the lines of a run have said. */
export interface OutputReader {
  add(line: string): void
  /** Matches what is left. Call once, after the last line. */
  end(): Verdict
}

/** What all of the output says. */
export interface Verdict {
  /** The first line that means failure. */
  readonly failed: string | null
  /** Bytes, from the last line that tells them. */
  readonly sizeBytes: number | null
  /** Whether a pattern took too long, and was given up. */
  readonly unmatched: 'fail_on_match' | 'size_pattern' | null
}

/** The patterns of a command. */
export interface Patterns {
  readonly failOnMatch: RegExp | null
  readonly sizePattern: RegExp | null
}

/** Reads the lines of one run. */
export function createOutputReader({ failOnMatch, sizePattern }: Patterns): OutputReader {
  const failing = failOnMatch && createMatcher(failOnMatch)
  const sizing = sizePattern && createMatcher(sizePattern)
  let lines: string[] = []
  let failed: string | null = null
  let sizeBytes: number | null = null
  let unmatched: Verdict['unmatched'] = null
  const flush = () => {
    const batch = lines
    lines = []
    if (failing && failed === null && unmatched !== 'fail_on_match') {
      const found = failing(batch)
      if (found === 'too slow') unmatched = 'fail_on_match'
      else failed = found[0]?.line ?? null
    }
    if (!sizing || unmatched !== null) return
    const found = sizing(batch)
    if (found === 'too slow') unmatched = 'size_pattern'
    else for (const { group } of found) sizeBytes = sizeOf(group ?? '') ?? sizeBytes
  }
  return {
    add(line) {
      if (!failing && !sizing) return
      lines.push(line.slice(0, SEEN_MAX))
      if (lines.length >= BATCH) flush()
    },
    end() {
      flush()
      return { failed, sizeBytes, unmatched }
    },
  }
}

interface Match {
  readonly line: string
  readonly group: string | undefined
}

/** A pattern may need time without end for a line that a stranger wrote; in a script it can be stopped. */
function createMatcher({ source, flags }: RegExp): (lines: readonly string[]) => readonly Match[] | 'too slow' {
  const context = createContext({ source, flags, lines: '[]' })
  const script = new Script(`
    pattern = globalThis.pattern ?? new RegExp(source, flags)
    JSON.stringify(JSON.parse(lines).flatMap((line) => {
      const found = pattern.exec(line)
      return found ? [{ line, group: found[1] }] : []
    }))`)
  return (lines) => {
    context['lines'] = JSON.stringify(lines)
    try {
      return JSON.parse(script.runInContext(context, { timeout: MATCH_MAX_MS }) as string) as Match[]
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') return 'too slow'
      throw error
    }
  }
}

const UNITS = ['', 'K', 'M', 'G', 'T', 'P']

/** Bytes of a size as programs print it: `12.3G`, `1,234 bytes`, `5 MiB`; `MB` counts in thousands. Null: none. */
export function sizeOf(text: string): number | null {
  const [, number, unit = '', form = ''] =
    /^\s*(\d{1,20}(?:\.\d{1,10})?)\s*([kmgtp]?)(ib|b|)(?:ytes)?\s*$/i.exec(text.replace(/(\d),(?=\d{3})/g, '$1')) ?? []
  if (number === undefined) return null
  const base = /^b/i.test(form) && unit !== '' ? 1000 : 1024
  const bytes = Math.round(Number(number) * base ** UNITS.indexOf(unit.toUpperCase()))
  return Number.isSafeInteger(bytes) ? bytes : null
}

/** The percentage in a line; null when it has none. */
export function percentIn(line: string): number | null {
  const found = /(?:^|[^\d.])(\d{1,3}(?:\.\d{1,4})?) ?%/.exec(line.slice(0, SEEN_MAX))?.[1]
  return found !== undefined && Number(found) <= 100 ? Number(found) : null
}
