// test-upstream.test.ts — kagami replicas test: what is sent for a replica and for an upstream, what is printed, and
// the exit code.
import type { Trial } from '@kagami/protocol'
import { expect, it } from 'vitest'
import { startApi } from '../testing/api-server.ts'
import { runKagami } from '../testing/run-kagami.ts'
import { aReplica, aWorker } from '../testing/samples.ts'

const good: Trial = {
  ok: true,
  reason: null,
  hint: null,
  steps: [
    { what: 'dns', ok: true, detail: '192.0.2.1', ms: 3 },
    { what: 'answer', ok: true, detail: 'module debian: 3 folders and 2 files at its top', ms: 41 },
  ],
  duration_ms: 50,
  free_bytes: 2_300_000_000_000,
}
const bad: Trial = {
  ...good,
  ok: false,
  reason: 'upstream_missing',
  hint: 'Check the path.',
  steps: [{ what: 'later', ok: false, detail: 'there is none', ms: 5 }],
}
const api = await startApi({
  getReplica: () => aReplica({ options: { compress: false } }),
  getWorker: () => aWorker(),
  tryUpstream: ({ body }) => (body.upstream.includes('none') ? bad : good),
})
const run = (...words: string[]) => runKagami(['replicas', 'test', ...words].join(' '), api.env)

it('tests a replica with its own options and credentials, and says what was found', async () => {
  const { code, stdout, stderr } = await run('debian@sh-12')
  expect(code).toBe(0)
  expect(stdout).toMatch(/✓ ok +DNS +3 ms +192\.0\.2\.1\n✓ ok +upstream +41 ms +module debian/)
  expect(stderr).toMatch(/sh-12 can mirror rsync:.*2\.\d+ Ti?B are free on sh-12/)
  expect(api.asked.at(-1)).toMatchObject({
    name: 'tryUpstream',
    body: { kind: 'rsync', replica_id: 'r-1', options: { compress: false } },
  })
})

it('tests an upstream on a worker, of the kind that it looks like or that is given', async () => {
  const upstream = 'rsync://rsync.example.org/debian/'
  expect((await run(upstream, '--worker', 'sh-12', '--option', 'compress=false')).code).toBe(0)
  expect(api.asked.at(-1)!.body).toEqual({ upstream, kind: 'rsync', options: { compress: false } })
  await run('https://example.org/tool', '--worker', 'sh-12', '--kind', 'git')
  expect(api.asked.at(-1)!.body).toMatchObject({ kind: 'git' })
})

it('ends with 1 when a sync would fail, and says what to do', async () => {
  const { code, stdout, stderr } = await run('http://example.org/none', '--worker', 'sh-12')
  expect([code, stdout]).toEqual([1, expect.stringMatching(/✕ failed +later +5 ms +there is none/)])
  expect(stderr).toContain('hint: Check the path.')
})

it('prints for programs what the API answered', async () => {
  const { code, stdout } = await run('http://example.org/none', '--worker', 'sh-12', '--json')
  expect([code, JSON.parse(stdout)]).toEqual([1, bad])
})

it('asks for the worker of an upstream', async () => {
  const { code, stderr } = await run('http://example.org/none')
  expect([code, stderr]).toEqual([2, expect.stringContaining('--worker WORKER')])
})
