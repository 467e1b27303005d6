// route.ts — What a route is, how one is written, and the parameters that many routes have.
import { PlainText } from '../printable.ts'
import Type from 'typebox'
import { Nullable } from '../model.ts'
import type { Role } from '../views/access.ts'

/** What a route is. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  /** Path with `{name}` for parameters. */
  readonly path: string
  readonly tag: 'v0' | 'fleet' | 'workers' | 'replicas' | 'resources' | 'syncs' | 'live' | 'system'
  readonly summary: string
  readonly params?: Type.TObject
  readonly query?: Type.TObject
  readonly body?: Type.TSchema
  /** Headers of the request that it reads, in small letters. */
  readonly headers?: Type.TObject
  /** HTTP status of success. */
  readonly status: 200 | 202 | 204
  /** Body of success; absent when it is empty. */
  readonly response?: Type.TSchema
  /** Content type of the body, when it is not JSON. */
  readonly produces?: 'text/plain' | 'text/event-stream'
  /** Changes something. */
  readonly write: boolean
  /**
   * Who may use it when authentication is on: who has this role, or one that includes it. `anyone`: everybody, but it
   * is found out who asks. Absent: operators where it writes, everybody where it reads.
   */
  readonly role?: Role | 'anyone'
  /** Error codes it may answer with, besides those of any route. */
  readonly refuses?: readonly string[]
}

type Read = Omit<Route, 'method' | 'path' | 'summary' | 'status' | 'write'>
type Write = Omit<Route, 'method' | 'path' | 'summary' | 'write'>

/** A route that reads. */
export const get = <const R extends Read>(path: string, summary: string, rest: R) =>
  ({ method: 'GET', path, summary, status: 200, write: false, ...rest }) as const

/** A route that writes. */
export const post = <const R extends Write>(path: string, summary: string, rest: R) =>
  ({ method: 'POST', path, summary, write: true, ...rest }) as const

/** A route that changes a part of something. */
export const patch = <const R extends Write>(path: string, summary: string, rest: R) =>
  ({ method: 'PATCH', path, summary, write: true, ...rest }) as const

/** A route that removes. */
export const remove = <const R extends Omit<Write, 'status'>>(path: string, summary: string, rest: R) =>
  ({ method: 'DELETE', path, summary, status: 204, write: true, ...rest }) as const

/** Text that a database can hold. */
const NO_NUL = '^[^\\u0000]*$'

/** The parameter of every path that names one thing. */
export const Id = Type.Object({ id: Type.String({ minLength: 1, maxLength: 128, pattern: NO_NUL }) })

/** A query parameter. */
export const Text = (description: string) =>
  Type.Optional(Type.String({ maxLength: 512, pattern: NO_NUL, description }))

/** A query parameter of one or more of these words, comma-separated; `x-words` is what an error names. */
export const Words = (words: readonly string[], description = 'One or more, comma-separated') =>
  wordsOf(words, `^ *(?:${words.join('|')})?(?: *, *(?:${words.join('|')})?)* *$`, description)

/** A filter of one or more of these words, comma-separated, each with "!" before it to leave out what has it. */
export const FilterWords = (words: readonly string[], description = 'One or more, comma-separated') => {
  const word = `!?(?:${words.join('|')})`
  return wordsOf(words, `^ *(?:${word})?(?: *, *(?:${word})?)* *$`, `${description}; "!" before one leaves it out`)
}

/** A query parameter of one of these words, or empty. */
export const Word = (words: readonly string[], description: string) =>
  wordsOf(words, `^(?:${words.join('|')})?$`, description)

const wordsOf = (words: readonly string[], pattern: string, description: string) =>
  Type.Optional(Type.String({ maxLength: 512, pattern, description, 'x-words': words }))

/** The query parameters of a list. `position`: what its cursors look like; by default base64url. */
export const pagingOf = (position = '[\\w-]{1,2040}') => ({
  cursor: Type.Optional(
    Type.String({ maxLength: 2048, pattern: `^(?:${position})?$`, description: 'next_cursor of the previous page' }),
  ),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 500, default: 100 })),
})

/** The query parameters of most lists. */
export const paging = pagingOf()

/** The headers of routes that change only what the caller has seen. */
export const IfMatch = Type.Object({
  'if-match': Type.Optional(
    Type.String({
      maxLength: 1024,
      description: 'ETag of what was read, or "*". Absent: what is not in the body stays, whoever changed it meanwhile',
    }),
  ),
})

/** The body of routes that take a reason; it may be left out. */
export const ReasonBody = Type.Union([
  Type.Object({ reason: Type.Optional(Nullable(PlainText({ maxLength: 1000 }))) }),
  Type.Null(),
])
