// token.ts — Where the browser keeps the API token. Nothing else reads or writes it.
const KEY = 'kagami.token'

/** The stored token, or null. */
export function readToken(): string | null {
  try {
    return localStorage.getItem(KEY)
  } catch {
    return null
  }
}

/** Stores the token; null forgets it. */
export function writeToken(token: string | null): void {
  try {
    if (token === null) localStorage.removeItem(KEY)
    else localStorage.setItem(KEY, token)
  } catch {
    // A browser that stores nothing: the token lasts as long as the page.
  }
}

/**
 * Takes `#token=…` out of the address at once, so that it is neither shared nor kept in the history. True when there
 * was one.
 */
export function takeTokenFromAddress(): boolean {
  const hash = new URLSearchParams(location.hash.slice(1))
  const token = hash.get('token')
  if (token === null) return false
  hash.delete('token')
  const rest = hash.toString()
  history.replaceState(history.state, '', location.pathname + location.search + (rest ? `#${rest}` : ''))
  if (token.trim() !== '') writeToken(token.trim())
  return true
}
