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

/** Stores the token; null removes it. */
export function writeToken(token: string | null): void {
  try {
    if (token === null) localStorage.removeItem(KEY)
    else localStorage.setItem(KEY, token)
  } catch {
    // This browser stores nothing: nobody can stay signed in.
  }
}

/**
 * Moves `#token=…` from the address into the storage, so that it is neither shared nor kept in the history. Returns
 * whether there was one.
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
