// replica-table.ts — All replicas of the fleet in memory: what is counted, judged, sorted and filtered by is a number
// in a column, the rest of a state a few packed bytes. Only this room knows the form; the others ask for entries.
import type { Counted, ReplicaEntry, ReplicaSet, ReplicaTable, Shown, WorkerEntry } from '../entries.ts'
import { judgedOf, type Judged } from '../health.ts'
import { createEntryForm } from './entry.ts'
import { createMentions, type FilterParts } from './filter.ts'
import { createLists, type Lists } from './lists.ts'
import { createMatches } from './matches.ts'
import { createOrders, type Orders } from './orders.ts'
import { createResourceTable, type ResourceTable } from './resource-table.ts'
import { createRows, FLAG, TOUCHED, TOUCHED_ALL, type Rows } from './rows.ts'
import { startSearch } from './search.ts'
import { textsWithPrefix } from './texts.ts'

/** Limits that only speed depends on. */
export interface TableLimits {
  /** How many states are also kept as they came. */
  readonly recentMax?: number
  /** How many matches are sorted when they are found; more are read from the order. */
  readonly few?: number
  /** How many changes are remembered for filters that are asked for again. */
  readonly changesMax?: number
}

/** A table without replicas. */
export function createReplicaTable(limits: TableLimits = {}): ReplicaTable {
  const rows = createRows(limits.recentMax)
  const workers = createWorkers()
  const byWorker = createLists()
  const progress = new Map<number, Shown>()
  const workerOf = (row: number) => workers.of(byWorker.listOf(row))
  const progressOf = (row: number) => progress.get(row) ?? null
  const entryOf: (row: number) => ReplicaEntry = createEntryForm({ rows, names: () => resources, workerOf, progressOf })
  const resources: ResourceTable = createResourceTable(entryOf)
  rows.useNames(resources)
  let renamed = 0
  const named = { rows, names: resources, workerName: workers.nameOf }
  const mentions = createMentions(named, () => renamed + resources.reused() + rows.upstreams.reused())
  const filtered = { ...named, workerNumberOf: byWorker.listOf, mentions }
  const orders = createOrders({ ...filtered, names: () => resources, workerCount: workers.count })
  const { touch, search } = createSearching({ ...filtered, orders }, limits)
  rows.onTouched(touch)
  const find = (replicaId: string) => rows.ids.find(replicaId)
  const entryAt = (row: number) => (row < 0 ? undefined : entryOf(row))
  return {
    get size() {
      return rows.ids.size
    },
    get: (replicaId) => entryAt(find(replicaId)),
    has: (replicaId) => find(replicaId) >= 0,
    *values() {
      for (let row = 0; row < rows.ids.end; row++) if (rows.ids.isKept(row)) yield entryOf(row)
    },
    resources,
    addWorker(added) {
      const number = workers.nextNumber()
      const worker = Object.assign(added, { replicas: replicaSetOf({ number, byWorker, find, entryOf }) })
      workers.add(number, worker)
      renamed++
      return worker
    },
    dropWorker: workers.drop,
    numberOf: workers.numberOf,
    find,
    write: rows.write,
    equals: rows.equals,
    ...createComings({ rows, byWorker, progress, numberOf: workers.numberOf }),
    entryOf,
    workerOf,
    nameOf: (row) => resources.nameOf(rows.of.name[row]!),
    revisionOf: (row) => rows.of.revision[row]!,
    judged: (row) => judgedRow(rows, row),
    progressOf,
    showProgress: (row, shown) => void (shown ? progress.set(row, shown) : progress.delete(row)),
    named: (name) => rows.withName(resources.findName(name) ?? -1).map(entryOf),
    withPrefix: (prefix) => textsWithPrefix(rows.ids, prefix).map(entryOf),
    orders,
    search,
    renamed({ replicas }) {
      renamed++
      replicas.rows().forEach((row) => touch(row, TOUCHED_ALL))
    },
    ...createCounts(rows, resources, touch),
  }
}

/** How lists are searched, and what has to be told of each change for that. */
function createSearching(
  parts: FilterParts & Pick<ReplicaTable, 'orders'>,
  { few, changesMax }: TableLimits,
): Pick<ReplicaTable, 'search'> & Pick<Orders, 'touch'> {
  const matches = createMatches(parts, changesMax)
  return {
    touch(row, touched) {
      parts.orders.touch(row, touched)
      matches.touch(row)
    },
    search: (asked) => startSearch({ ...parts, matches, few }, asked),
  }
}

