// http-upstream.ts — A plain http file server on loopback with ETag, Last-Modified, Range and, if wanted, directory
// listings.
import { createReadStream, mkdirSync, readdirSync, statSync, type Stats } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { join, normalize } from 'node:path'
import { isAuthorized, listen, type Credentials, type Upstream } from './upstream.ts'

export interface HttpUpstreamOptions {
  readonly dir: string
  readonly port?: number
  readonly auth?: Credentials
  /** Lists directories without an index.html, as nginx does. */
  readonly listings?: boolean
  /** For tests: answers a request itself and returns true. */
  readonly intercept?: (request: IncomingMessage, response: ServerResponse) => boolean
}

/** Serves the files below `dir` at `<url>/<path>`. */
export async function startHttpUpstream({
  dir,
  port,
  auth,
  listings = false,
  intercept,
}: HttpUpstreamOptions): Promise<Upstream> {
  mkdirSync(dir, { recursive: true })
  const server = await listen((request, response) => {
    if (intercept?.(request, response)) return
    if (!isAuthorized(request, response, auth) || (listings && sendListing(dir, request, response))) return
    sendFile(dir, request, response)
  }, port)
  return { url: `http://127.0.0.1:${server.port}`, port: server.port, stop: server.stop }
}

function sendFile(dir: string, request: IncomingMessage, response: ServerResponse): void {
  const path = decodeURIComponent(new URL(request.url ?? '/', 'http://127.0.0.1').pathname)
  const file = join(dir, normalize(path.endsWith('/') ? `${path}index.html` : path))
  const found = statSync(file, { throwIfNoEntry: false })
  if (!found?.isFile()) return void response.writeHead(404).end('not here\n')
  const etag = `"${found.size.toString(36)}-${found.mtimeMs.toString(36)}"`
  const modified = found.mtime.toUTCString()
  response.setHeader('etag', etag).setHeader('last-modified', modified).setHeader('accept-ranges', 'bytes')
  if (isUnchanged(request, etag, found)) return void response.writeHead(304).end()
  const range = rangeOf(request, etag, found.size)
  const length = range ? found.size - range : found.size
  response.setHeader('content-type', 'application/octet-stream').setHeader('content-length', length)
  if (range) response.setHeader('content-range', `bytes ${range}-${found.size - 1}/${found.size}`)
  response.writeHead(range ? 206 : 200)
  if (request.method === 'HEAD') return void response.end()
  createReadStream(file, { start: range ?? 0, highWaterMark: 256 * 1024 })
    .on('error', () => response.destroy())
    .pipe(response)
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** Sends the listing of a directory. Returns false when the path is no directory, or one with an index.html. */
function sendListing(dir: string, request: IncomingMessage, response: ServerResponse): boolean {
  const path = decodeURIComponent(new URL(request.url ?? '/', 'http://127.0.0.1').pathname)
  const folder = join(dir, normalize(path))
  const isListed =
    path.endsWith('/') &&
    statSync(folder, { throwIfNoEntry: false })?.isDirectory() &&
    !statSync(join(folder, 'index.html'), { throwIfNoEntry: false })
  if (!isListed) return false
  const rows = readdirSync(folder)
    .sort()
    .map((name) => row(name, statSync(join(folder, name))))
  response
    .writeHead(200, { 'content-type': 'text/html' })
    .end(
      `<html><head><title>Index of ${escaped(path)}</title></head><body><h1>Index of ` +
        `${escaped(path)}</h1><hr><pre><a href="../">../</a>\n${rows.join('')}</pre></body></html>\n`,
    )
  return true
}

function row(name: string, { size, mtime, ...found }: Stats): string {
  const isFolder = (found.mode & 0o170000) === 0o040000
  const [year, month, day] = mtime.toISOString().slice(0, 10).split('-')
  const slash = isFolder ? '/' : ''
  return (
    `<a href="${encodeURIComponent(name)}${slash}">${escaped(name)}${slash}</a> ` +
    `  ${day}-${MONTHS[Number(month) - 1]}-${year} ${mtime.toISOString().slice(11, 16)}   ${isFolder ? '-' : size}\n`
  )
}

const escaped = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')

function isUnchanged(request: IncomingMessage, etag: string, { mtimeMs }: Stats): boolean {
  const known = request.headers['if-none-match']
  if (known !== undefined) return known.split(/, */).includes(etag)
  const since = Date.parse(request.headers['if-modified-since'] ?? '')
  return Math.floor(mtimeMs / 1000) * 1000 <= since
}

/** The first byte of a range that runs to the end of the file; null when the whole file must be sent. */
function rangeOf(request: IncomingMessage, etag: string, size: number): number | null {
  const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? Number.NaN)
  const condition = request.headers['if-range']
  return start > 0 && start < size && (condition === undefined || condition === etag) ? start : null
}
