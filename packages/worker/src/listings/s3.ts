// s3.ts — Listings of S3 and what speaks its protocol: ListBucketResult, page by page.
import { Parser } from 'htmlparser2'
import type { Entry, Listing, Page, Problem, Refused } from './listing.ts'
import { checkName, encodeName } from './names.ts'
import { readBytes } from './sizes.ts'
import { readStandardDate } from './times.ts'
import { decodePercent } from '../names.ts'

/** What a ListBucketResult lists below the page's address; null when the page is something else. */
export function parseS3({ bytes, url }: Page): Listing | Problem | null {
  const result = readResult(bytes.toString('utf8'))
  if (result === null) return null
  if (!result.closed) return { problem: 'the listing is XML that ends in the middle or is damaged', likely: true }
  const decode = result.fields.get('EncodingType') === 'url' ? decodeKey : (key: string) => key
  const prefix = decode(result.fields.get('Prefix') ?? '')
  const cut = decodePercent(url.pathname).endsWith(`/${prefix}`) ? prefix.length : 0
  const files = new Map<string, Entry>()
  const refused: Refused[] = []
  const add = (key: string, said: ReadonlyMap<string, string>) => {
    const below = key.slice(cut)
    const [first = ''] = below.split('/')
    if (below === '') return
    const name = checkName(first)
    if (typeof name !== 'string') refused.push(name)
    else if (!files.get(name)?.directory) files.set(name, entryOf(name, below.includes('/'), said))
  }
  for (const key of result.folders) add(decode(key), new Map())
  for (const said of result.files) add(decode(said.get('Key') ?? ''), said)
  const next = result.fields.get('IsTruncated') === 'true' ? nextPage(result, url) : null
  const incomplete =
    result.fields.get('IsTruncated') === 'true' && next === null
      ? 'it is the first part of a longer listing, and does not say how to get the rest'
      : null
  return { format: 's3', entries: [...files.values()], refused, incomplete, next }
}

interface Result {
  readonly fields: ReadonlyMap<string, string>
  readonly files: readonly ReadonlyMap<string, string>[]
  readonly folders: readonly string[]
  readonly closed: boolean
}

const ROOT = 'ListBucketResult'

function readResult(text: string): Result | null {
  const fields = new Map<string, string>()
  const files: Map<string, string>[] = []
  const folders: string[] = []
  const path: string[] = []
  let said = ''
  let closed = false
  const parser = new Parser(
    {
      onopentag(tag) {
        path.push(tag)
        said = ''
        if (path.length === 2 && tag === 'Contents') files.push(new Map())
      },
      ontext: (piece) => (said += piece),
      onclosetag(tag, implied) {
        path.pop()
        if (path.length === 0) closed = !implied
        else if (path.length === 1) fields.set(tag, said)
        else if (path[1] === 'Contents') files.at(-1)!.set(tag, said)
        else if (path[1] === 'CommonPrefixes' && tag === 'Prefix') folders.push(said)
      },
    },
    { xmlMode: true },
  )
  parser.end(text)
  return new RegExp(`<${ROOT}[\\s>]`).test(text.slice(0, 2000)) ? { fields, files, folders, closed } : null
}

/** LastModified is ISO 8601 in UTC, Size a number of bytes: the API reference of Amazon S3, ListObjectsV2. */
function entryOf(name: string, directory: boolean, said: ReadonlyMap<string, string>): Entry {
  const size = directory ? null : readBytes(said.get('Size') ?? '')
  const time = directory ? null : readStandardDate(said.get('LastModified') ?? '')
  return {
    name,
    directory,
    raw: encodeName(name),
    size: size?.size ?? null,
    exact: size !== null,
    time: time?.time ?? null,
    grain: 1000,
    stamp: directory
      ? ''
      : ['LastModified', 'Size', 'ETag']
          .map((field) => said.get(field) ?? '')
          .join(' ')
          .trim(),
  }
}

/** The query of the next page; null when the page does not say where it begins. */
function nextPage({ fields, files }: Result, url: URL): string | null {
  const query = new URLSearchParams(url.search)
  const token = fields.get('NextContinuationToken')
  // Without a delimiter the first version of the protocol continues after the last key.
  const marker = fields.get('NextMarker') ?? (fields.get('Delimiter') ? undefined : files.at(-1)?.get('Key'))
  if (token) {
    query.set('list-type', '2')
    query.set('continuation-token', token)
  } else if (marker && !fields.has('KeyCount')) query.set('marker', marker)
  else return null
  for (const [field, name] of [
    ['Prefix', 'prefix'],
    ['Delimiter', 'delimiter'],
  ] as const) {
    const value = fields.get(field)
    if (value && !query.has(name)) query.set(name, value)
  }
  return `?${query}`
}

/** Keys with `EncodingType` url are encoded as in a query. */
function decodeKey(key: string): string {
  return decodePercent(key.replaceAll('+', ' '))
}
