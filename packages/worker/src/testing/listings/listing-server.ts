// listing-server.ts — A web server for tests whose listings, like those of nginx, are made from what it is told to
// serve; each answer can be replaced. No assertions.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'

/** What a path answers instead; true when it did. */
export type Intercept = (path: string, request: IncomingMessage, response: ServerResponse) => boolean

export interface ListedFile {
  readonly body: string | Buffer
  /** Seconds since 1970. */
  readonly time?: number
  readonly headers?: Readonly<Record<string, string>>
}

export interface ListingServer {
  /** Ends in a slash. */
  readonly url: string
  /** Path below the root, percent-encoded → file. Folders are there when something is below them, or end in a slash. */
  readonly files: Map<string, ListedFile>
  /** Times of folders, by path with its last slash. */
  readonly folderTimes: Map<string, number>
  /** Paths that were asked for, since it was last emptied. */
  readonly asked: string[]
  intercept: Intercept
  stop(): Promise<void>
}

/** When files and folders are of, unless something else is said: 2020-09-13. */
export const SERVED_AT = 1_600_000_000

/** Starts the server with nothing in it. */
export async function startListingServer(): Promise<ListingServer> {
  const files = new Map<string, ListedFile>()
  const folderTimes = new Map<string, number>()
  const asked: string[] = []
  const server = createServer((request, response) => {
    const path = (request.url ?? '/').slice(1)
    asked.push(path)
    if (self.intercept(path, request, response)) return
    answer(path, request, response)
  })
  const answer = (path: string, request: IncomingMessage, response: ServerResponse) => {
    const file = files.get(path)
    if (file && !path.endsWith('/')) return sendFile(file, request, response)
    const folder = path === '' || path.endsWith('/')
    if (!folder && isFolder(`${path}/`)) return void response.writeHead(301, { location: `/${path}/` }).end()
    if (!folder || !isFolder(path)) return void response.writeHead(404).end()
    response.writeHead(200, { 'content-type': 'text/html' }).end(listingPage(path, linesOf(path)))
  }
  const isFolder = (path: string) => path === '' || [...files.keys()].some((file) => file.startsWith(path))
  const linesOf = (path: string): ListingLine[] => {
    const names = new Map<string, ListingLine>()
    for (const [full, file] of files) {
      if (!full.startsWith(path) || full === path) continue
      const rest = full.slice(path.length)
      const slash = rest.indexOf('/')
      const name = slash < 0 ? rest : rest.slice(0, slash + 1)
      const time = slash < 0 ? file.time : folderTimes.get(path + name)
      names.set(name, { name, time: time ?? SERVED_AT, size: slash < 0 ? Buffer.byteLength(file.body) : null })
    }
    return [...names.values()]
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  const self: ListingServer = {
    url: `http://127.0.0.1:${port}/`,
    files,
    folderTimes,
    asked,
    intercept: () => false,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
  return self
}

function sendFile({ body, time = SERVED_AT, headers }: ListedFile, request: IncomingMessage, response: ServerResponse) {
  const modified = new Date(time * 1000).toUTCString()
  if (request.headers['if-modified-since'] === modified) return void response.writeHead(304).end()
  const length = Buffer.byteLength(body)
  response
    .writeHead(200, {
      'content-type': 'application/octet-stream',
      'content-length': length,
      'last-modified': modified,
      ...headers,
    })
    .end(body)
}

export interface ListingLine {
  /** Percent-encoded; a folder ends in a slash. */
  readonly name: string
  readonly time: number
  /** Null for a folder. */
  readonly size: number | null
}

/** A page as nginx writes it. */
export function listingPage(path: string, lines: readonly ListingLine[]): string {
  const title = `Index of /${path}`
  const rows = lines.map(({ name, time, size }) => `<a href="${name}">${name}</a>  ${dateOf(time)}  ${size ?? '-'}\n`)
  return (
    `<html>\r\n<head><title>${title}</title></head>\r\n<body>\r\n<h1>${title}</h1><hr><pre>` +
    `<a href="../">../</a>\r\n${rows.join('')}</pre><hr></body>\r\n</html>\r\n`
  )
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

function dateOf(seconds: number): string {
  const [date = '', time = ''] = new Date(seconds * 1000).toISOString().split('T')
  const [year, month, day] = date.split('-')
  return `${day}-${MONTHS[Number(month) - 1]}-${year} ${time.slice(0, 5)}`
}
