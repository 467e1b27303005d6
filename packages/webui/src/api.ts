// api.ts — The one HTTP client of the UI, and what to say of an error in a browser.
import { ApiError, createClient } from '@kagami/protocol'
import { t } from './locales/index.ts'
import { readToken } from './token.ts'

/** The typed client; asks for the token before each call. */
export const api = createClient({ baseUrl: location.origin, token: readToken })

export interface Problem {
  readonly message: string
  readonly hint: string
  readonly code: string
  readonly field: string | null
  readonly requestId: string | null
}

/** What to show of anything that was thrown by a call. */
export function problemOf(error: unknown): Problem {
  if (!(error instanceof ApiError))
    return {
      message: String((error as Error).message ?? error),
      hint: t('error.faultHint'),
      code: 'fault',
      field: null,
      requestId: null,
    }
  if (error.code === 'unreachable') {
    return {
      message: t('error.unreachable', { origin: location.host }),
      hint: t('error.unreachableHint'),
      code: error.code,
      field: null,
      requestId: null,
    }
  }
  return { message: error.message, hint: error.hint, code: error.code, field: error.field, requestId: error.requestId }
}

/** Whether this is only a call we stopped ourselves. */
export function isAborted(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError'
}
