// pages.ts — Lists in pages: filters, cursors, order. The cursor of a list in memory is a position in it.
import type { Page } from '@kagami/protocol'

/** The query of a list: where the page starts, and how long it is. */
export interface PageQuery {
  cursor?: string | undefined
  limit?: number | undefined
}

/** One page of a list that is filtered and sorted. */
export function pageOfList<T>(sorted: readonly T[], query: PageQuery): Page<T> {
  const start = Math.max(0, Number.parseInt(query.cursor ?? '0', 10) || 0)
  const limit = query.limit ?? 100
  const items = sorted.slice(start, start + limit)
  return { items, next_cursor: start + limit < sorted.length ? String(start + limit) : null, total: sorted.length }
}

/** The words of a comma-separated filter; null when there is none. */
export function wordsOf(text: string | undefined): Set<string> | null {
  const words = (text ?? '')
    .split(',')
    .map((word) => word.trim())
    .filter(Boolean)
  return words.length > 0 ? new Set(words) : null
}

/** Whether one of the texts contains what was typed, ignoring case; true when nothing was typed. */
export function mentions(typed: string | undefined, ...texts: (string | null)[]): boolean {
  if (!typed) return true
  const needle = typed.toLowerCase()
  return texts.some((text) => text?.toLowerCase().includes(needle))
}

/** Orders texts by their code units. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
