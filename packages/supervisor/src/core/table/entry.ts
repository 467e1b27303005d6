// entry.ts — A replica as the other rooms see it: it reads its row when it is asked. Pure.
import { Refusal } from '@kagami/protocol'
import type { ReplicaEntry, Shown, WorkerEntry } from '../entries.ts'
import { detailOf, healthOf, type Verdict } from '../health.ts'
import type { Names } from './names.ts'
import { FLAG, type Rows } from './rows.ts'

/** What entries read. */
export interface EntryParts {
  readonly rows: Rows
  readonly names: () => Names
  readonly workerOf: (row: number) => WorkerEntry
  readonly progressOf: (row: number) => Shown | null
}

/** An entry, with what tells its replica from a later one in the same row. */
interface Entry extends ReplicaEntry {
  readonly born: number
}

const orNull = (value: number) => (Number.isNaN(value) ? null : value)

function verdictOf(rows: Rows, row: number): Verdict {
  const verdict = rows.of.verdict[row]!
  return { health: healthOf(verdict), detail: detailOf(verdict, rows.stateOf(row)) }
}

function causeOf({ of, words }: Rows, row: number): string | null {
  const cause = of.cause[row]!
  return cause === 0 ? null : words.wordOf(cause - 1)
}

const isRemoved = (rows: Rows, { row, born }: Entry) => rows.of.born[row] !== born || !rows.ids.isKept(row)

function presentRow(rows: Rows, entry: Entry): number {
  if (isRemoved(rows, entry)) throw new Refusal('not_found', 'the replica was removed meanwhile')
  return entry.row
}

/** Makes the entries of rows. They share their fields: a walk over a million makes small objects only. */
export function createEntryForm({ rows, names, workerOf, progressOf }: EntryParts): (row: number) => ReplicaEntry {
  const rowOf = (entry: Entry) => presentRow(rows, entry)
  const form = {
    get gone() {
      return isRemoved(rows, this as unknown as Entry)
    },
    get replicaId() {
      return rows.ids.textOf(rowOf(this as unknown as Entry))
    },
    get worker() {
      return workerOf(rowOf(this as unknown as Entry))
    },
    get name() {
      return names().nameOf(rows.of.name[rowOf(this as unknown as Entry)]!)
    },
    get state() {
      return rows.stateOf(rowOf(this as unknown as Entry))
    },
    get health() {
      return healthOf(rows.of.verdict[rowOf(this as unknown as Entry)]!)
    },
    get judged() {
      return rows.of.verdict[rowOf(this as unknown as Entry)]!
    },
    get verdict() {
      return verdictOf(rows, rowOf(this as unknown as Entry))
    },
    get progress() {
      return progressOf(rowOf(this as unknown as Entry))?.progress ?? null
    },
    get running() {
      return (rows.of.flags[rowOf(this as unknown as Entry)]! & FLAG.running) > 0
    },
    get cause() {
      return causeOf(rows, rowOf(this as unknown as Entry))
    },
    get succeededMs() {
      return orNull(rows.of.success[rowOf(this as unknown as Entry)]!)
    },
    get failingSinceMs() {
      return orNull(rows.of.failing[rowOf(this as unknown as Entry)]!)
    },
    get endedMs() {
      return orNull(rows.of.ended[rowOf(this as unknown as Entry)]!)
    },
    get dueMs() {
      return orNull(rows.of.due[rowOf(this as unknown as Entry)]!)
    },
    get sizeBytes() {
      return orNull(rows.of.size[rowOf(this as unknown as Entry)]!)
    },
    get setting() {
      return rows.settings.settingOf(rows.of.setting[rowOf(this as unknown as Entry)]!)
    },
    get revision() {
      return rows.of.revision[rowOf(this as unknown as Entry)]!
    },
  }
  return (row) => ({ __proto__: form, row, born: rows.of.born[row]! }) as unknown as Entry
}
