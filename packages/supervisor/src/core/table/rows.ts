// rows.ts — The rows of the table of replicas: a state as numbers in columns and a packed record, and back. Pure.
import { Activity, FailureReason, Outcome, ReplicaStatus, type ReplicaState } from '@kagami/protocol'
import { createColumns, type Columns } from './columns.ts'
import { createPacker, createUnpacker, instantMs, isSame } from './packing.ts'
import { NOTHING_SAID, packRest, unpackRest, type Said } from './record.ts'
import type { Names } from './names.ts'
import { createSettings, type Settings } from './settings.ts'
import { createSlab, type Slab } from './slab.ts'
import { createTexts, numbersBelow, type Texts } from './texts.ts'
import { createWords, type Words } from './words.ts'

/** What judging asks of a row; where a sync runs or the age of the content counts, it reads the state. */
export const FLAG = { failing: 1, held: 2, running: 4, dated: 8 }

/** The orders of the list in which a change may move a row. */
export const TOUCHED = { worst: 1, name: 2, worker: 4, last_success_at: 8, size_bytes: 16, next_due_at: 32 }
export const TOUCHED_ALL = 63

const LAYOUT = {
  revision: Float64Array,
  /** Unix ms; NaN: never. */
  success: Float64Array,
  /** Unix ms; NaN: it is not known. */
  due: Float64Array,
  /** When its failures began, Unix ms; NaN: it has none, or that is not known. */
  failing: Float64Array,
  /** When the last sync ended, Unix ms; NaN: there was none. */
  ended: Float64Array,
  /** NaN: it is not known. */
  size: Float64Array,
  name: Uint32Array,
  upstream: Uint32Array,
  setting: Uint32Array,
  /** Message and hint of the last sync, plus one; 0: none. */
  said: Uint32Array,
  record: Uint32Array,
  /** How often the row was used for another replica. */
  born: Uint32Array,
  /** Minute since 1970 in which it is judged again; 0: none. */
  review: Int32Array,
  status: Uint8Array,
  activity: Uint8Array,
  /** Reason of the last sync, plus one; 0: none. */
  cause: Uint8Array,
  flags: Uint8Array,
  verdict: Uint8Array,
  counted: Uint8Array,
}

/** The rows of a table of replicas. */
export interface Rows {
  /** The columns at this moment. */
  readonly of: Columns<typeof LAYOUT>['of']
  /** Ids of replicas; their numbers are the rows. */
  readonly ids: Texts
  readonly settings: Settings
  readonly upstreams: Texts
  readonly words: Words
  useNames(names: Names): void
  /** Calls this when a row has changed, come or gone, with the orders in which it may now be elsewhere. */
  onTouched(touch: (row: number, touched: number) => void): void
  add(state: ReplicaState): number
  write(row: number, state: ReplicaState): void
  equals(row: number, state: ReplicaState): boolean
  stateOf(row: number): ReplicaState
  drop(row: number): void
  setVerdict(row: number, verdict: number): void
  /** How many rows have each verdict, and each cause. */
  readonly counts: { readonly verdict: Uint32Array; readonly cause: Uint32Array }
  /** The rows with the name of this number. */
  withName(name: number): number[]
}

interface Parts extends Pick<Rows, 'ids' | 'settings' | 'upstreams' | 'words' | 'counts'> {
  readonly columns: Columns<typeof LAYOUT>
  readonly said: Texts
  readonly records: Slab
  readonly packer: ReturnType<typeof createPacker>
  readonly unpacker: ReturnType<typeof createUnpacker>
  names: Names
}

/** How many states are also kept as they came: what has changed just now is written to the store and shown next. */
const RECENT_MAX = 2048

