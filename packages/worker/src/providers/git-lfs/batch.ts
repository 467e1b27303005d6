// batch.ts — The batch API of Git LFS: asks a server where objects can be downloaded. The answer comes from a stranger
// and is checked.
import { checkFor, parseUntrusted } from '@kagami/protocol'
import Type, { type Static } from 'typebox'
import type { LfsObject } from './store.ts'
import { sendRequest, type RequestParts } from '../../http/request.ts'
import { statusFailure } from '../../http/errors.ts'
import type { HttpResponse } from '../../http/message.ts'
import { createRateWatch } from '../../http/rate.ts'
import { readBody } from '../../http/read.ts'
import { SyncFailure } from '../../provider.ts'

/** Objects in one request. */
export const BATCH_MAX = 100
/** Largest answer that is read, bytes: a hundred long addresses are far less. */
const ANSWER_MAX_BYTES = 4 * 1024 * 1024
const ERROR_MAX_BYTES = 64 * 1024
const JSON_TYPE = 'application/vnd.git-lfs+json'

const Text = Type.String({ maxLength: 16_384 })
const orNull = <T extends Type.TSchema>(schema: T) => Type.Optional(Type.Union([schema, Type.Null()]))
const Action = Type.Object({ href: Text, header: orNull(Type.Record(Type.String(), Text)) })
const Answer = Type.Object({
  transfer: orNull(Text),
  objects: Type.Array(
    Type.Object({
      oid: Text,
      size: orNull(Type.Integer()),
      authenticated: orNull(Type.Boolean()),
      actions: orNull(Type.Object({ download: orNull(Action) })),
      error: orNull(Type.Object({ code: Type.Integer() })),
    }),
    { maxItems: BATCH_MAX },
  ),
})
const Complaint = Type.Object({ message: Text })

/** The LFS server of a run and how it is reached. */
export interface LfsServer {
  readonly context: RequestParts['context']
  readonly options: RequestParts['options'] & { readonly min_rate_bps: number }
  /** Its address, without `/objects/batch`. */
  readonly base: URL
  /** The origin the credentials are for. */
  readonly home: string
}

/** Where one object can be downloaded. Address and headers may hold secrets and must not be shown. */
export interface Offer {
  readonly object: LfsObject
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  /** The server says that `headers` are all that is needed. */
  readonly authenticated: boolean
}

/**
 * Asks for at most BATCH_MAX objects. `missing` are those the server does not have. Throws SyncFailure and network
 * errors.
 */
export async function requestBatch(
  server: LfsServer,
  objects: readonly LfsObject[],
): Promise<{ offers: Offer[]; missing: LfsObject[] }> {
  const answer = await readAnswer(
    server,
    JSON.stringify({ operation: 'download', transfers: ['basic'], hash_algo: 'sha256', objects }),
  )
  if ((answer.transfer ?? 'basic') !== 'basic')
    throw new SyncFailure('content_invalid', 'the LFS server wants another transfer than the one it was asked for')
  const said = new Map(answer.objects.map((one) => [one.oid, one]))
  const offers: Offer[] = []
  const missing: LfsObject[] = []
  for (const object of objects) {
    const one = said.get(object.oid)
    if (!one)
      throw new SyncFailure(
        'content_invalid',
        `the LFS server was asked for the object ${object.oid} and says nothing of it`,
      )
    const offer = offerOf(server, object, one)
    if (offer) offers.push(offer)
    else missing.push(object)
  }
  return { offers, missing }
}

/**
 * What a server answers about one object. Null when the upstream cannot give it: lost (404, 410), or a pointer that was
 * never valid (422). Throws SyncFailure for an offer that must not be followed.
 */
export function offerOf(
  { base, context }: Pick<LfsServer, 'base' | 'context'>,
  object: LfsObject,
  { size, actions, error, authenticated }: Static<typeof Answer>['objects'][number],
): Offer | null {
  if (error && [404, 410, 422].includes(error.code)) return null
  if (error) throw statusFailure(error.code, context.auth !== null)
  if (!actions?.download) return null
  if (typeof size === 'number' && size !== object.size)
    throw new SyncFailure(
      'content_invalid',
      `the LFS server says that the object ${object.oid} has ${size} bytes, its pointer says ${object.size}`,
    )
  const url = URL.parse(actions.download.href)
  if (!url)
    throw new SyncFailure(
      'content_invalid',
      `what the LFS server gives as the address of the object ${object.oid} is none`,
    )
  if (base.protocol === 'https:' && url.protocol === 'http:')
    throw new SyncFailure(
      'upstream_refused',
      `the LFS server sends us from https to ${url.origin}, where anybody could read along`,
    )
  return { object, url, headers: headersOf(actions.download.header ?? {}), authenticated: authenticated === true }
}

