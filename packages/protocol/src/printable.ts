// printable.ts — Text that others wrote, such as upstreams and workers, on the terminal of an operator: what could
// move the cursor, colour, hide or reorder text is shown as an escape. Pure.
import Type from 'typebox'

/**
 * Control characters (C0 without tab and line feed, DEL, C1), marks that change the direction of text, and separators
 * of lines and paragraphs: Unicode classes Cc, Bidi_Control, Zl, Zp.
 */
const UNPRINTABLE = '\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069'
const unprintable = new RegExp(`[${UNPRINTABLE}]`, 'g')

/** The text with what is not printable as `\x1b` or `\u202e`; tabs and line feeds stay. */
export function printable(text: string): string {
  return text.replace(unprintable, (found) => {
    const code = found.charCodeAt(0).toString(16)
    return code.length <= 2 ? `\\x${code.padStart(2, '0')}` : `\\u${code.padStart(4, '0')}`
  })
}

/** A JSON value with each of its texts, keys too, as `printable` has it. */
export function printableValue<T>(value: T): T {
  if (typeof value === 'string') return printable(value) as T
  if (Array.isArray(value)) return value.map(printableValue) as T
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [printable(key), printableValue(one)])) as T
}

/** A JSON text that means the same and has nothing unprintable in it: JSON can say every character otherwise. */
export function printableJson(json: string): string {
  return json.replace(unprintable, (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** The schema of a text on one line without anything unprintable: names, labels, reasons. */
export const PlainText = (options: { minLength?: number; maxLength: number; description?: string }) =>
  Type.String({ pattern: `^[^\\u0009\\u000a${UNPRINTABLE}]*$`, ...options })
