// edge/http.ts — The worker's own HTTP: /ping and /metrics, nothing else.
import { createServer, type Server } from 'node:http'
import { ConfigError, connectionsWithinLimit, whoListensOn } from '@kagami/runtime'
import type { Registry } from 'prom-client'

/** Programs that read metrics at once. */
const CONNECTIONS_MAX = 64

/** Starts listening. Throws ConfigError naming who holds the port when it is taken. */
export async function serveWorkerHttp(
  address: { host: string; port: number },
  registry: Registry,
): Promise<{ port: number; close(): Promise<void> }> {
  const server = createServer((request, response) => {
    const path = request.url?.split('?')[0]
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return void response.writeHead(405, { allow: 'GET, HEAD' }).end()
    if (path === '/ping') return void response.writeHead(200, { 'content-type': 'text/plain' }).end('pong\n')
    if (path !== '/metrics')
      return void response
        .writeHead(404, { 'content-type': 'text/plain' })
        .end('A Kagami worker: /ping and /metrics are here.\n')
    registry.metrics().then(
      (text) => response.writeHead(200, { 'content-type': registry.contentType }).end(text),
      () => response.writeHead(500).end(),
    )
  })
  server.requestTimeout = 30_000
  // Syncs need descriptors more than those who only look.
  server.maxConnections = connectionsWithinLimit(CONNECTIONS_MAX)
  await listen(server, address)
  const bound = server.address()
  return {
    port: typeof bound === 'object' && bound ? bound.port : address.port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function listen(server: Server, { host, port }: { host: string; port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EADDRINUSE')
        return reject(
          new ConfigError(
            `http_addr ${host}:${port} cannot be used: ${error.message}`,
            'Choose another with http_addr or KAGAMI_HTTP_ADDR: an address of this machine, and a port above 1023.',
          ),
        )
      const holder = whoListensOn(port)
      reject(
        new ConfigError(
          `http_addr ${host}:${port} is in use${holder ? ` by ${holder}` : ''}`,
          'Choose another with http_addr or KAGAMI_HTTP_ADDR, for example 0.0.0.0:8081.',
        ),
      )
    })
    server.listen({ host, port }, () => resolve())
  })
}