interface ComingParts {
  readonly rows: Rows
  readonly byWorker: Lists
  readonly progress: Map<number, Shown>
  readonly numberOf: (worker: WorkerEntry) => number
}

/** How replicas come and go. */
function createComings({ rows, byWorker, progress, numberOf }: ComingParts): Pick<ReplicaTable, 'add' | 'drop'> {
  return {
    add(worker, state) {
      const row = rows.add(state)
      byWorker.append(numberOf(worker), row)
      return row
    },
    drop(row) {
      progress.delete(row)
      byWorker.remove(row)
      rows.drop(row)
    },
  }
}

/** Workers by number; a number is used again after its worker is gone. */
function createWorkers() {
  const workers: WorkerEntry[] = []
  const free: number[] = []
  const numbers = new WeakMap<WorkerEntry, number>()
  return {
    of: (number: number): WorkerEntry => workers[number]!,
    nameOf: (number: number): string => workers[number]?.record.name ?? '',
    count: (): number => workers.length,
    numberOf: (worker: WorkerEntry): number => numbers.get(worker)!,
    nextNumber: (): number => free.pop() ?? workers.length,
    add(number: number, worker: WorkerEntry): void {
      workers[number] = worker
      numbers.set(worker, number)
    },
    drop(worker: WorkerEntry): void {
      free.push(numbers.get(worker)!)
      numbers.delete(worker)
    },
  }
}

type CountKeys = 'verdictOf' | 'setVerdict' | 'count' | 'statusOf' | 'planReview' | 'takeReviews'

/** What counting keeps of each row. */
function createCounts(rows: Rows, resources: ResourceTable, touch: Orders['touch']): Pick<ReplicaTable, CountKeys> {
  // Kept in one number: 0 is not at all.
  const countedAs = (number: number): Counted | null =>
    number === 0 ? null : { status: (number - 1) >> 4, health: (number - 1) & 15 }
  return {
    verdictOf: (row) => rows.of.verdict[row]!,
    setVerdict(row, verdict) {
      if (rows.of.verdict[row] === verdict) return
      rows.setVerdict(row, verdict)
      touch(row, TOUCHED.worst)
    },
    count(row, health) {
      const before = rows.of.counted[row]!
      const now = health === null ? 0 : 1 + (rows.of.status[row]! << 4) + health
      if (before === now) return null
      const moved = { from: countedAs(before), to: countedAs(now) }
      resources.move(row, rows.of.name[row]!, moved)
      rows.of.counted[row] = now
      return moved
    },
    statusOf: (position) => rows.words.wordOf(position),
    planReview: (row, minute) => void (rows.of.review[row] = minute),
    takeReviews(minute) {
      const { review } = rows.of
      const due: number[] = []
      for (let row = 0; row < rows.ids.end; row++) {
        if (review[row] === 0 || review[row]! > minute) continue
        review[row] = 0
        due.push(row)
      }
      return due
    },
  }
}

/** From the columns alone where they say all of it. */
function judgedRow(rows: Rows, row: number): Judged {
  const { flags, success, activity, status, setting } = rows.of
  if (flags[row]! & (FLAG.running | FLAG.dated)) return judgedOf(rows.stateOf(row))
  return {
    failing: (flags[row]! & FLAG.failing) > 0,
    held: (flags[row]! & FLAG.held) > 0,
    intervalSeconds: rows.settings.settingOf(setting[row]!).interval_secs,
    succeededMs: Number.isNaN(success[row]!) ? null : success[row]!,
    contentOldMs: Infinity,
    startedMs: null,
    activity: rows.words.wordOf(activity[row]!),
    status: rows.words.wordOf(status[row]!),
  }
}

interface SetParts {
  readonly number: number
  readonly byWorker: Lists
  readonly find: (replicaId: string) => number
  readonly entryOf: (row: number) => ReplicaEntry
}

function replicaSetOf({ number, byWorker, find, entryOf }: SetParts): ReplicaSet {
  const rowOf = (replicaId: string) => {
    const row = find(replicaId)
    return row >= 0 && byWorker.listOf(row) === number ? row : -1
  }
  return {
    get size() {
      return byWorker.sizeOf(number)
    },
    get(replicaId) {
      const row = rowOf(replicaId)
      return row < 0 ? undefined : entryOf(row)
    },
    has: (replicaId) => rowOf(replicaId) >= 0,
    rows: () => byWorker.rowsOf(number),
    values: () => byWorker.rowsOf(number).map(entryOf),
    [Symbol.iterator]: () => byWorker.rowsOf(number).map(entryOf),
  }
}
