// filter.ts — What a filter lets through, by looking at numbers: a million rows in a few milliseconds. What it has
// found out about texts is remembered for the next page. Pure.
import { areLabelsChosen, healthOrder, hostOf, isChosen, isSince, type Choice, type Since } from '@kagami/protocol'
import { positionOf, VERDICTS } from '../health.ts'
import type { Names } from './names.ts'
import type { Rows } from './rows.ts'
import type { Setting } from './settings.ts'

/** What is asked for. */
export interface Asked {
  /** Null: any, as everywhere here. */
  readonly healths: Choice | null
  readonly kinds: Choice | null
  /** Reasons of the last sync. */
  readonly causes: Choice | null
  readonly labels: Choice | null
  /** Hosts of upstreams. */
  readonly hosts: Choice | null
  readonly names: Choice | null
  /** Numbers of workers whose replicas are left out. */
  readonly notOn: ReadonlySet<number> | null
  /** When the last good copy was made. */
  readonly lastOk: Since | null
  /** Part of name, upstream or name of the worker, in small letters. */
  readonly part: string | null
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
  const { rows, workerNumberOf, mentions } = parts
  const { kinds, labels, hosts, notOn, lastOk } = asked
  const verdicts = verdictsOf(asked)
  const causes = causesOf(parts, asked)
  const isSetting = kinds || labels ? remembered((id) => isSet(rows.settings.settingOf(id), kinds, labels)) : null
  const isHost = hosts && remembered((id) => isChosen(hosts, hostOf(rows.upstreams.textOf(id))))
  const part = asked.part === null ? null : mentions.of(asked.part)
  const test = () => {
    const { verdict, cause, setting, name, upstream, success } = rows.of
    const isNamed = namesOf(parts, asked)
    return (row: number): boolean => {
      if (verdicts && verdicts[verdict[row]!] === 0) return false
      if (causes && causes[cause[row]!] === 0) return false
      if (lastOk && !isSince(lastOk, success[row]!)) return false
      if (notOn?.has(workerNumberOf(row))) return false
      if (isNamed && !isNamed(name[row]!)) return false
      if (isSetting && !isSetting(setting[row]!)) return false
      if (isHost && !isHost(upstream[row]!)) return false
      if (!part) return true
      return part.names(name[row]!) || part.upstreams(upstream[row]!) || part.workers(workerNumberOf(row))
    }
  }
  return {
    isEmpty: !verdicts && !causes && !lastOk && !notOn && !asked.names && !isSetting && !isHost && !part,
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
  const isWanted = (number: number) => isChosen(healths!, healthOrder[positionOf(number)]!)
  return healths && Uint8Array.from({ length: VERDICTS }, (_, number) => Number(isWanted(number)))
}

function causesOf({ rows }: FilterParts, { causes }: Asked): Uint8Array | null {
  const isWanted = (number: number) => isCause(rows, causes!, number)
  return causes && Uint8Array.from({ length: 256 }, (_, number) => Number(isWanted(number)))
}

/** Whether the cause of this number is chosen; 0 is none. */
export function isCause({ words }: Rows, causes: Choice, number: number): boolean {
  return isChosen(causes, number > 0 ? words.wordOf(number - 1) : null)
}

function namesOf({ names }: FilterParts, asked: Asked): ((id: number) => boolean) | null {
  if (!asked.names) return null
  const numbersOf = (words: readonly string[]) => new Set(words.map((word) => names.findName(word) ?? -1))
  const [wanted, unwanted] = [numbersOf(asked.names.wanted), numbersOf(asked.names.unwanted)]
  return (id) => (wanted.size === 0 || wanted.has(id)) && !unwanted.has(id)
}

/** Whether a replica is set so. */
export function isSet(setting: Setting, kinds: Asked['kinds'], labels: Asked['labels']): boolean {
  if (kinds && !isChosen(kinds, setting.kind)) return false
  return !labels || areLabelsChosen(labels, setting.labels)
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
