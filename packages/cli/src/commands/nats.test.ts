// nats.test.ts — kagami nats: join tokens, and what is refused before anything is written or sent.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { startApi } from '../testing/api-server.ts'
import { runKagami } from '../testing/run-kagami.ts'
import { secondsFromNow } from '../testing/samples.ts'

const dir = mkdtempSync(join(tmpdir(), 'kagami-nats-'))
afterAll(() => rmSync(dir, { recursive: true }))

const token = (id: string, expires: number, worker: string | null = null) => ({
  id,
  worker_id: worker,
  uses: 5,
  used: 2,
  made_at: secondsFromNow(-60),
  made_by: 'token',
  expires_at: secondsFromNow(expires),
})
const api = await startApi({
  makeJoinToken: ({ body }) => ({ ...token('t-1', 3600), uses: body.uses ?? 1, token: 'kgj_secret' }),
  listJoinTokens: () => [token('t-1', 7200, 'w-7'), token('t-0', -1)],
  removeJoinToken: () => undefined,
})
const run = (line: string) => runKagami(line, api.env)

describe('kagami nats token', () => {
  it('prints the token alone on stdout, so that $(…) takes it', async () => {
    const { code, stdout, stderr } = await run('nats token')
    expect([code, stdout]).toEqual([0, 'kgj_secret\n'])
    expect(stderr).toMatch(/^Valid for 1 worker until \S+; .*KAGAMI_JOIN_TOKEN/)
    expect(api.asked.at(-1)?.body).toEqual({ expires_secs: 86_400, uses: 1, worker_id: null })
  })
  it.each([
    ['90', 90],
    ['45s', 45],
    ['30m', 1800],
    ['24h', 86_400],
    ['7d', 604_800],
  ])('--expires %s is %i seconds', async (text, seconds) => {
    await run(`nats token --expires ${text} --uses 3 --worker w-7`)
    expect(api.asked.at(-1)?.body).toEqual({ expires_secs: seconds, uses: 3, worker_id: 'w-7' })
  })
  it.each([
    ['--expires tomorrow', '--expires: must be a time such as 30m, 24h or 7d, not "tomorrow"'],
    ['--expires 1.5h', '--expires: must be a time'],
    ['--uses many', '--uses: must be a whole number, not "many"'],
    ['--uses -1', '--uses: must be a whole number, not "-1"'],
  ])('%s is refused', async (words, text) => {
    const before = api.asked.length
    const { code, stdout, stderr } = await run(`nats token ${words}`)
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toContain(text)
    expect(api.asked).toHaveLength(before)
  })
})

it('kagami nats tokens lists them without their secrets, and removes one', async () => {
  const { stdout } = await run('nats tokens')
  expect(stdout).toMatch(
    /^ID +USED +WORKER +EXPIRES +MADE BY\nt-1 +2\/5 +w-7 +in 2h +token\nt-0 +2\/5 +any +expired +token\n$/,
  )
  expect((await run('nats tokens remove t-1')).stdout).toBe('Removed t-1\n')
  expect(api.asked.at(-1)).toMatchObject({ name: 'removeJoinToken', params: { id: 't-1' } })
})

describe('kagami nats init', () => {
  it('writes nothing over what is there, and nothing for a port that is none', async () => {
    const taken = await run(`nats init --dir ${tmpdir()}`)
    expect([taken.code, taken.stderr]).toEqual([2, expect.stringContaining('Keys are never overwritten')])
    for (const port of ['0', '70000', 'http']) {
      const { code, stdout, stderr } = await run(`nats init --dir ${join(dir, 'new')} --port ${port}`)
      expect([code, stdout]).toEqual([2, ''])
      expect(stderr).toContain(`--port: must be 1 to 65535, not "${port}"`)
    }
    expect(readdirSync(dir)).toEqual([])
  })
  it('explains what was written and what to do next, in order', async () => {
    const { code, stdout } = await run(
      `nats init --dir ${join(dir, 'made')} --host nats.example.org --server-version v2.10.7`,
    )
    expect(code).toBe(0)
    expect(stdout).toContain(`A locked NATS was written to ${join(dir, 'made')}\n`)
    expect(stdout).toContain('The configuration is for nats-server 2.10.7.\n')
    expect(stdout).toContain(`nats-server -c ${join(dir, 'made', 'server', 'nats-server.conf')}\n`)
    expect(stdout).toContain('It reaches NATS at tls://nats.example.org:4222')
    expect(stdout.match(/^\d\. /gm)).toEqual(['1. ', '2. ', '3. ', '4. '])
  })
  it('names no version that it does not know', async () => {
    const { stdout } = await runKagami(`nats init --dir ${join(dir, 'any')}`, { ...api.env, PATH: '/nonexistent' })
    expect(stdout).toMatch(/The configuration is for (any nats-server from 2\.9\.10 on|nats-server \d)/)
    expect(stdout).not.toMatch(/null|undefined|\n\n\n/)
  })
  it('gives a new certificate only where the keys are', async () => {
    const missing = await run(`nats certificate --dir ${join(dir, 'nowhere')} --host a`)
    expect([missing.code, missing.stderr]).toEqual([2, expect.stringContaining('is missing')])
  })
})
