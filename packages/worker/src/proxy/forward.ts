// forward.ts — For programs of a run: a proxy on this machine that leads to one host and port alone, by the proxy of
// worker.toml, whose credentials they never see.
import { randomBytes } from 'node:crypto'
import {
  createServer as createHttpServer,
  request as sendRequest,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { pipeline } from 'node:stream/promises'
import { SyncFailure } from '../provider.ts'
import type { LocalPort, LocalProxy, Via } from '../via.ts'
import { hostWithPort, type End } from './server.ts'

/** A port of this machine that is open until it is closed. */
export interface Open<Port extends LocalPort> {
  readonly local: Port
  close(): void
}

/** How what comes goes on. */
export type Onward = Pick<Via, 'plain' | 'tunnel'>

/** Where what comes leads, and how long that may take. */
export interface Behind extends End {
  readonly timeoutMs?: number | undefined
}

const TIMEOUT_MS = 30_000
const USER = 'kagami'
const BROKEN = 'the connection to the upstream broke before it answered'

/** Opens an http proxy that leads to `end`, for who has the password it makes up. */
export async function openLocalProxy(onward: Onward, end: Behind): Promise<Open<LocalProxy>> {
  const password = randomBytes(24).toString('hex')
  const expected = `Basic ${Buffer.from(`${USER}:${password}`).toString('base64')}`
  const failures = keepFailure()
  const mayPass = ({ headers }: IncomingMessage, target: string) =>
    headers['proxy-authorization'] !== expected
      ? '407 Proxy Authentication Required\r\nproxy-authenticate: Basic realm="kagami"'
      : target.toLowerCase() === hostWithPort(end).toLowerCase()
        ? null
        : '403 Forbidden'
  const server = createHttpServer((request, response) => {
    const url = URL.parse(request.url ?? '')
    const target =
      url?.protocol === 'http:' ? hostWithPort({ host: bare(url.hostname), port: Number(url.port || 80) }) : ''
    const refused = mayPass(request, target)
    if (refused === null)
      return void passRequest({ request, response, onward, end }).then(failures.clear, failures.keep(response))
    const [status = '', header] = refused.split('\r\n')
    response.writeHead(Number(status.slice(0, 3)), header ? { 'proxy-authenticate': header.split(': ')[1] } : {}).end()
  })
  server.on('connect', (request, socket, head) => {
    const refused = mayPass(request, request.url ?? '')
    socket.on('error', () => {})
    if (refused !== null) return void socket.end(`HTTP/1.1 ${refused}\r\ncontent-length: 0\r\n\r\n`)
    socket.unshift(head)
    const greeting = 'HTTP/1.1 200 OK\r\n\r\n'
    passBytes(socket as Socket, () => tunnelTo(onward, end), greeting).then(failures.clear, (error: unknown) => {
      failures.keep()(error)
      socket.end('HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n')
    })
  })
  // A first copy takes as long as it takes.
  server.requestTimeout = 0
  const { port, close } = await listen(server)
  return { local: { port, username: USER, password, failure: failures.last }, close }
}

/** Opens a port behind which is `end`. */
export async function openLocalPort(onward: Pick<Onward, 'tunnel'>, end: Behind): Promise<Open<LocalPort>> {
  const failures = keepFailure()
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
    socket.on('error', () => {})
    passBytes(socket, () => tunnelTo(onward, end), '').then(failures.clear, (error: unknown) => {
      failures.keep()(error)
      socket.destroy()
    })
  })
  const { port, close } = await listen(server)
  return { local: { port, failure: failures.last }, close }
}

const tunnelTo = ({ tunnel }: Pick<Onward, 'tunnel'>, { host, port, timeoutMs = TIMEOUT_MS }: Behind) =>
  tunnel(host, port, timeoutMs)

function keepFailure() {
  let last: Error | null = null
  return {
    last: () => last,
    // What failed once and then went well is no reason for what a program says later.
    clear: () => void (last = null),
    keep: (response?: ServerResponse) => (error: unknown) => {
      if (error instanceof SyncFailure) last = error
      if (response?.headersSent !== false) return void response?.destroy()
      // Otherwise it is the program that ended the connection.
      if (!response.destroyed) last ??= new SyncFailure('upstream_unreachable', BROKEN, { cause: error })
      response.writeHead(502).end()
    },
  }
}

const bare = (hostname: string) => hostname.replace(/^\[|\]$/g, '')

/** Throws when there is no connection; what happens on it later is for both of its ends to notice. */
async function passBytes(socket: Socket, open: () => Promise<Socket>, greeting: string): Promise<void> {
  const onward = await open()
  onward.on('error', () => {})
  if (greeting !== '') socket.write(greeting)
  const both = [pipeline(socket, onward), pipeline(onward, socket)]
  void Promise.allSettled(both)
  socket.once('close', () => onward.destroy())
  onward.once('close', () => socket.end())
}

interface Passing {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly onward: Onward
  readonly end: Behind
}

/** Headers that are for one connection alone. */
const OF_CONNECTION = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'expect',
])

function headersOf({ rawHeaders }: IncomingMessage): string[] {
  const kept: string[] = []
  for (let at = 0; at + 1 < rawHeaders.length; at += 2)
    if (!OF_CONNECTION.has(rawHeaders[at]!.toLowerCase())) kept.push(rawHeaders[at]!, rawHeaders[at + 1]!)
  return kept
}

async function passRequest({ request, response, onward, end }: Passing): Promise<void> {
  const url = new URL(request.url!)
  const { plain } = onward
  const socket = await (plain ? plain.connect(end.timeoutMs ?? TIMEOUT_MS) : tunnelTo(onward, end))
  const chunked = request.headers['transfer-encoding'] === undefined ? [] : ['transfer-encoding', 'chunked']
  const sent = sendRequest({
    createConnection: () => socket,
    method: request.method,
    path: plain ? url.href : `${url.pathname}${url.search}`,
    setHost: false,
    headers: [...headersOf(request), ...chunked, ...Object.entries(plain?.headers ?? {}).flat(), 'connection', 'close'],
  })
  response.once('close', () => sent.destroy())
  const answered = new Promise<IncomingMessage>((resolve, reject) => sent.once('response', resolve).on('error', reject))
  void pipeline(request, sent).catch(() => {})
  const answer = await answered
  const failure = plain?.refusal(answer.statusCode ?? 0, answer.headers)
  if (failure) throw failure
  response.writeHead(answer.statusCode ?? 502, answer.statusMessage ?? '', headersOf(answer))
  await pipeline(answer, response)
}

async function listen(server: Server): Promise<{ port: number; close(): void }> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    close() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}
