// errors.ts — What a status or a network error means for a sync. Pure.
import { SyncFailure } from '../provider.ts'
import { Idle, Truncated } from './message.ts'
import { isRefusal } from './pace.ts'

/** The upstream refuses a request because there are too many. */
export class TooManyRequests extends SyncFailure {
  constructor(message: string) {
    super('upstream_refused', message)
    this.name = 'TooManyRequests'
  }
}

/** The failure for a status that cannot be used. `retryAfter`: the header of that name. */
export function statusFailure(status: number, withCredentials: boolean, retryAfter?: string): SyncFailure {
  const seconds = retryAfterSeconds(retryAfter)
  const said = `the upstream answered ${status}${seconds === null ? '' : ` and asks to come back in ${seconds} s`}`
  if (status === 401 || status === 403)
    return new SyncFailure(
      'auth_rejected',
      withCredentials
        ? `${said}: it rejects the credentials`
        : `${said}: it wants credentials, or does not allow this worker`,
    )
  if (status === 404 || status === 410) return new SyncFailure('upstream_missing', `${said}: there is no such file`)
  if (isRefusal(status)) return new TooManyRequests(`${said}: too many requests`)
  return new SyncFailure('upstream_refused', said)
}

/** Seconds a Retry-After asks for, at most a day; null when it cannot be understood. */
export function retryAfterSeconds(header: string | undefined): number | null {
  if (header === undefined) return null
  const seconds = /^\d{1,9}$/.test(header) ? Number(header) : Math.ceil((Date.parse(header) - Date.now()) / 1000)
  return Number.isNaN(seconds) ? null : Math.min(Math.max(seconds, 0), 86_400)
}

const MEANINGS: Readonly<Record<string, string>> = {
  ENOTFOUND: 'its name cannot be resolved',
  EAI_AGAIN: 'its name cannot be resolved just now',
  ECONNREFUSED: 'it refuses connections',
  ECONNRESET: 'it broke the connection',
  EPIPE: 'it broke the connection',
  EHOSTUNREACH: 'there is no route to it',
  ENETUNREACH: 'there is no route to it',
  ETIMEDOUT: 'it does not answer',
  UND_ERR_CONNECT_TIMEOUT: 'it does not answer',
}

const STRANGER =
  'its certificate is from an authority this worker does not know; ca_file in worker.toml names more of them'

const CERTIFICATES: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet; is the clock of this worker right?',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another host',
  DEPTH_ZERO_SELF_SIGNED_CERT: STRANGER,
  SELF_SIGNED_CERT_IN_CHAIN: STRANGER,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: STRANGER,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: STRANGER,
  ERR_SSL_WRONG_VERSION_NUMBER: 'there is no TLS behind this port',
}

/** The failure for an error of the connection; any other error is returned as it is. */
export function networkFailure(error: unknown): unknown {
  if (error instanceof SyncFailure) return error
  if (error instanceof Idle) return new SyncFailure('timed_out', error.message, { cause: error })
  if (error instanceof Truncated)
    return new SyncFailure('content_invalid', `the download was cut off: ${error.message}`, { cause: error })
  const code = codeOf(error)
  const meaning = code === undefined ? undefined : MEANINGS[code]
  if (meaning)
    return new SyncFailure('upstream_unreachable', `the upstream cannot be reached: ${meaning}`, { cause: error })
  if (code && /CERT|SSL|TLS|EPROTO|SELF_SIGNED|UNABLE_TO/.test(code))
    return new SyncFailure(
      'upstream_unreachable',
      `no secure connection to the upstream: ${CERTIFICATES[code] ?? code}`,
      { cause: error },
    )
  return error
}

function codeOf(error: unknown): string | undefined {
  if (error instanceof AggregateError) return codeOf(error.errors[0])
  if (!(error instanceof Error)) return undefined
  return (error as NodeJS.ErrnoException).code ?? codeOf(error.cause)
}
