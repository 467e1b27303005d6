// hostile.ts — Upstreams that cut, flip, fall silent, drip and flood, for tests: a proxy before a real daemon, a liar
// before a real web server, bare sockets. No assertions.
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { connect, createServer, type Server, type Socket } from 'node:net'

export interface HostileUpstream {
  readonly port: number
  stop(): Promise<void>
}

export interface Tampering {
  /** Bytes of each connection's answer that pass as they are. */
  readonly after: number
  /**
   * What happens then: the connection is cut; nothing more comes; one byte comes a second; one byte is turned over and
   * all else passes.
   */
  readonly how: 'cut' | 'silence' | 'drip' | 'flip'
}

/** Passes everything between a client and the daemon on `port`, but for what `tampering` says of the answers. */
export function startTamperingProxy(port: number, tampering: Tampering): Promise<HostileUpstream> {
  return startBareServer((client) => {
    const upstream = connect({ host: '127.0.0.1', port }).on('error', () => {})
    client.once('close', () => upstream.destroy())
    upstream.once('close', () => client.end())
    client.pipe(upstream)
    let seen = 0
    upstream.on('data', (chunk: Buffer) => {
      const at = tampering.after - seen
      seen += chunk.length
      if (at >= chunk.length || at < 0) return void client.write(chunk)
      if (tampering.how !== 'flip') client.write(chunk.subarray(0, at))
      TAMPER[tampering.how]({ client, upstream, chunk, at })
    })
  })
}

interface Hit {
  readonly client: Socket
  readonly upstream: Socket
  readonly chunk: Buffer
  readonly at: number
}

const TAMPER: Readonly<Record<Tampering['how'], (hit: Hit) => void>> = {
  cut: ({ client, upstream }) => {
    upstream.destroy()
    client.destroySoon()
  },
  silence: ({ upstream }) => void upstream.pause(),
  drip: ({ client, upstream, chunk, at }) => {
    upstream.pause()
    let next = at
    const timer = setInterval(() => client.write(chunk.subarray(next, ++next)), 1000)
    client.once('close', () => clearInterval(timer))
  },
  flip: ({ client, chunk, at }) => {
    chunk[at]! ^= 0x01
    client.write(chunk)
  },
}

/** Answers each connection with whatever `serve` writes into it. */
export async function startBareServer(serve: (socket: Socket) => void): Promise<HostileUpstream> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => {}).once('close', () => sockets.delete(socket)))
    serve(socket)
  })
  return opened(server, () => sockets.forEach((socket) => socket.destroy()))
}

/** Writes a piece over and over, as fast as it is taken. */
export function flood(into: Socket | ServerResponse, piece: string | Buffer): void {
  const more = () => void (into.destroyed || into.write(piece, () => setImmediate(more)))
  more()
}

export interface HostileRequest {
  readonly request: IncomingMessage
  /** What the client sends; a lie may change it before it reaches the upstream. */
  readonly asked: Buffer
  readonly response: ServerResponse
  /** What the upstream answers to this question. */
  answer(asked?: Buffer): Promise<{ status: number; type: string; body: Buffer }>
}

/**
 * A web server before another one: `lie` answers a request itself and returns true, or leaves it to be answered truly.
 */
export async function startLyingServer(
  upstream: string,
  lie: (exchange: HostileRequest) => Promise<boolean> | boolean,
): Promise<HostileUpstream> {
  const server = createHttpServer((request, response) => {
    // A client that gives up in the middle is what these tests are about.
    exchange(upstream, request, response, lie).catch(() => response.destroy())
  })
  return opened(server, () => server.closeAllConnections())
}

async function exchange(
  upstream: string,
  request: IncomingMessage,
  response: ServerResponse,
  lie: (exchange: HostileRequest) => Promise<boolean> | boolean,
): Promise<void> {
  const parts: Buffer[] = []
  for await (const part of request) parts.push(part as Buffer)
  const asked = Buffer.concat(parts)
  const headers = Object.fromEntries(
    ['content-type', 'content-encoding', 'git-protocol', 'accept'].flatMap((name) =>
      request.headers[name] === undefined ? [] : [[name, String(request.headers[name])]],
    ),
  )
  const answer = async (question = asked) => {
    const got = await fetch(upstream + (request.url ?? '/'), {
      method: request.method,
      headers,
      ...(request.method === 'POST' ? { body: new Uint8Array(question) } : {}),
    })
    return {
      status: got.status,
      type: got.headers.get('content-type') ?? '',
      body: Buffer.from(await got.arrayBuffer()),
    }
  }
  if (await lie({ request, asked, response, answer })) return
  const { status, type, body } = await answer()
  response.writeHead(status, { 'content-type': type, 'content-length': body.length }).end(body)
}

async function opened(server: Server, close: () => void): Promise<HostileUpstream> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return {
    port: typeof address === 'object' && address ? address.port : 0,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        close()
      }),
  }
}

/** An rsync daemon that greets, takes every module, and lists files without end: protocol 29, whose lists are plain. */
export function startEndlessLister(): Promise<HostileUpstream> {
  return startBareServer((socket) => {
    let said = ''
    let step = 0
    socket.write('@RSYNCD: 29.0\n')
    socket.on('data', (chunk: Buffer) => {
      said += chunk.toString('latin1')
      // Greeting and module have come, then arguments up to an empty one.
      if (step === 0 && said.split('\n').length > 2) socket.write('@RSYNCD: OK\n', () => step++)
      if (step !== 1 || !said.endsWith('\n\n')) return
      step++
      const folder = listed(0x18, '.', [4096, DATE, 0o40755])
      socket.write(Buffer.concat([Buffer.alloc(4, 1), framed([folder, listed(0x18, 'a', [1, DATE, 0o100644])])]))
      // Time, mode and owner as before.
      flood(
        socket,
        framed(Array.from({ length: 1500 }, (_, index) => listed(0x9a, index.toString(16).padStart(8, '0'), [1]))),
      )
    })
  })
}

const DATE = 1_600_000_000

function listed(flags: number, name: string, numbers: readonly number[]): Buffer {
  return Buffer.concat([
    Buffer.from([flags, name.length]),
    Buffer.from(name, 'latin1'),
    Buffer.from(Uint32Array.from(numbers).buffer),
  ])
}

/** A message of rsync that carries data. */
function framed(parts: readonly Buffer[]): Buffer {
  const data = Buffer.concat(parts)
  return Buffer.concat([Buffer.from(Uint32Array.of((7 << 24) | data.length).buffer), data])
}
