// filter.ts — What a filter lets through, by looking at numbers: a million rows in a few milliseconds. What it has
// found out about texts is remembered for the next page. Pure.
import { healthOrder } from '@kagami/protocol'
import { positionOf, VERDICTS } from '../health.ts'
import type { Names } from './names.ts'
import type { Rows } from './rows.ts'
import type { Setting } from './settings.ts'

/** What is asked for. */
export interface Asked {
  /** Null: any, as everywhere here. */
  readonly healths: ReadonlySet<string> | null
  readonly kinds: ReadonlySet<string> | null
  /** Reasons of the last sync. */
  readonly causes: ReadonlySet<string> | null
  /** A label; its value null: any. */
  readonly label: { readonly key: string; readonly value: string | null } | null
  /** Part of name, upstream or name of the worker, in small letters. */
  readonly part: string | null
  readonly name: string | null
}

/** What a filter reads. */
export interface FilterParts {
  readonly rows: Rows
  readonly names: Names
  readonly workerName: (number: number) => string
  readonly workerNumberOf: (row: number) => number
  readonly mentions: Mentions
}

/** Rows that match what was asked for. */
export interface Filter {
  /** Whether everything matches. */
  readonly isEmpty: boolean
  /** Tests single rows, until the table changes. */
  test(): (row: number) => boolean
  /** Calls `found` for those that match, of some of all rows, or among these. */
  look(among: Uint32Array | null, places: { from: number; until: number }, found: (row: number) => void): void
}

/** A filter of what was asked for. */
export function createFilter(parts: FilterParts, asked: Asked): Filter {
  const { rows, names, workerNumberOf, mentions } = parts
  const verdicts = verdictsOf(asked)
  const causes = causesOf(parts, asked)
  const isSetting =
    asked.kinds || asked.label ? remembered((id) => isSet(rows.settings.settingOf(id), asked.kinds, asked.label)) : null
  const part = asked.part === null ? null : mentions.of(asked.part)
  const test = () => {
    const { verdict, cause, setting, name, upstream } = rows.of
    const named = asked.name === null ? null : (names.findName(asked.name) ?? -1)
    return (row: number): boolean => {
      if (verdicts && verdicts[verdict[row]!] === 0) return false
      if (causes && causes[cause[row]!] === 0) return false
      if (named !== null && name[row] !== named) return false
      if (isSetting && !isSetting(setting[row]!)) return false
      if (!part) return true
      return part.names(name[row]!) || part.upstreams(upstream[row]!) || part.workers(workerNumberOf(row))
    }
  }
  return {
    isEmpty: !verdicts && !causes && !isSetting && !part && asked.name === null,
    test,
    look(among, { from, until }, found) {
      const [matches, kept] = [test(), rows.ids.kept()]
      for (let at = from; at < until; at++) {
        const row = among ? among[at]! : at
        if (kept[row]! > 0 && matches(row)) found(row)
      }
    },
  }
}

function verdictsOf({ healths }: Asked): Uint8Array | null {
  const isWanted = (number: number) => healths!.has(healthOrder[positionOf(number)]!)
  return healths && Uint8Array.from({ length: VERDICTS }, (_, number) => Number(isWanted(number)))
}

function causesOf({ rows }: FilterParts, { causes }: Asked): Uint8Array | null {
  const isWanted = (number: number) => number > 0 && causes!.has(rows.words.wordOf(number - 1))
  return causes && Uint8Array.from({ length: 256 }, (_, number) => Number(isWanted(number)))
}

/** Whether a replica is set so. */
export function isSet({ kind, labels }: Setting, kinds: Asked['kinds'], label: Asked['label']): boolean {
  if (kinds && !kinds.has(kind)) return false
  if (!label) return true
  return label.value === null ? label.key in labels : labels[label.key] === label.value
}

/** The answer for each number, found out once. */
function remembered(isIt: (number: number) => boolean): (number: number) => boolean {
  let known = new Uint8Array(1024)
  return (number) => {
    if (number >= known.length) {
      const larger = new Uint8Array((number + 1) * 2)
      larger.set(known)
      known = larger
    }
    const answer = known[number]!
    if (answer > 0) return answer === 1
    const found = isIt(number)
    known[number] = found ? 1 : 2
    return found
  }
}

/** What mentions a part of a text, each found out once. */
export interface Mention {
  readonly names: (id: number) => boolean
  readonly upstreams: (id: number) => boolean
  readonly workers: (number: number) => boolean
}

/** What is known of the parts that were asked for last. */
export interface Mentions {
  of(part: string): Mention
}

/** How many parts are remembered: pages of one list ask for the same again and again. */
const PARTS_MAX = 16

/** Nothing is known yet. `renamed`: how often a number has come to stand for another text. */
export function createMentions(
  { rows, names, workerName }: Omit<FilterParts, 'mentions' | 'workerNumberOf'>,
  renamed: () => number,
): Mentions {
  const known = new Map<string, Mention>()
  let asOf = renamed()
  return {
    of(part) {
      if (asOf !== renamed()) known.clear()
      asOf = renamed()
      let mention = known.get(part)
      if (mention) return mention
      const has = (text: string) => text.toLowerCase().includes(part)
      mention = {
        names: remembered((id) => has(names.nameOf(id))),
        upstreams: remembered((id) => has(rows.upstreams.textOf(id))),
        workers: remembered((number) => has(workerName(number))),
      }
      if (known.size >= PARTS_MAX) known.delete(known.keys().next().value!)
      known.set(part, mention)
      return mention
    },
  }
}
