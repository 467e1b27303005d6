// api.ts — The HTTP client of the UI, and how errors of its calls are shown.
import { ApiError, createClient } from '@kagami/protocol'
import { ref } from 'vue'
import { inLanguage, t } from './locales/index.ts'
import { readToken } from './token.ts'

/** When the supervisor last answered a call, Unix ms; null: never. */
export const answeredAt = ref<number | null>(null)

/** The typed client; reads the token before each call. */
export const api = createClient({
  baseUrl: location.origin,
  token: readToken,
  async fetch(...request) {
    const answer = await fetch(...request)
    answeredAt.value = Date.now()
    return answer
  },
})

export interface Problem {
  readonly message: string
  readonly hint: string
  readonly code: string
  readonly field: string | null
  readonly requestId: string | null
}

/** What to show of an error that a call has thrown. */
export function problemOf(error: unknown): Problem {
  if (!(error instanceof ApiError))
    return {
      message: String((error as Error).message ?? error),
      hint: t('error.faultHint'),
      code: 'fault',
      field: null,
      requestId: null,
    }
  if (error.code === 'unreachable') return unreachable()
  const [message, hint] = [inLanguage(error.message), inLanguage(error.hint)]
  return { message, hint, code: error.code, field: error.field, requestId: error.requestId }
}

/** The supervisor does not answer. */
export const unreachable = (): Problem => ({
  message: t('error.unreachable', { origin: location.host }),
  hint: t('error.unreachableHint'),
  code: 'unreachable',
  field: null,
  requestId: null,
})

/** Whether the call was only aborted by the page itself. */
export function isAborted(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError'
}