/** No rows. Names have to be given before the first is added. */
export function createRows(recentMax = RECENT_MAX): Rows {
  let touch = (_row: number, _touched: number): void => {}
  const recent = createRecent(recentMax)
  const parts = createParts()
  const { ids, settings, upstreams, words, columns, counts } = parts
  return {
    get of() {
      return columns.of
    },
    ids,
    settings,
    upstreams,
    words,
    counts,
    setVerdict(row, verdict) {
      counts.verdict[columns.of.verdict[row]!]!--
      counts.verdict[verdict]!++
      columns.of.verdict[row] = verdict
    },
    useNames: (names) => void (parts.names = names),
    onTouched: (listener) => void (touch = listener),
    add(state) {
      const row = ids.keep(state.replica_id)
      columns.reserve(row + 1)
      const { review, verdict, counted, cause } = columns.of
      review[row] = verdict[row] = counted[row] = cause[row] = 0
      counts.verdict[0]!++
      counts.cause[0]!++
      fill(parts, row, state)
      touch(row, TOUCHED_ALL)
      return row
    },
    write(row, state) {
      const replaced = referencesOf(parts, row)
      const before = sortedBy(columns.of, row)
      fill(parts, row, state, replaced)
      touch(row, movedBy(before, sortedBy(columns.of, row)))
      release(parts, replaced)
      recent.note(row, state)
    },
    equals: (row, state) => equals(parts, row, state),
    stateOf: (row) => recent.get(row) ?? stateOf(parts, row),
    drop(row) {
      release(parts, referencesOf(parts, row))
      counts.verdict[columns.of.verdict[row]!]!--
      counts.cause[columns.of.cause[row]!]!--
      columns.of.born[row]!++
      columns.of.review[row] = 0
      ids.release(row)
      recent.delete(row)
      touch(row, TOUCHED_ALL)
    },
    withName: (name) =>
      name < 0 ? [] : numbersBelow(ids.end, (row) => columns.of.name[row] === name && ids.isKept(row)),
  }
}

const msOf = (instant: string | null | undefined) =>
  instant === null || instant === undefined ? Number.NaN : (instantMs(instant) ?? Date.parse(instant))
/** Replicas of one mirror have their upstream in common, and those that fail alike what is said of it. */
const RECENT_TEXTS = 16_384

const textOf = (said: Said) => JSON.stringify(said)
const isSaid = ([message, hint]: Said) => message !== null || hint !== null

function createParts(): Parts {
  return {
    columns: createColumns(LAYOUT),
    ids: createTexts(),
    settings: createSettings(),
    upstreams: createTexts({ recent: RECENT_TEXTS }),
    said: createTexts({ recent: RECENT_TEXTS }),
    records: createSlab(),
    packer: createPacker(),
    unpacker: createUnpacker(),
    // Statuses come first: counting has them by their positions.
    words: createWords([
      ...new Set<string>([...ReplicaStatus.enum, ...Activity.enum, ...Outcome.enum, ...FailureReason.enum]),
    ]),
    names: null as unknown as Names,
    counts: { verdict: new Uint32Array(256), cause: new Uint32Array(256) },
  }
}

/** The states that came last, by row: at least half of so many. The older half goes as a whole. */
function createRecent(most: number) {
  let [newer, older] = [new Map<number, ReplicaState>(), new Map<number, ReplicaState>()]
  return {
    get: (row: number): ReplicaState | undefined => newer.get(row) ?? older.get(row),
    delete(row: number): void {
      newer.delete(row)
      older.delete(row)
    },
    note(row: number, state: ReplicaState): void {
      if (most === 0) return
      newer.set(row, state)
      if (newer.size * 2 < most) return
      older = newer
      newer = new Map()
    },
  }
}

type Sorted = readonly [success: number, due: number, size: number, name: number]

const sortedBy = ({ success, due, size, name }: Rows['of'], row: number): Sorted => [
  success[row]!,
  due[row]!,
  size[row]!,
  name[row]!,
]

/** The orders in which a row is elsewhere now. */
function movedBy(before: Sorted, now: Sorted): number {
  const moved = [TOUCHED.worst | TOUCHED.last_success_at, TOUCHED.next_due_at, TOUCHED.size_bytes, TOUCHED_ALL]
  return moved.reduce((sum, orders, at) => (Object.is(before[at], now[at]) ? sum : sum | orders), 0)
}

