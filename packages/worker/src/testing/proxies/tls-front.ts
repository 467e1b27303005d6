// tls-front.ts — TLS in front of a server that has none. No assertions.
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { createServer } from 'node:tls'
import type { Certified } from '../certificates.ts'

/** Takes TLS connections and passes what is in them to `port`. */
export async function startTlsFront(
  port: number,
  { certificate, key }: Certified,
): Promise<{ readonly port: number; stop(): Promise<void> }> {
  const server = createServer({ cert: readFileSync(certificate), key: readFileSync(key) }, (client) => {
    const behind = connect({ host: '127.0.0.1', port })
    for (const socket of [client, behind]) socket.on('error', () => {})
    client.pipe(behind).pipe(client)
    client.once('close', () => behind.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return {
    port: typeof address === 'object' && address ? address.port : 0,
    stop: () => new Promise((resolve) => void server.close(() => resolve())),
  }
}
