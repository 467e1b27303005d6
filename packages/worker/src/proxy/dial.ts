// dial.ts — Opens a connection through a proxy: HTTP (CONNECT) or SOCKS 5. Each failure says that it is the proxy, and
// which one; none has its credentials.
import { connect, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { SyncFailure } from '../provider.ts'
import { receive } from './receive.ts'
import { hostWithPort, proxyFailure, proxyHeaders, rejectedByProxy, type End, type ProxyServer } from './server.ts'
import { socksTunnel } from './socks.ts'

/** What ends a try. */
export interface Patience {
  readonly signal: AbortSignal
  readonly timeoutMs: number
}

/** Opens a connection to `end` through the proxy. Throws SyncFailure. */
export function openTunnel(proxy: ProxyServer, end: End, patience: Patience): Promise<Socket> {
  return within(proxy, patience, (socket) =>
    proxy.scheme.startsWith('socks') ? socksTunnel(socket, proxy, end) : httpTunnel(socket, proxy, end),
  )
}

/** Opens a connection to the proxy itself. Throws SyncFailure. */
export function connectToProxy(proxy: ProxyServer, patience: Patience): Promise<Socket> {
  return within(proxy, patience, () => Promise.resolve())
}

const MEANINGS: Readonly<Record<string, string>> = {
  ENOTFOUND: 'its name is not known',
  EAI_AGAIN: 'its name cannot be resolved just now',
  ECONNREFUSED: 'it refuses connections',
  ECONNRESET: 'it broke the connection',
  EPIPE: 'it broke the connection',
  EHOSTUNREACH: 'there is no route to it',
  ENETUNREACH: 'there is no route to it',
  ETIMEDOUT: 'it does not answer',
}

async function within(
  proxy: ProxyServer,
  { signal, timeoutMs }: Patience,
  ask: (socket: Socket) => Promise<void>,
): Promise<Socket> {
  const { host, port } = proxy
  const secure = proxy.scheme === 'https'
  const socket = secure ? connectTls({ host, port, servername: isIP(host) === 0 ? host : '' }) : connect({ host, port })
  socket.setNoDelay(true)
  const stop = () => void socket.destroy(new Error('stopped'))
  const timer = setTimeout(
    () => socket.destroy(proxyFailure('timed_out', proxy, `answered nothing for ${Math.round(timeoutMs / 1000)} s`)),
    timeoutMs,
  )
  signal.addEventListener('abort', stop)
  if (signal.aborted) stop()
  try {
    await opened(socket, secure ? 'secureConnect' : 'connect')
    await ask(socket)
    return socket
  } catch (error) {
    socket.on('error', () => {}).destroy()
    throw explained(error, proxy, signal)
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', stop)
  }
}

function explained(error: unknown, proxy: ProxyServer, signal: AbortSignal): unknown {
  if (error instanceof SyncFailure || signal.aborted) return error
  const first = error instanceof AggregateError ? error.errors[0] : error
  const { code, message } = first as NodeJS.ErrnoException
  return proxyFailure('upstream_unreachable', proxy, `cannot be reached: ${MEANINGS[code ?? ''] ?? code ?? message}`)
}

function opened(socket: Socket, event: 'connect' | 'secureConnect'): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once(event, () => {
      socket.off('error', reject)
      resolve()
    })
    socket.once('error', reject)
  })
}

/** Longest head of an answer, bytes. */
const HEAD_MAX_BYTES = 64 * 1024

async function httpTunnel(socket: Socket, proxy: ProxyServer, end: End): Promise<void> {
  const target = hostWithPort(end)
  const headers = Object.entries(proxyHeaders(proxy)).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.write(`CONNECT ${target} HTTP/1.1\r\nhost: ${target}\r\n${headers.join('')}\r\n`, 'latin1')
  const head = await receive(socket, proxy, (got) => {
    const at = got.indexOf('\r\n\r\n')
    return at >= 0 ? at + 4 : got.length > HEAD_MAX_BYTES || !seemsHttp(got) ? got.length : null
  })
  const status = Number(/^HTTP\/1\.[01] (\d{3})[ \r]/.exec(head.toString('latin1'))?.[1])
  if (status >= 200 && status < 300) return
  if (status === 407 || status === 401) throw rejectedByProxy(proxy)
  if (!Number.isInteger(status)) throw proxyFailure('upstream_unreachable', proxy, 'answers what no http proxy does')
  const said = `(it answers ${status})`
  if (status >= 500) throw proxyFailure('upstream_unreachable', proxy, `could not connect to ${target} ${said}`)
  throw proxyFailure('upstream_refused', proxy, `does not let this worker connect to ${target} ${said}`)
}

const seemsHttp = (got: Buffer) => 'HTTP/1.'.startsWith(got.toString('latin1', 0, Math.min(got.length, 7)))
