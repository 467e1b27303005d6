// upstream.ts — What all upstreams of the demo share: their type, and the small http server that two of them use.
import { timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'

/** A running upstream on 127.0.0.1. */
export interface Upstream {
  readonly url: string
  readonly port: number
  readonly pid?: number
  /** Ends it and everything it started. */
  readonly stop: () => Promise<void>
}

export interface Credentials {
  readonly username: string
  readonly password: string
}

/** Listens on 127.0.0.1, on `port` or a free one. */
export async function listen(handler: RequestListener, port = 0): Promise<{ port: number; stop: () => Promise<void> }> {
  const server = createServer(handler)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  const address = server.address()
  return {
    port: typeof address === 'object' && address ? address.port : port,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** Returns whether a request has these credentials, if any are needed. Answers 401 when it does not. */
export function isAuthorized(
  request: IncomingMessage,
  response: ServerResponse,
  wanted: Credentials | undefined,
): boolean {
  if (!wanted) return true
  const expected = `Basic ${Buffer.from(`${wanted.username}:${wanted.password}`).toString('base64')}`
  const given = request.headers.authorization ?? ''
  if (given.length === expected.length && timingSafeEqual(Buffer.from(given), Buffer.from(expected))) return true
  response.writeHead(401, { 'www-authenticate': 'Basic realm="upstream"' }).end('credentials are needed\n')
  return false
}
