// imported.ts — What a configuration says of one replica, in the words of Kagami, and how tables are read. Pure.
import type { ImportRow } from '@kagami/protocol'

/** A replica as a configuration declares it. */
export interface Imported {
  readonly name: string
  /** Null: it cannot be one of Kagami. */
  readonly replica: NonNullable<ImportRow['replica']> | null
  /** Why it cannot. */
  readonly why: string | null
  /** What is not taken over. */
  readonly notes: readonly string[]
  /** File and line, where there are several files. */
  readonly place?: string
}

/** A table of a configuration. */
export type Table = Readonly<Record<string, unknown>>

/** A value as a table; null: it is none. */
export function tableOf(value: unknown): Table | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Table) : null
}

/** A value as text; empty: it is none. */
export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

/** A value as a whole number of at least 1; null: it is none. */
export function countOf(value: unknown): number | null {
  return typeof value === 'number' && Number.isInteger(value) && value > 0 ? value : null
}

/** Texts of a list; what is no text is left away. */
export function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : []
}

/** A note of keys that mean something and are not taken over. */
export function leftOut(keys: readonly string[]): string[] {
  return keys.length === 0 ? [] : [`not taken over: ${keys.join(', ')}`]
}

/** Says of credentials where they go. */
export const CREDENTIALS = 'its credentials are not taken over: give them by an edit'
