// pipeline.test.ts — Many requests over few connections, against servers that cut, close, chunk and delay: every
// response reaches its own request.
import { createServer, type Server, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { createPeers } from '../sync/peers.ts'
import { createPipeline } from './pipeline.ts'
import type { Pipeline } from './pipeline-request.ts'
import { Truncated } from './message.ts'

let server: Server | null = null
let pipeline: Pipeline | null = null
let connections = 0
let most = 0

afterEach(async () => {
  pipeline?.close()
  const closing = server
  if (closing) await new Promise((resolve) => closing.close(resolve))
  server = null
})

/** Answers what one socket requested so far, by the paths in order. */
type Answers = (socket: Socket, paths: string[]) => void

async function serve(answers: Answers): Promise<URL> {
  connections = 0
  most = 0
  let now = 0
  server = createServer((socket) => {
    connections++
    most = Math.max(most, ++now)
    let text = ''
    socket
      .setNoDelay(true)
      .on('error', () => {})
      .on('close', () => now--)
      .on('data', (piece) => {
        text += piece.toString('latin1')
        const heads = text.split('\r\n\r\n')
        text = heads.pop()!
        if (heads.length > 0)
          answers(
            socket,
            heads.map((head) => head.split(' ')[1]!),
          )
      })
  })
  await new Promise<void>((resolve) => server!.listen(0, '127.0.0.1', resolve))
  return new URL(`http://127.0.0.1:${(server.address() as { port: number }).port}/`)
}

/** Requests /0 … /n-1 at once; returns what each got, or its error. */
async function askAll(origin: URL, count: number): Promise<(string | Error)[]> {
  pipeline = createPipeline({
    origin,
    peers: createPeers({ publicOnly: false, known: null }),
    signal: new AbortController().signal,
    connections: 3,
    depth: 8,
    idleMs: 30_000,
  })
  return await Promise.all(
    Array.from(
      { length: count },
      (_, index) =>
        new Promise<string | Error>((resolve) => {
          let body = ''
          pipeline!.send({
            path: `/${index}`,
            headers: {},
            head: (status) => void (body = `${status} `),
            data: (chunk) => void (body += chunk.toString()),
            end: () => resolve(body),
            fail: (error) => resolve(error as Error),
          })
        }),
    ),
  )
}

const expected = (count: number) => Array.from({ length: count }, (_, index) => `200 body of /${index}`)
const whole = (path: string, more = '') =>
  `HTTP/1.1 200 OK\r\ncontent-length: ${`body of ${path}`.length}\r\n${more}\r\nbody of ${path}`

describe('every request gets its own response from a server that', () => {
  it('answers many at once, in one packet', async () => {
    expect(
      await askAll(await serve((socket, paths) => socket.write(paths.map((path) => whole(path)).join(''))), 100),
    ).toEqual(expected(100))
    expect(most).toBeLessThanOrEqual(3)
  })

  it('sends byte by byte', async () => {
    const dribble = (socket: Socket, text: string) =>
      void (text === '' || socket.write(text[0]!, () => dribble(socket, text.slice(1))))
    expect(
      await askAll(await serve((socket, paths) => dribble(socket, paths.map((path) => whole(path)).join(''))), 20),
    ).toEqual(expected(20))
  })

  it('closes after each answer, saying so or not', async () => {
    expect(
      await askAll(await serve((socket, paths) => socket.end(whole(paths[0]!, 'connection: close\r\n'))), 20),
    ).toEqual(expected(20))
    pipeline?.close()
    server?.close()
    expect(
      await askAll(
        await serve((socket, paths) =>
          socket.end(`HTTP/1.0 200 OK\r\ncontent-length: ${`body of ${paths[0]}`.length}\r\n\r\nbody of ${paths[0]}`),
        ),
        20,
      ),
    ).toEqual(expected(20))
    pipeline?.close()
    server?.close()
    expect(await askAll(await serve((socket, paths) => socket.end(whole(paths[0]!))), 20)).toEqual(expected(20))
  })

  it('closes after some answers while more are asked', async () => {
    const given = new WeakMap<Socket, number>()
    const origin = await serve((socket, paths) => {
      for (const path of paths) {
        const count = (given.get(socket) ?? 0) + 1
        given.set(socket, count)
        if (count === 5) return void socket.end(whole(path, 'connection: close\r\n'))
        socket.write(whole(path))
      }
    })
    expect(await askAll(origin, 60)).toEqual(expected(60))
    expect(connections).toBeGreaterThan(10)
  })

  it('answers in chunks', async () => {
    const chunked = (path: string) =>
      `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nbody ` +
      `\r\n${`of ${path}`.length.toString(16)}\r\nof ${path}\r\n0\r\n\r\n`
    expect(
      await askAll(
        await serve((socket, paths) =>
          paths.forEach((path, index) => socket.write(index % 2 ? whole(path) : chunked(path))),
        ),
        40,
      ),
    ).toEqual(expected(40))
  })
})

describe('an answer that breaks off', () => {
  it('fails its own request only', async () => {
    const origin = await serve((socket, paths) => {
      for (const path of paths) {
        if (path === '/7') return void socket.end('HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nonly this')
        socket.write(whole(path))
      }
    })
    const got = await askAll(origin, 20)
    expect(got[7]).toBeInstanceOf(Truncated)
    expect(got.toSpliced(7, 1)).toEqual(expected(20).toSpliced(7, 1))
  })

  it('fails them all when nothing else ever comes', async () => {
    const got = await askAll(await serve((socket) => socket.destroy()), 10)
    expect(got.every((one) => one instanceof Error)).toBe(true)
    expect(connections).toBeLessThan(20)
  })

  it('is no place to smuggle another answer in', async () => {
    const smuggled = `${whole('/0')}HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil`
    let first = true
    const got = await askAll(
      await serve((socket, paths) => {
        for (const path of paths) socket.write(first && path === '/0' ? smuggled : whole(path))
        first = false
      }),
      1,
    )
    expect(got).toEqual(expected(1))
  })
})
