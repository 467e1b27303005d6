// reach.ts — Whether the host of an upstream can be reached: its name, a connection, TLS; or the proxy before it.
// Sends nothing to it.
import { connect, isIP, type Socket } from 'node:net'
import { connect as secure } from 'node:tls'
import { guardedLookup } from '../http/address.ts'
import type { Peers } from '../provider.ts'
import type { Target, Via } from '../via.ts'
import type { Steps } from './steps.ts'

/** Where an upstream is asked. */
export interface Endpoint extends Target {
  readonly port: number
}

export interface ReachParts {
  readonly peers: Peers
  readonly steps: Steps
  readonly signal: AbortSignal
  /** How long a proxy may take, ms. */
  readonly timeoutMs: number
}

const ADDRESSES_SHOWN = 3

/** Takes the steps to a host, and closes the connection again. Throws SyncFailure and network errors. */
export async function reachHost(endpoint: Endpoint, parts: ReachParts): Promise<void> {
  const { peers, steps, signal } = parts
  const via = await steps.take(
    'proxy',
    async () => peers.via(endpoint),
    () => null,
  )
  const socket = await (via === null ? connectDirectly(endpoint, parts) : connectBy(via, endpoint, parts))
  const close = () => socket.destroy()
  socket.on('error', () => {})
  signal.addEventListener('abort', close, { once: true })
  try {
    if (endpoint.protocol !== 'https:') return
    await steps.take(
      'tls',
      () => secured(socket, endpoint.hostname),
      (found) => found,
    )
  } finally {
    signal.removeEventListener('abort', close)
    close()
  }
}

async function connectDirectly({ hostname, port }: Endpoint, { peers, steps, signal }: ReachParts): Promise<Socket> {
  await steps.take(
    isIP(hostname) === 0 ? 'dns' : 'address',
    () => peers.resolve(hostname),
    (found) => {
      const more = found.length > ADDRESSES_SHOWN ? ` and ${found.length - ADDRESSES_SHOWN} more` : ''
      return `${found.slice(0, ADDRESSES_SHOWN).join(', ')}${more}`
    },
  )
  return steps.take(
    'connection',
    () =>
      opened(connect({ host: hostname, port, lookup: guardedLookup(peers), autoSelectFamily: true }), peers, signal),
    (socket) => `${socket.remoteAddress ?? hostname} port ${port}`,
  )
}

async function connectBy(via: Via, endpoint: Endpoint, { steps, timeoutMs }: ReachParts): Promise<Socket> {
  const { protocol, hostname, port } = endpoint
  const plain = protocol === 'http:' ? via.plain : null
  return steps.take(
    'proxy',
    () => (plain === null ? via.tunnel(hostname, port, timeoutMs) : plain.connect(timeoutMs)),
    () => `through the proxy ${via.label}`,
  )
}

function opened(socket: Socket, peers: Peers, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const stop = () => socket.destroy(new Error('the trial is over'))
    signal.addEventListener('abort', stop, { once: true })
    socket.once('error', reject)
    socket.once('close', () => signal.removeEventListener('abort', stop))
    socket.once('connect', () => {
      try {
        peers.check(socket.remoteAddress)
        resolve(socket)
      } catch (error) {
        socket.destroy()
        reject(error)
      }
    })
  })
}

/** What a server shows of itself over TLS. */
function secured(socket: Socket, hostname: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const tls = secure({ socket, ...(isIP(hostname) === 0 ? { servername: hostname } : { host: hostname }) })
    tls.once('error', reject)
    tls.once('close', () => reject(new Error('the upstream broke the connection')))
    tls.once('secureConnect', () => {
      const { valid_to: until } = tls.getPeerCertificate()
      const day = Number.isNaN(Date.parse(until))
        ? ''
        : `, certificate until ${new Date(until).toISOString().slice(0, 10)}`
      resolve(`${tls.getProtocol() ?? 'TLS'}${day}`)
      tls.destroy()
    })
  })
}
