// http-upstream.ts — A plain http file server on loopback with ETag, Last-Modified and Range. Serves; does not make content.
import { createReadStream, mkdirSync, statSync, type Stats } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { join, normalize } from 'node:path'
import { admits, listen, type Credentials, type Upstream } from './upstream.ts'

export interface HttpUpstreamOptions {
  readonly dir: string
  readonly port?: number
  readonly auth?: Credentials
  /** For tests: answers a request itself and returns true. */
  readonly intercept?: (request: IncomingMessage, response: ServerResponse) => boolean
}

/** Serves the files below `dir` at `<url>/<path>`. */
export async function startHttpUpstream({ dir, port, auth, intercept }: HttpUpstreamOptions): Promise<Upstream> {
  mkdirSync(dir, { recursive: true })
  const server = await listen((request, response) => {
    if (intercept?.(request, response)) return
    if (admits(request, response, auth)) serve(dir, request, response)
  }, port)
  return { url: `http://127.0.0.1:${server.port}`, port: server.port, stop: server.stop }
}

function serve(dir: string, request: IncomingMessage, response: ServerResponse): void {
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
  createReadStream(file, { start: range ?? 0, highWaterMark: 256 * 1024 }).on('error', () => response.destroy()).pipe(response)
}

function isUnchanged(request: IncomingMessage, etag: string, { mtimeMs }: Stats): boolean {
  const known = request.headers['if-none-match']
  if (known !== undefined) return known.split(/, */).includes(etag)
  const since = Date.parse(request.headers['if-modified-since'] ?? '')
  return Math.floor(mtimeMs / 1000) * 1000 <= since
}

/** First byte of a range that runs to the end, when it may be served. */
function rangeOf(request: IncomingMessage, etag: string, size: number): number | null {
  const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? Number.NaN)
  const condition = request.headers['if-range']
  return start > 0 && start < size && (condition === undefined || condition === etag) ? start : null
}
