// events.test.ts — kagami events: what is asked for, and how it is shown and followed.
import { spawn } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { AuditEntry } from '@kagami/protocol'
import { describe, expect, it, onTestFinished } from 'vitest'
import { startApi } from '../testing/api-server.ts'
import { runKagami } from '../testing/run-kagami.ts'
import { aPage } from '../testing/samples.ts'

const entry = (id: number, change: Partial<AuditEntry> = {}): AuditEntry => ({
  id,
  at: `2026-11-28T12:00:0${id}.000Z`,
  actor: 'token',
  remote: '10.0.0.7',
  action: 'pause',
  target: 'r-1',
  target_name: 'debian@sh-12',
  detail: 'upstream broke',
  result: 'ok',
  ...change,
})

/** Starts the command as a program; `until` resolves once it has written a text that fits. */
function startFollowing(env: Readonly<Record<string, string>>) {
  const child = spawn(process.execPath, [join(import.meta.dirname, '..', 'main.ts'), 'events', '-f', '--json'], {
    env: { PATH: process.env['PATH'], HOME: '/nonexistent', ...env },
  })
  onTestFinished(() => void child.kill())
  const written = { stdout: '', stderr: '' }
  const heard = new EventEmitter()
  for (const name of ['stdout', 'stderr'] as const)
    child[name].setEncoding('utf8').on('data', (part: string) => {
      written[name] += part
      heard.emit('more')
    })
  return {
    ids: () =>
      written.stdout
        .split('\n')
        .filter(Boolean)
        .map((line) => (JSON.parse(line) as AuditEntry).id),
    async until(has: (written: { stdout: string; stderr: string }) => boolean) {
      while (!has(written)) await once(heard, 'more')
    },
  }
}

describe('kagami events', () => {
  it('shows who did what, with names where there are some', async () => {
    const api = await startApi({ audit: () => aPage(entry(2, { target_name: null, target: 'gone-1' }), entry(1)) })
    const { code, stdout } = await runKagami('events', api.env)
    expect(code).toBe(0)
    expect(stdout.split('\n').map((line) => line.trim().split(/ {2,}/))).toEqual([
      ['WHEN', 'WHO', 'ACTION', 'TARGET', 'RESULT', 'DETAIL', 'FROM'],
      ['2026-11-28 12:00:02Z', 'token', 'pause', 'gone-1', 'ok', 'upstream broke', '10.0.0.7'],
      ['2026-11-28 12:00:01Z', 'token', 'pause', 'debian@sh-12', 'ok', 'upstream broke', '10.0.0.7'],
      [''],
    ])
  })
  it('asks for what was filtered, and says when there is nothing', async () => {
    const api = await startApi({ audit: () => aPage() })
    const { stdout, stderr } = await runKagami('events --target debian@sh-12 --action pause,resume --refused', api.env)
    expect([stdout, stderr]).toEqual(['', 'Nothing of this kind is on record.\n'])
    expect(api.asked[0]?.query).toMatchObject({ target: 'debian@sh-12', action: 'pause,resume', result: 'refused' })
  })

  it('-f shows the last ones, then each that comes, oldest first; no event comes twice or is left out', async () => {
    const later = [[entry(3)], [], [entry(4), entry(5)]]
    const api = await startApi({
      audit: ({ query }) => (query?.since === undefined ? aPage(entry(2), entry(1)) : aPage(...(later.shift() ?? []))),
    })
    const events = startFollowing(api.env)
    await events.until(({ stdout }) => stdout.trim().split('\n').length >= 5)
    expect(events.ids()).toEqual([1, 2, 3, 4, 5])
    expect(api.asked.map(({ query }) => query['since']).filter((since) => since !== undefined)).toEqual([2, 3, 3])
  })

  it('-f says that the supervisor is away, and afterwards shows what came meanwhile', async () => {
    const entries = [entry(1)]
    const open = (port = 0) =>
      new Promise<Server>((resolve) => {
        const server = createServer((request, response) => {
          const since = Number(new URL(request.url ?? '', 'http://x').searchParams.get('since') ?? 0)
          const items = entries.filter(({ id }) => id > since)
          response.setHeader('content-type', 'application/json')
          response.end(JSON.stringify({ items, next_cursor: null, total: items.length }))
        }).listen(port, '127.0.0.1', () => resolve(server))
      })
    const close = (server: Server) => new Promise((resolve) => server.close(resolve).closeAllConnections())
    const first = await open()
    const { port } = first.address() as AddressInfo
    const events = startFollowing({ KAGAMI_API: `http://127.0.0.1:${port}` })
    await events.until(({ stdout }) => stdout !== '')
    await close(first)
    await events.until(({ stderr }) => stderr.includes('does not answer'))
    entries.push(entry(2), entry(3))
    const second = await open(port)
    await events.until(({ stderr }) => stderr.includes('is back'))
    await close(second)
    expect(events.ids()).toEqual([1, 2, 3])
  })
})
