// answers.ts — Answers that caches may keep: made once in a while, named by a tag, and not sent twice to one client.
import { createHash, type Hash } from 'node:crypto'
import type { Clock } from '@kagami/runtime'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { inPieces, takeTurn } from '../pieces.ts'

/** How long an answer is given before it is made anew, s; caches on the way do so too. */
export const FRESH_SECONDS = 10
/** How long caches may give the last answer while the supervisor does not answer, s. */
const STALE_SECONDS = 86_400
/** Text that becomes bytes at once, characters. */
const CHUNK = 64 * 1024
/** An answer and the tag of its bytes. */
export interface Answer {
  readonly type: string
  readonly body: string | Buffer
  readonly etag: string
}

/** An answer of these bytes. */
export function createAnswer(type: string, body: string | Buffer): Answer {
  return { type, body, etag: tagOf(createHash('sha256').update(body)) }
}

/** An answer of these texts, which are made and put together in pieces. */
export async function createAnswerInPieces(type: string, texts: Iterable<string>): Promise<Answer> {
  await takeTurn()
  const pieces = inPieces()
  const hash = createHash('sha256')
  const chunks: Buffer[] = []
  let text = ''
  const keep = () => {
    const chunk = Buffer.from(text)
    hash.update(chunk)
    chunks.push(chunk)
    text = ''
  }
  for (const part of texts) {
    text += part
    if (text.length >= CHUNK) keep()
    const turn = pieces.next()
    if (turn) await turn
  }
  keep()
  return { type, body: Buffer.concat(chunks), etag: tagOf(hash) }
}

function tagOf(hash: Hash): string {
  return `"${hash.digest('base64url').slice(0, 27)}"`
}

/** Keeps what is costly to make for FRESH_SECONDS, by a key. */
export interface Kept<T> {
  /** Everyone who asks meanwhile gets the same. */
  get(key: string, make: () => Promise<T>): Promise<T>
}

/** Nothing is kept yet. At most `max` are, by different keys; what could not be made is not. */
export function createKept<T>(clock: Clock, max: number): Kept<T> {
  const kept = new Map<string, { readonly madeMs: number; readonly made: Promise<T> }>()
  return {
    get(key, make) {
      const known = kept.get(key)
      const now = clock.monotonicMs()
      if (known && now - known.madeMs < FRESH_SECONDS * 1000) return known.made
      kept.delete(key)
      // The one that was made first goes first.
      if (kept.size >= max) kept.delete(kept.keys().next().value!)
      const entry = { madeMs: now, made: make() }
      kept.set(key, entry)
      entry.made.catch(() => kept.get(key) === entry && kept.delete(key))
      return entry.made
    },
  }
}

/** Sends an answer, or says that the client has it. */
export function sendAnswer(request: FastifyRequest, reply: FastifyReply, answer: Answer): FastifyReply {
  void reply.header('cache-control', `public, max-age=${FRESH_SECONDS}, stale-if-error=${STALE_SECONDS}`)
  const known = tagAmong(request.headers['if-none-match'], answer.etag)
  if (known !== null) return reply.code(304).header('etag', known).send()
  return reply.header('etag', answer.etag).type(answer.type).send(answer.body)
}

/** The tag of a header If-None-Match that names this answer, in whichever encoding; null when none does. */
function tagAmong(header: string | undefined, etag: string): string | null {
  if (header?.trim() === '*') return etag
  const tags = (header ?? '').split(',').map((tag) => tag.trim().replace(/^W\//, ''))
  return tags.find((tag) => tag.replace(/-(?:br|gzip)"$/, '"') === etag) ?? null
}
