// events.test.ts — kagami events: what is asked for, and how it is shown and followed.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import type { AuditEntry } from '@kagami/protocol'
import { describe, expect, it } from 'vitest'
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
    const main = join(import.meta.dirname, '..', 'main.ts')
    const child = spawn(process.execPath, [main, 'events', '-f', '--json'], {
      env: { PATH: process.env['PATH'], HOME: '/nonexistent', ...api.env },
    })
    let text = ''
    for await (const part of child.stdout.setEncoding('utf8')) {
      text += part as string
      if (text.trim().split('\n').length >= 5) break
    }
    child.kill()
    expect(
      text
        .trim()
        .split('\n')
        .map((line) => (JSON.parse(line) as AuditEntry).id),
    ).toEqual([1, 2, 3, 4, 5])
    expect(api.asked.map(({ query }) => query['since']).filter((since) => since !== undefined)).toEqual([2, 3, 3])
  })
})
