// untrusted.ts — JSON from strangers: what no schema says, but what later breaks logs, databases and recursive code.
// Browser-safe.

/** Deepest nesting that is taken: nothing we say is deeper than ten. */
export const DEPTH_MAX = 64

export interface Oddity {
  /** Dotted path; empty for the value as a whole. */
  readonly field: string
  readonly message: string
}

/**
 * The first thing in a value that nobody may send: too deep a nesting, a NUL, half a character. Null when there is
 * none. Never recurses.
 */
export function oddityIn(value: unknown): Oddity | null {
  const waiting: { value: unknown; path: readonly string[] }[] = [{ value, path: [] }]
  for (let at = waiting.pop(); at; at = waiting.pop()) {
    const { value: one, path } = at
    const wrong =
      typeof one === 'string' ? oddText(one) : path.length > DEPTH_MAX ? `is nested deeper than ${DEPTH_MAX}` : null
    if (wrong) return { field: path.slice(0, 4).join('.'), message: wrong }
    if (typeof one !== 'object' || one === null) continue
    for (const [key, inner] of Object.entries(one)) {
      if (oddText(key))
        return { field: path.slice(0, 4).join('.'), message: 'has a key with a NUL or half a character in it' }
      waiting.push({ value: inner, path: [...path, key] })
    }
  }
  return null
}

function oddText(text: string): string | null {
  if (text.includes('\0')) return 'must not contain a NUL character'
  return text.isWellFormed() ? null : 'must not contain half a character (a lone surrogate)'
}

/**
 * Parses JSON from strangers. Throws an Error that says what is wrong, a SyntaxError when it is no JSON. Costs one look
 * at the text beside the parsing.
 */
export function parseUntrusted(text: string): unknown {
  if (isDeep(text)) throw new Error(`is nested deeper than ${DEPTH_MAX}`)
  const value: unknown = JSON.parse(text)
  // Only an escape can bring these into a text that was decoded as UTF-8.
  if (!/\\u(0000|d[89a-f])/i.test(text)) return value
  const oddity = oddityIn(value)
  if (oddity) throw new Error(oddity.field ? `field ${oddity.field} ${oddity.message}` : oddity.message)
  return value
}

/** Whether brackets outside of strings nest too deep. */
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
