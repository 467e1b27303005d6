// untrusted.ts — Checks JSON from outside for what schemas do not cover, but what breaks logs, databases and recursive
// code. Runs in a browser too.

/** Deepest nesting that is accepted; our own messages are not deeper than ten. */
export const DEPTH_MAX = 64

/** Something in a value that is refused. */
export interface UnsafeField {
  /** Dotted path; empty for the value as a whole. */
  readonly field: string
  readonly message: string
}

/**
 * The first field of a value that is nested too deeply, or contains a NUL or half a character; null when there is none.
 * Does not recurse.
 */
export function findUnsafe(value: unknown): UnsafeField | null {
  const waiting: { value: unknown; path: readonly string[] }[] = [{ value, path: [] }]
  for (let at = waiting.pop(); at; at = waiting.pop()) {
    const { value: one, path } = at
    const wrong =
      typeof one === 'string' ? textProblem(one) : path.length > DEPTH_MAX ? `is nested deeper than ${DEPTH_MAX}` : null
    if (wrong) return { field: path.slice(0, 4).join('.'), message: wrong }
    if (typeof one !== 'object' || one === null) continue
    for (const [key, inner] of Object.entries(one)) {
      if (textProblem(key))
        return { field: path.slice(0, 4).join('.'), message: 'has a key with a NUL or half a character in it' }
      waiting.push({ value: inner, path: [...path, key] })
    }
  }
  return null
}

function textProblem(text: string): string | null {
  if (text.includes('\0')) return 'must not contain a NUL character'
  return text.isWellFormed() ? null : 'must not contain half a character (a lone surrogate)'
}

/**
 * Parses JSON from outside. Throws a SyntaxError when it is not JSON, and an Error that says what is wrong when it is
 * unsafe. Reads the text once more than JSON.parse.
 */
export function parseUntrusted(text: string): unknown {
  if (isDeep(text)) throw new Error(`is nested deeper than ${DEPTH_MAX}`)
  const value: unknown = JSON.parse(text)
  // A text that was decoded as UTF-8 can contain these only as an escape.
  if (!/\\u(0000|d[89a-f])/i.test(text)) return value
  const unsafe = findUnsafe(value)
  if (unsafe) throw new Error(unsafe.field ? `field ${unsafe.field} ${unsafe.message}` : unsafe.message)
  return value
}

/** Whether brackets outside of strings are nested too deeply. */
function isDeep(text: string): boolean {
  let depth = 0
  let quoted = false
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    if (quoted) {
      if (code === 92) index++
      else if (code === 34) quoted = false
    } else if (code === 34) quoted = true
    else if (code === 123 || code === 91) {
      if (++depth > DEPTH_MAX) return true
    } else if (code === 125 || code === 93) depth--
  }
  return false
}
