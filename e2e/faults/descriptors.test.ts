// descriptors.test.ts — A supervisor that may open few files, and readers who open more streams than that.
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { describe, expect, test } from 'vitest'
import { atFullSize } from '../harness/rounds.ts'
import { createPlace, startNats } from '../harness/place.ts'
import { freePort, MAIN, startThrough } from '../harness/programs.ts'
import { until } from '../harness/wait.ts'

const cases = [
  [64, 120],
  [256, 400],
] as const

/** Runs a program with a limit on open files. */
const limited = (limit: string) => ['/bin/sh', '-c', `ulimit ${limit}; exec "$@"`, 'sh']

describe('a supervisor', () => {
  const place = createPlace()

  const start = async (limit: string, name: string) => {
    const nats = await startNats(place, 'old', `nats-${name}`)
    const port = await freePort()
    const program = startThrough(place, {
      through: limited(limit),
      words: ['run', 'supervisor'],
      env: {
        KAGAMI_NATS_URL: nats.url,
        SUPERVISOR_HTTP_ADDR: `127.0.0.1:${port}`,
        SUPERVISOR_AUTH: 'none',
        SUPERVISOR_DATABASE_URL: `sqlite://${place.at(`${name}.db`)}?mode=rwc`,
      },
    })
    const url = `http://127.0.0.1:${port}`
    const answers = async (path: string, init?: RequestInit) =>
      (await fetch(url + path, { ...init, signal: AbortSignal.timeout(5000) })).status
    await until('it is ready', async () => (await answers('/readyz')) === 200, { seen: program.output })
    return { program, port, answers }
  }

  const openStreams = (port: number, count: number): Socket[] =>
    Array.from({ length: count }, () => {
      const socket = connect(port, '127.0.0.1')
      socket.on('error', () => {})
      socket.write(`GET /api/v1/stream HTTP/1.1\r\nHost: localhost:${port}\r\n\r\n`)
      return socket.pause()
    })

  test.each(atFullSize ? cases : cases.slice(0, 1))(
    'that may open %i files, with %i streams, lives, and answers and writes when they are gone',
    async (limit, count) => {
      const { program, port, answers } = await start(`-n ${limit}`, `hard-${limit}`)
      const streams = openStreams(port, count)
      // Longer than a look for its parent and for another supervisor takes: both are every one or two seconds.
      const at = Date.now()
      await until('it has looked', () => Date.now() - at > 4500)
      expect([program.child.exitCode, program.child.signalCode]).toEqual([null, null])
      for (const stream of streams) stream.destroy()
      await until('it answers', async () => (await answers('/healthz')) === 200, { seen: program.output })
      const body = JSON.stringify({ uses: 1 })
      const written = await answers('/api/v1/resources/none/sync', {
        method: 'POST',
        body,
        headers: { 'content-type': 'application/json' },
      })
      expect([written, await answers('/readyz')]).toEqual([404, 200])
      expect(program.output()).not.toMatch(/This is a fault|"stack"/)
      await program.kill('SIGTERM')
      expect(program.child.exitCode).toBe(0)
    },
  )

  test('raises a soft limit to the hard one', async () => {
    const { program } = await start('-Sn 128', 'soft')
    const [, soft, hard] = /Max open files\s+(\d+)\s+(\d+)/.exec(
      readFileSync(`/proc/${program.pid}/limits`, 'utf8'),
    ) ?? ['', '', '?']
    expect([soft, Number(soft) > 128]).toEqual([hard, true])
  })

  test('whose parent is killed ends', async () => {
    const nats = await startNats(place, 'old', 'nats-parent')
    const shell = spawn(
      process.execPath,
      [
        '-e',
        'const { spawn } = require("node:child_process"); const [, ...words] = process.argv;' +
          'spawn(words[0], words.slice(1), { stdio: "inherit" }); setInterval(() => {}, 1000)',
        process.execPath,
        MAIN,
        'run',
        'supervisor',
      ],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: {
          PATH: process.env['PATH'] ?? '',
          HOME: place.dir,
          KAGAMI_LOG: 'json',
          KAGAMI_LAUNCHED: '1',
          KAGAMI_NATS_URL: nats.url,
          SUPERVISOR_HTTP_ADDR: `127.0.0.1:${await freePort()}`,
          SUPERVISOR_AUTH: 'none',
          SUPERVISOR_DATABASE_URL: `sqlite://${place.at('parent.db')}?mode=rwc`,
        },
      },
    )
    let text = ''
    shell.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()))
    await until('it has started', () => text.includes('supervisor started'), { seen: () => text })
    shell.kill('SIGKILL')
    await until('it notices', () => text.includes('parent died'), { seen: () => text })
  })
})
