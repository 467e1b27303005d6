// large-body.test.ts — What a real client gets that is still sending a body that was refused.
import { once } from 'node:events'
import { connect } from 'node:net'
import { createLogger } from '@kagami/runtime'
import fastify from 'fastify'
import { afterAll, describe, expect, test } from 'vitest'
import { answerError } from './errors.ts'
import { answerAndDiscard } from './large-body.ts'

const PIECE = Buffer.alloc(64 * 1024, 'x')
const logger = createLogger('test', { LOG_LEVEL: 'silent' })
const server = fastify({ bodyLimit: 1024 * 1024, requestTimeout: 30_000, forceCloseConnections: true })
server.setErrorHandler((error, request, reply) =>
  request.url === '/little-patience'
    ? reply
        .code(413)
        .headers({ connection: 'close', 'content-length': 2 })
        .send(answerAndDiscard('{}', request.raw, { bytes: 2 * 1024 * 1024, ms: 60_000 }))
    : answerError(error, request, reply, logger),
)
server.post('/*', () => ({}))
const listening = server.listen({ host: '127.0.0.1', port: 0 })
afterAll(() => server.close())

/** Sends a body in pieces, with a pause after each; reports what it got and whether it could send everything. */
async function send(path: string, bytes: number, { pauseMs, chunked = false }: { pauseMs: number; chunked?: boolean }) {
  const socket = connect(Number(new URL(await listening).port), '127.0.0.1')
  const closed = once(socket, 'close').catch(() => {})
  const seen = { answer: '', error: '', sent: 0 }
  socket.on('data', (chunk) => (seen.answer += String(chunk)))
  socket.on('error', (error: NodeJS.ErrnoException) => (seen.error = error.code ?? error.message))
  const length = chunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${bytes}`
  socket.write(`POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n${length}\r\n\r\n`)
  while (seen.sent < bytes && socket.writable) {
    if (chunked) socket.write(`${PIECE.length.toString(16)}\r\n`)
    const taken = socket.write(PIECE)
    if (chunked) socket.write('\r\n')
    if (!taken) await Promise.race([once(socket, 'drain').catch(() => {}), closed])
    await new Promise((resolve) => setTimeout(resolve, pauseMs))
    seen.sent += PIECE.length
  }
  if (chunked) socket.write('0\r\n\r\n')
  await closed
  const [head = '', body = ''] = seen.answer.split('\r\n\r\n')
  return { ...seen, status: head.split('\r\n')[0], closes: /^connection: close$/im.test(head), body }
}

describe('a body that is too large', () => {
  test.each([
    ['at full speed', { pauseMs: 0 }],
    ['slowly', { pauseMs: 5 }],
    ['slowly, without saying how large it is', { pauseMs: 5, chunked: true }],
  ])('is refused with an answer that a client sending it %s can read', async (_, how) => {
    const bytes = 20 * 1024 * 1024
    const { status, closes, body, error, sent } = await send('/', bytes, how)
    expect({ status, closes, error, sent }).toEqual({
      status: 'HTTP/1.1 413 Payload Too Large',
      closes: true,
      error: '',
      sent: bytes,
    })
    expect(JSON.parse(body)).toMatchObject({ error: { code: 'body_too_large', hint: 'Send at most 1 MiB.' } })
  })

  test('is not read for ever: after the limit the connection is closed', async () => {
    const { status, sent } = await send('/little-patience', 100 * 1024 * 1024, { pauseMs: 1 })
    expect(status).toBe('HTTP/1.1 413 Payload Too Large')
    expect(sent).toBeLessThan(90 * 1024 * 1024)
  })
})