/** Writes a state to a row. `before`: what the row has; what stays of it is kept once more. */
function fill(parts: Parts, row: number, state: ReplicaState, before: References | null = null): void {
  const { columns, names, settings, upstreams, words, packer, records, counts } = parts
  const { of } = columns
  of.revision[row] = state.revision_no
  of.success[row] = msOf(state.last_success_at)
  of.due[row] = msOf(state.next_due_at)
  of.failing[row] = msOf(state.failing_since)
  of.ended[row] = msOf(state.last_sync?.ended_at)
  of.size[row] = state.size_bytes ?? Number.NaN
  of.name[row] = names.keepName(state.name)
  of.upstream[row] = upstreams.keep(state.upstream)
  of.setting[row] =
    before && settings.is(before.setting, state) ? settings.keepAgain(before.setting) : settings.keep(state)
  of.status[row] = words.numberOf(state.status)
  of.activity[row] = words.numberOf(state.activity)
  const cause = state.last_sync?.reason ? words.numberOf(state.last_sync.reason) + 1 : 0
  counts.cause[of.cause[row]!]!--
  counts.cause[cause]!++
  of.cause[row] = cause
  const said = packRest(packer, words, state)
  of.said[row] = isSaid(said) ? parts.said.keep(textOf(said)) + 1 : 0
  of.record[row] = records.put(packer.buffer, packer.length)
  of.flags[row] =
    (state.failures > 0 ? FLAG.failing : 0) |
    (state.hold ? FLAG.held : 0) |
    (state.current ? FLAG.running : 0) |
    (state.content_at && 'max_content_age_hours' in state.options ? FLAG.dated : 0)
}

/** What a row has of other tables. */
interface References {
  readonly name: number
  readonly upstream: number
  readonly setting: number
  readonly said: number
  readonly record: number
}

function referencesOf({ columns: { of } }: Parts, row: number): References {
  return {
    name: of.name[row]!,
    upstream: of.upstream[row]!,
    setting: of.setting[row]!,
    said: of.said[row]!,
    record: of.record[row]!,
  }
}

function release(parts: Parts, { name, upstream, setting, said, record }: References): void {
  parts.names.releaseName(name)
  parts.upstreams.release(upstream)
  parts.settings.release(setting)
  if (said > 0) parts.said.release(said - 1)
  parts.records.free(record)
}

function equals(parts: Parts, row: number, state: ReplicaState): boolean {
  const { columns, names, settings, upstreams, words, packer, records } = parts
  const { of } = columns
  const same =
    of.revision[row] === state.revision_no &&
    Object.is(of.success[row], msOf(state.last_success_at)) &&
    Object.is(of.due[row], msOf(state.next_due_at)) &&
    Object.is(of.failing[row], msOf(state.failing_since)) &&
    Object.is(of.size[row], state.size_bytes ?? Number.NaN) &&
    of.status[row] === words.numberOf(state.status) &&
    of.activity[row] === words.numberOf(state.activity) &&
    of.name[row] === names.findName(state.name) &&
    of.upstream[row] === upstreams.find(state.upstream) &&
    (settings.is(of.setting[row]!, state) || of.setting[row] === settings.find(state))
  if (!same) return false
  const said = packRest(packer, words, state)
  const { buffer, from, to } = records.at(of.record[row]!)
  if (!isSame(packer, buffer, from, to)) return false
  return of.said[row] === (isSaid(said) ? parts.said.find(textOf(said)) + 1 : 0)
}

function stateOf(parts: Parts, row: number): ReplicaState {
  const { columns, ids, names, settings, upstreams, words, records, unpacker } = parts
  const { of } = columns
  const said = of.said[row]! > 0 ? (JSON.parse(parts.said.textOf(of.said[row]! - 1)) as Said) : NOTHING_SAID
  const { buffer, from } = records.at(of.record[row]!)
  unpacker.begin(buffer, from)
  const rest = unpackRest(unpacker, words, said)
  const instant = (ms: number) => (Number.isNaN(ms) ? null : new Date(ms).toISOString())
  const columnsOf = {
    replica_id: ids.textOf(row),
    revision_no: of.revision[row]!,
    name: names.nameOf(of.name[row]!),
    upstream: upstreams.textOf(of.upstream[row]!),
    ...settings.settingOf(of.setting[row]!),
    status: words.wordOf(of.status[row]!) as ReplicaState['status'],
    activity: words.wordOf(of.activity[row]!) as ReplicaState['activity'],
    last_success_at: instant(of.success[row]!),
    next_due_at: instant(of.due[row]!),
    size_bytes: Number.isNaN(of.size[row]!) ? null : of.size[row]!,
    ...(Number.isNaN(of.failing[row]!) ? {} : { failing_since: new Date(of.failing[row]!).toISOString() }),
  }
  // A record has an instant only where its form is not that of the column.
  return { ...columnsOf, ...rest }
}
