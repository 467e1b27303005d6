// items.ts — What the palette offers: places to go to, and what can be done.
import type { Health } from '@kagami/protocol'

/** One line of the palette. */
export interface PaletteItem {
  /** Unlike those of all others. */
  readonly id: string
  readonly words: string
  /** What tells it from others of that name. */
  readonly note?: string
  readonly health?: Health
  /** The keys that do the same. */
  readonly keys?: string
  /** The command line that does the same. */
  readonly command?: string
  run(): void
}

/** Lines of one kind. */
export interface PaletteGroup {
  readonly id: string
  readonly label: string
  readonly items: readonly PaletteItem[]
}

/** What can be done with a replica from the palette: the word before its name. */
export const VERBS = ['sync', 'pause', 'resume', 'logs', 'edit'] as const
export type Verb = (typeof VERBS)[number]

/** What somebody typed: what to do, and with what. `wordOf` says how the viewer's language calls a verb. */
export function readRequest(text: string, wordOf: (verb: Verb) => string): { verb: Verb | null; name: string } {
  const [, first = '', rest] = /^(\S+)\s+(.*)$/s.exec(text.trim()) ?? []
  const is = (verb: Verb): boolean => [verb, wordOf(verb)].some((word) => word.toLowerCase() === first.toLowerCase())
  const verb = rest === undefined ? null : (VERBS.find(is) ?? null)
  return { verb, name: verb ? (rest ?? '').trim() : text.trim() }
}

/** The items whose words have every word of `text`. */
export function itemsWith(items: readonly PaletteItem[], text: string): readonly PaletteItem[] {
  const words = text.toLowerCase().split(/\s+/)
  return items.filter((item) => words.every((word) => `${item.words} ${item.note ?? ''}`.toLowerCase().includes(word)))
}
