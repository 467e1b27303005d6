// transport.ts — How a client of undici gets to an origin: directly, only to allowed addresses, or by a proxy.
import type { Socket } from 'node:net'
import { buildConnector } from 'undici'
import { guardedLookup, hostOf } from './address.ts'
import type { Peers } from '../provider.ts'
import type { Via } from '../via.ts'

const HIGH_WATER_BYTES = 1024 * 1024

export interface Transport {
  readonly connect: buildConnector.connector | buildConnector.BuildOptions
  /** What is written into the request line for a path and query. */
  target(path: string): string
  /** Headers for the proxy itself. */
  readonly headers: Readonly<Record<string, string>>
  /** Whether a connection is for many requests. Proxies that read them may close it after each without a word. */
  readonly lasting: boolean
  /** Throws what an answer means that is the proxy's own. */
  refuse(status: number, headers: Readonly<Record<string, string | string[] | undefined>>): void
}

/** The way to the origin of a URL. `idleMs` also limits how long a connection may take. */
export function transportOf(url: URL, peers: Peers, idleMs: number): Transport {
  const via = peers.via(url)
  if (via) return transportBy(via, url, idleMs)
  return directTransport(guardedConnector(peers, idleMs))
}

/** The way without a proxy. */
export function directTransport(connect: Transport['connect']): Transport {
  return { connect, target: (path) => path, headers: {}, lasting: true, refuse: () => {} }
}

/** The way by a proxy: http is asked with the whole address where the proxy takes that, all else goes by a tunnel. */
export function transportBy(via: Via, url: URL, idleMs: number): Transport {
  const { plain } = via
  if (url.protocol === 'http:' && plain !== null)
    return {
      connect: (_options, callback) => void handOver(plain.connect(idleMs), callback),
      target: (path) => `${url.origin}${path}`,
      // A proxy that keeps what it has seen asks the upstream again.
      headers: { ...plain.headers, 'cache-control': 'max-age=0' },
      lasting: false,
      refuse(status, headers) {
        const failure = plain.refusal(status, headers)
        if (failure) throw failure
      },
    }
  const secure = buildConnector({ timeout: idleMs, highWaterMark: HIGH_WATER_BYTES } as buildConnector.BuildOptions)
  const connect: buildConnector.connector = (options, callback) => {
    const port = Number(url.port || (url.protocol === 'https:' ? 443 : 80))
    const tunnel = via.tunnel(hostOf(url), port, idleMs)
    const secured: Secured = (socket, done) => secure({ ...options, httpSocket: socket }, done)
    void handOver(tunnel, callback, url.protocol === 'https:' ? secured : undefined)
  }
  return directTransport(connect)
}

type Secured = (socket: Socket, done: buildConnector.Callback) => void

/** Gives a connection that is being opened to `callback`, by `secure` where there is one. */
async function handOver(opening: Promise<Socket>, callback: buildConnector.Callback, secure?: Secured): Promise<void> {
  const opened = await opening.catch((error: Error) => error)
  if (opened instanceof Error) callback(opened, null)
  else if (secure) secure(opened, callback)
  else callback(null, opened)
}

/** Opens connections only to allowed addresses: checked before, and again once open. */
function guardedConnector(peers: Peers, timeout: number): buildConnector.connector {
  const connector = buildConnector({
    timeout,
    highWaterMark: HIGH_WATER_BYTES,
    lookup: guardedLookup(peers),
  } as buildConnector.BuildOptions)
  return (options, callback) =>
    connector(options, (...[error, socket]) => {
      if (error || !socket) return callback(error ?? new Error('no connection'), null)
      try {
        peers.check(socket.remoteAddress)
      } catch (refused) {
        socket.destroy()
        return callback(refused as Error, null)
      }
      callback(null, socket)
    })
}
