// dial.test.ts — A tunnel carries every byte of both sides, however the proxy cuts its answers, and no host or secret
// changes what the proxy is asked.
import { createServer, type AddressInfo, type Socket } from 'node:net'
import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { openTunnel } from './dial.ts'
import type { ProxyServer } from './server.ts'

const stops: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
})

const listening = async (serve: (socket: Socket) => void): Promise<number> => {
  const server = createServer((socket) => serve(socket.setNoDelay(true).on('error', () => {})))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  stops.push(() => new Promise((resolve) => void server.close(() => resolve())))
  return (server.address() as AddressInfo).port
}

/** Writes pieces one after the other, each as a packet of its own as far as the system lets it. */
const writePieces = async (socket: Socket, bytes: Buffer, cuts: readonly number[]): Promise<void> => {
  const ends = [...new Set([...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length])].sort((a, b) => a - b)
  let from = 0
  for (const end of ends) {
    if (end > from) await new Promise<void>((resolve) => socket.write(bytes.subarray(from, end), () => resolve()))
    from = end
  }
}

const everything = async (socket: Socket): Promise<Buffer> => {
  const chunks: Buffer[] = []
  for await (const chunk of socket) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

const proxyAt = (scheme: ProxyServer['scheme'], port: number, login: ProxyServer['login'] = null): ProxyServer => ({
  scheme,
  host: '127.0.0.1',
  port,
  login,
})
const patience = { signal: new AbortController().signal, timeoutMs: 10_000 }
const END = { host: 'mirror.example', port: 873 }

describe('a tunnel', () => {
  it('of an HTTP proxy begins where its answer ends, however that is cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(400), { maxLength: 6 }),
        fc.uint8Array({ maxLength: 300 }),
        fc.array(fc.constantFrom('x: y\r\n', 'via: 1.1 a b\r\n', `long: ${'z'.repeat(3000)}\r\n`), { maxLength: 3 }),
        async (cuts, payload, headers) => {
          const answer = Buffer.from(`HTTP/1.0 200 Connection established\r\n${headers.join('')}\r\n`)
          const port = await listening(
            (socket) =>
              void socket.once('data', () => {
                void writePieces(socket, Buffer.concat([answer, payload]), cuts).then(() => socket.end())
              }),
          )
          const socket = await openTunnel(proxyAt('http', port), END, patience)
          expect(await everything(socket)).toEqual(Buffer.from(payload))
          await stops.pop()!()
        },
      ),
      { numRuns: 60 },
    )
  })

  it('of a SOCKS proxy begins where its answer ends, whatever address is in that', async () => {
    const address = fc.oneof(
      fc.uint8Array({ minLength: 4, maxLength: 4 }).map((bytes) => [1, ...bytes]),
      fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => [4, ...bytes]),
      fc.uint8Array({ maxLength: 255 }).map((bytes) => [3, bytes.length, ...bytes]),
    )
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(400), { maxLength: 6 }),
        fc.uint8Array({ maxLength: 300 }),
        address,
        async (cuts, payload, bound) => {
          const answer = Buffer.from([5, 0, 0, ...bound, 0, 80])
          const port = await listening((socket) => {
            socket.once('data', () => {
              socket.write(Buffer.from([5, 0]))
              socket.once(
                'data',
                () => void writePieces(socket, Buffer.concat([answer, payload]), cuts).then(() => socket.end()),
              )
            })
          })
          const socket = await openTunnel(proxyAt('socks5h', port), END, patience)
          expect(await everything(socket)).toEqual(Buffer.from(payload))
          await stops.pop()!()
        },
      ),
      { numRuns: 60 },
    )
  })

  it('or a failure that names the proxy is all that any answer leads to', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('http' as const, 'socks5h' as const),
        fc.oneof(
          fc.uint8Array({ maxLength: 60 }),
          fc.uint8Array({ maxLength: 30 }).map((rest) => Uint8Array.from([5, 2, 1, 0, 5, ...rest])),
          fc.integer({ min: 100, max: 999 }).map((status) => Buffer.from(`HTTP/1.1 ${status} x\r\n\r\n`)),
        ),
        async (scheme, answer) => {
          const port = await listening((socket) => void socket.once('data', () => socket.end(answer)))
          const server = proxyAt(scheme, port, { username: 'worker', password: 'proxysecret' })
          const result = await openTunnel(server, END, patience).catch((error: Error) => error)
          if (result instanceof Error) {
            expect(result.message).toContain(`${scheme}://127.0.0.1:${port}`)
            expect(result.message).not.toContain('proxysecret')
          } else result.destroy()
          await stops.pop()!()
        },
      ),
      { numRuns: 100 },
    )
  })
})

describe('what a proxy is asked', () => {
  it('is never more than its words can say', async () => {
    const asked: Buffer[] = []
    const port = await listening((socket) => {
      socket.on('data', (chunk) => asked.push(chunk))
      socket.once('data', () => socket.write(Buffer.from([5, 2])))
    })
    const long = 'x'.repeat(256)
    const server = proxyAt('socks5h', port, { username: 'u', password: long })
    await expect(openTunnel(server, END, patience)).rejects.toMatchObject({ reason: 'auth_rejected' })
    const named = openTunnel(proxyAt('socks5h', port), { host: long, port: 80 }, patience)
    await expect(named).rejects.toMatchObject({ reason: 'upstream_unreachable' })
    expect(Buffer.concat(asked)).toEqual(Buffer.from([5, 2, 0, 2]))
  })

  it('is the host and the credentials byte for byte, by SOCKS', async () => {
    let got = Buffer.alloc(0)
    const port = await listening((socket) => {
      socket.on('data', (chunk) => {
        got = Buffer.concat([got, chunk])
        if (got.length === 4) socket.write(Buffer.from([5, 2]))
        else if (got.at(-1) === 0x21) socket.write(Buffer.from([1, 0]))
        else socket.end(Buffer.from([5, 2, 0, 1, 0, 0, 0, 0, 0, 0]))
      })
    })
    const login = { username: 'wörker', password: 'p: ss!' }
    const asking = openTunnel(proxyAt('socks5h', port, login), { host: '2001:db8::7', port: 22 }, patience)
    await expect(asking).rejects.toMatchObject({
      reason: 'upstream_refused',
      message: `the proxy socks5h://127.0.0.1:${port} does not let this worker connect to [2001:db8::7]:22`,
    })
    const address = Buffer.from('20010db8000000000000000000000007', 'hex')
    expect(got).toEqual(
      Buffer.concat([
        Buffer.from([5, 2, 0, 2, 1, 7]),
        Buffer.from('wörker'),
        Buffer.from([6]),
        Buffer.from('p: ss!'),
        Buffer.from([5, 1, 0, 4]),
        address,
        Buffer.from([0, 22]),
      ]),
    )
  })
})
