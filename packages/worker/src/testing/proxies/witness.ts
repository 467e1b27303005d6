// witness.ts — Stands before an upstream and tells who came: the proxy, or somebody else. No assertions.
import { connect, createServer, type Socket } from 'node:net'

export interface Witness {
  readonly port: number
  /** The addresses that connected, in order. */
  readonly seen: string[]
  stop(): Promise<void>
}

/** Stands before the upstream on `port` and notes who comes. */
export async function startWitness(port: number): Promise<Witness> {
  const seen: string[] = []
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    seen.push(client.remoteAddress ?? '')
    const upstream = connect({ host: '127.0.0.1', port })
    for (const socket of [client, upstream]) sockets.add(socket.on('error', () => {}))
    client.pipe(upstream).pipe(client)
    client.once('close', () => upstream.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return {
    port: typeof address === 'object' && address ? address.port : 0,
    seen,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  }
}
