// html.ts — HTML from templates. Every text in them is escaped, so that none becomes markup; attributes need quotes.
import { printable } from '@kagami/protocol'

const MARKUP = Symbol('markup')

/** Markup, made by `html` or trusted. */
export interface Html {
  readonly [MARKUP]: string
}

/** What a template takes; null is nothing. */
export type Content = Html | string | number | null | readonly Content[]

/** Markup of a template. Texts in it are escaped; characters that would reorder or hide others show as escapes. */
export function html(texts: TemplateStringsArray, ...contents: readonly Content[]): Html {
  return { [MARKUP]: texts.reduce((markup, text, at) => markup + markupOf(contents[at - 1] ?? null) + text) }
}

/** Markup that the operator wrote, as it is. */
export function trustMarkup(markup: string): Html {
  return { [MARKUP]: markup }
}

/** The text of what a template takes. */
export function markupOf(content: Content): string {
  if (content === null) return ''
  if (typeof content === 'number') return String(content)
  if (typeof content === 'string') return escapeText(content)
  return MARKUP in content ? content[MARKUP] : content.map(markupOf).join('')
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** A text for HTML and XML, in an element or in the quotes of an attribute. */
export function escapeText(text: string): string {
  return printable(text.toWellFormed()).replace(/[&<>"']/g, (character) => ENTITIES[character]!)
}
