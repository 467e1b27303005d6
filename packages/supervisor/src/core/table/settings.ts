// settings.ts — What a replica is set to: kind, interval, labels, options, origin. Many replicas are set alike, so each
// combination is kept once. Pure.
import type { ReplicaState } from '@kagami/protocol'
import { createSequence } from './sequence.ts'
import { createTexts } from './texts.ts'

/** What a replica is set to. Objects are shared: nobody changes them. */
export type Setting = Pick<ReplicaState, 'kind' | 'interval_secs' | 'labels' | 'options' | 'origin' | 'spec_rev'>

/** Combinations by number. */
export interface Settings {
  keep(setting: Setting): number
  /** Keeps the combination of a number once more. */
  keepAgain(id: number): number
  /** Whether a combination is the one of this number. */
  is(id: number, setting: Setting): boolean
  /** The number of a combination; -1 when no replica is set so. */
  find(setting: Setting): number
  release(id: number): void
  settingOf(id: number): Setting
  /** All numbers are below this. */
  readonly end: number
  isKept(id: number): boolean
  /** How many are set as `isIt` says. */
  count(isIt: (setting: Setting) => boolean): number
}

/** How many combinations are also kept as objects. */
const READ_MAX = 4096

/** No combinations. */
export function createSettings(): Settings {
  const texts = createTexts({ recent: READ_MAX })
  const read = new Map<number, Setting>()
  const sequence = createSequence()
  function settingOf(id: number): Setting {
    let setting = read.get(id)
    if (setting) return setting
    setting = settingFrom(texts.textOf(id))
    if (read.size >= READ_MAX) read.clear()
    read.set(id, setting)
    return setting
  }
  return {
    keep(setting) {
      const expected = sequence.expected()
      const known = texts.isKept(expected) ? read.get(expected) : undefined
      const isExpected = known !== undefined && isAlike(known, setting)
      return sequence.note(isExpected ? texts.keepAgain(expected) : texts.keep(textOf(setting)))
    },
    find: (setting) => texts.find(textOf(setting)),
    keepAgain: texts.keepAgain,
    is: (id, setting) => isAlike(settingOf(id), setting),
    release(id) {
      if (texts.release(id)) read.delete(id)
    },
    settingOf,
    get end() {
      return texts.end
    },
    isKept: texts.isKept,
    count(isIt) {
      const kept = texts.kept()
      let count = 0
      for (let id = 0; id < texts.end; id++) if (kept[id]! > 0 && isIt(settingOf(id))) count += kept[id]!
      return count
    },
  }
}

/** Whether two combinations have the same text. */
function isAlike(one: Setting, other: Setting): boolean {
  return (
    one.kind === other.kind &&
    one.interval_secs === other.interval_secs &&
    one.origin === other.origin &&
    one.spec_rev === other.spec_rev &&
    isSameRecord(one.labels, other.labels) &&
    isSameRecord(one.options, other.options)
  )
}

/** Keys in the same order with the same values; of objects as values it says no. */
function isSameRecord(one: Readonly<Record<string, unknown>>, other: Readonly<Record<string, unknown>>): boolean {
  const [keys, others] = [Object.keys(one), Object.keys(other)]
  return keys.length === others.length && keys.every((key, at) => key === others[at] && one[key] === other[key])
}

function textOf({ kind, interval_secs, labels, options, origin, spec_rev }: Setting): string {
  const common = [kind, interval_secs, labels, options, origin]
  return JSON.stringify(spec_rev === undefined ? common : [...common, spec_rev])
}

function settingFrom(text: string): Setting {
  const [kind, interval_secs, labels, options, origin, ...more] = JSON.parse(text) as unknown[]
  const setting = { kind, interval_secs, labels, options, origin }
  return (more.length > 0 ? { ...setting, spec_rev: more[0] } : setting) as Setting
}