/** Headers that the client sets itself; a server that sets them would change which request is sent. */
const OURS = new Set([
  'host',
  'connection',
  'content-length',
  'transfer-encoding',
  'te',
  'trailer',
  'upgrade',
  'keep-alive',
  'expect',
  'range',
  'if-range',
  'if-none-match',
  'if-modified-since',
  'accept-encoding',
  'user-agent',
])

function headersOf(given: Readonly<Record<string, string>>): Record<string, string> {
  const entries = Object.entries(given).map(([name, value]) => [name.toLowerCase(), value] as const)
  const wrong =
    entries.length > 32 ||
    entries.some(([name, value]) => !/^[!#$%&'*+.^_`|~0-9a-z-]{1,100}$/.test(name) || /[^\t\x20-\x7e]/.test(value))
  if (wrong) throw new SyncFailure('content_invalid', 'the LFS server wants headers sent that are none')
  return Object.fromEntries(entries.filter(([name]) => !OURS.has(name) && !name.startsWith('proxy-')))
}

async function readAnswer(server: LfsServer, body: string): Promise<Static<typeof Answer>> {
  const { base } = server
  const url = new URL(base.href)
  url.pathname = `${base.pathname.replace(/\/+$/, '')}/objects/batch`
  const { response } = await sendRequest({
    ...server,
    url,
    body,
    discreet: true,
    headers: { accept: JSON_TYPE, 'content-type': JSON_TYPE },
  })
  try {
    if (response.status === 200) return parse(await textOf(server, response, ANSWER_MAX_BYTES))
    throw await refusal(server, response)
  } finally {
    response.close()
  }
}

function parse(text: string): Static<typeof Answer> {
  let value: unknown
  try {
    value = parseUntrusted(text)
  } catch {
    throw new SyncFailure(
      'content_invalid',
      'what the LFS server answers is not JSON: its address may be that of a web page, or it is broken',
    )
  }
  const check = checkFor(Answer)
  if (check.ok(value)) return value
  const { field, message } = check.problem(value)
  throw new SyncFailure(
    'content_invalid',
    `the LFS server answers what no LFS server does: ${field.replace(/[^\w.]/g, '').slice(0, 100)} ${message}`,
  )
}

async function textOf({ options }: LfsServer, response: HttpResponse, maxBytes: number): Promise<string> {
  const what = 'the answer of the LFS server'
  const body = await readBody(response, { most: maxBytes, what, onBytes: createRateWatch(options) })
  return body.toString('utf8')
}

async function refusal(server: LfsServer, response: HttpResponse): Promise<SyncFailure> {
  const { status, headers } = response
  const { origin } = server.base
  if (status >= 300 && status < 400)
    return new SyncFailure(
      'upstream_missing',
      `the LFS server at ${origin} sends us to another address: give its final one as lfs_url`,
    )
  if ([404, 405, 410, 501].includes(status)) {
    return new SyncFailure(
      'upstream_missing',
      `there is no LFS server for this repository at ${origin} (it answers ${status}): give the address of ` +
        'the right one as lfs_url, or turn the option lfs off',
    )
  }
  const failure = statusFailure(status, server.context.auth !== null && origin === server.home, headers['retry-after'])
  const said = await complaintOf(server, response)
  return new SyncFailure(failure.reason, said ? `${failure.message}; it says "${said}"` : failure.message)
}

/** The server's explanation of a refusal, as far as it can be shown; empty when there is none. */
async function complaintOf(server: LfsServer, response: HttpResponse): Promise<string> {
  try {
    const value = parseUntrusted(await textOf(server, response, ERROR_MAX_BYTES))
    return checkFor(Complaint).ok(value)
      ? value.message
          .replace(/[^\x20-\x7e]|https?:\S+/g, ' ')
          .slice(0, 200)
          .trim()
      : ''
  } catch {
    return ''
  }
}
