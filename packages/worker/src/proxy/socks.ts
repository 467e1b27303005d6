// socks.ts — Asks a SOCKS 5 proxy for a connection (RFC 1928), with user name and password where it wants them (RFC
// 1929).
import { isIP, isIPv4, type Socket } from 'node:net'
import { receive } from './receive.ts'
import { hostWithPort, proxyFailure, rejectedByProxy, type End, type ProxyServer } from './server.ts'

/** What the proxy says when it does not connect: the reason of the failure, and what happened. */
const REPLIES: Readonly<Record<number, readonly ['upstream_refused' | 'upstream_unreachable', string]>> = {
  1: ['upstream_unreachable', 'could not connect to TARGET and does not say why'],
  2: ['upstream_refused', 'does not let this worker connect to TARGET'],
  3: ['upstream_unreachable', 'has no route to the network of TARGET'],
  4: ['upstream_unreachable', 'could not reach TARGET, or does not know its name'],
  5: ['upstream_unreachable', 'was refused by TARGET, which takes no connections'],
  6: ['upstream_unreachable', 'had no answer from TARGET'],
  7: ['upstream_unreachable', 'does not open connections'],
  8: ['upstream_unreachable', 'does not know this kind of address: TARGET'],
}

/** Makes a connection to the proxy one to `end`. Throws SyncFailure. */
export async function socksTunnel(socket: Socket, proxy: ProxyServer, end: End): Promise<void> {
  if (Buffer.byteLength(end.host) > 255)
    throw proxyFailure('upstream_unreachable', proxy, 'cannot be given the name of the host: it is too long')
  await signIn(socket, proxy)
  socket.write(
    Buffer.concat([Buffer.from([5, 1, 0]), addressBytes(end.host), Buffer.from([end.port >> 8, end.port & 255])]),
  )
  const reply = await receive(socket, proxy, (got) => {
    if (got[0] !== 5 || (got.length > 1 && got[1] !== 0)) return Math.min(got.length, 2)
    if (got.length < 5) return null
    const address = { 1: 4, 3: 1 + got[4]!, 4: 16 }[got[3]!]
    return address === undefined ? got.length : 4 + address + 2
  })
  if (reply[0] !== 5) throw stranger(proxy)
  if (reply.length < 2) throw stranger(proxy)
  if (reply[1] === 0) return
  const [reason, said] = REPLIES[reply[1]!] ?? ['upstream_unreachable', `answers with the code ${reply[1]} for TARGET`]
  throw proxyFailure(reason, proxy, said.replace('TARGET', hostWithPort(end)))
}

async function signIn(socket: Socket, proxy: ProxyServer): Promise<void> {
  const { login } = proxy
  socket.write(Buffer.from(login ? [5, 2, 0, 2] : [5, 1, 0]))
  const [version, method] = await receive(socket, proxy, (got) => (got[0] === 5 ? 2 : got.length))
  if (version !== 5) throw stranger(proxy)
  if (method === 0) return
  if (method !== 2 || !login) throw rejectedByProxy(proxy)
  const [user, password] = [Buffer.from(login.username), Buffer.from(login.password)]
  // One byte says how long each is.
  if (user.length > 255 || password.length > 255) throw rejectedByProxy(proxy)
  socket.write(Buffer.concat([Buffer.from([1, user.length]), user, Buffer.from([password.length]), password]))
  const answer = await receive(socket, proxy, () => 2)
  if (answer[1] !== 0) throw rejectedByProxy(proxy)
}

const stranger = (proxy: ProxyServer) =>
  proxyFailure('upstream_unreachable', proxy, 'answers what no SOCKS 5 proxy does')

function addressBytes(host: string): Buffer {
  if (isIPv4(host)) return Buffer.from([1, ...host.split('.').map(Number)])
  if (isIP(host) === 6) return Buffer.concat([Buffer.from([4]), ipv6Bytes(host)])
  const name = Buffer.from(host)
  return Buffer.concat([Buffer.from([3, name.length]), name])
}

function ipv6Bytes(address: string): Buffer {
  const [head = '', tail] = new URL(`http://[${address}]/`).hostname.slice(1, -1).split('::')
  const groups = (text = '') => text.split(':').flatMap((group) => (group === '' ? [] : [Number.parseInt(group, 16)]))
  const [left, right] = [groups(head), groups(tail)]
  const all = [...left, ...Array.from({ length: 8 - left.length - right.length }, () => 0), ...right]
  return Buffer.from(all.flatMap((group) => [group >> 8, group & 255]))
}
