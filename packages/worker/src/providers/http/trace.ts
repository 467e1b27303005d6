// trace.ts — Reads the file of the option probe from an upstream over http: one request, whatever the tree has.
import { checkAddress } from '../../http/address.ts'
import { beginsLikePage, promisesPage } from '../../http/content.ts'
import { networkFailure, statusFailure } from '../../http/errors.ts'
import type { HttpResponse } from '../../http/message.ts'
import { limitPaces } from '../../http/pace.ts'
import { readBody } from '../../http/read.ts'
import { sendRequest } from '../../http/request.ts'
import { SyncFailure, type SyncContext, type Trace } from '../../provider.ts'
import { NO_TRACE, TRACE_MAX_BYTES, traceOf } from '../trace.ts'
import type { HttpOptions } from './options.ts'

/** Answers by which an upstream has no such file for us, although it is there. */
const ABSENT: ReadonlySet<number> = new Set([403, 404, 410])

/** The trace; null when the options name none. Throws SyncFailure when the upstream cannot be asked. */
export async function readTrace(context: SyncContext<HttpOptions>): Promise<Trace | null> {
  const { options } = context
  if (options.probe === '') return null
  const url = new URL(options.probe.split('/').map(encodeURIComponent).join('/'), context.upstream)
  checkAddress(url, context.peers)
  const paced = { ...context, paces: limitPaces(context.paces, options.requests_per_second) }
  try {
    // A cache on the way would answer for an upstream that has changed.
    const headers = { 'accept-encoding': 'identity', 'cache-control': 'no-cache' }
    const { response } = await sendRequest({ context: paced, options, url, headers })
    const { status, headers: got } = response
    if (status !== 200) {
      response.close()
      if (ABSENT.has(status)) return NO_TRACE
      throw statusFailure(status, context.auth !== null, got['retry-after'])
    }
    const body = await readSmall(response, options.probe)
    if (body === null) return NO_TRACE
    // A page that says that there is no such file is the same for ever.
    const isPage = beginsLikePage(body) && promisesPage(options.probe) !== 'yes'
    return isPage ? NO_TRACE : traceOf(body, got['last-modified'] ?? '')
  } catch (error) {
    throw networkFailure(error)
  }
}

/** The body; null when it is too large for a trace, or encoded. */
async function readSmall(response: HttpResponse, what: string): Promise<Buffer | null> {
  try {
    return await readBody(response, { most: TRACE_MAX_BYTES, what })
  } catch (error) {
    response.close()
    if (error instanceof SyncFailure && error.reason === 'content_invalid') return null
    throw error
  }
}
