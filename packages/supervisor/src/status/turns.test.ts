// turns.test.ts — While answers about many mirrors are made, everything else has its turn, and each is made once.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sampleHeartbeat } from '@kagami/protocol/testing/samples'
import fastify, { type FastifyInstance } from 'fastify'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { applyHeartbeat, putWorker } from '../core/fleet.ts'
import type { Services } from '../services.ts'
import { openServices, recordOf } from '../testing/services.ts'
import { makeReplica } from '../testing/states.ts'
import { serveStatus } from './status.ts'

const MIRRORS = 2000
const dir = mkdtempSync(join(tmpdir(), 'kagami-status-'))
let server: FastifyInstance
let services: Services
let clock: Awaited<ReturnType<typeof openServices>>['clock']

beforeAll(async () => {
  ;({ services, clock } = await openServices(dir))
  const config = { status: true, status_title: 'Mirrors', address: { host: 'localhost', port: 1 } } as never
  const worker = putWorker(services.fleet, recordOf('w-0001'), Date.now())
  const replicas = Array.from({ length: MIRRORS }, (_, index) => makeReplica('w-0001', index, 1))
  applyHeartbeat(services.fleet, worker, sampleHeartbeat({ worker_id: 'w-0001', replicas }), Date.now())
  server = fastify()
  serveStatus(server, { ...services, config, startedAt: new Date() })
  await server.ready()
})

afterAll(async () => {
  await server.close()
  await services.store.close()
  rmSync(dir, { recursive: true, force: true })
})

/** How often everything else had its turn while `work` was done, on a machine where each look at the clock is late. */
async function countTurns(work: () => Promise<unknown>): Promise<number> {
  let [turns, ms, isDone] = [0, 0, false]
  const now = vi.spyOn(performance, 'now').mockImplementation(() => (ms += 100))
  const count = () => {
    turns++
    if (!isDone) setImmediate(count)
  }
  setImmediate(count)
  try {
    await work()
  } finally {
    isDone = true
    now.mockRestore()
  }
  return turns
}

// A survey looks at the clock after 64 mirrors, a choice too; a page after each of 200 rows; a feed after each mirror.
const CHOSEN = Math.floor(MIRRORS / 64)
test.each([
  ['', 2 * CHOSEN + 200],
  ['?q=project-19', 2 * CHOSEN + 111],
  ['tunasync.json', CHOSEN + 2 * MIRRORS],
  ['mirrorz.json', CHOSEN + 2 * MIRRORS],
  ['mirrors.json', CHOSEN + 2 * MIRRORS],
  ['feed.atom', CHOSEN],
])('/status/%s leaves others their turn %d times, and is then at hand', async (path, least) => {
  clock.advance(60_000)
  let first = ''
  const turns = await countTurns(async () => (first = (await server.inject(`/status/${path}`)).body))
  expect(turns).toBeGreaterThan(least * 0.9)
  let again = ''
  expect(await countTurns(async () => (again = (await server.inject(`/status/${path}`)).body))).toBeLessThan(CHOSEN)
  expect(again).toBe(first)
})

test('what somebody searches for pushes out no feed', async () => {
  clock.advance(60_000)
  await server.inject('/status/tunasync.json')
  for (let at = 0; at < 70; at++) await server.inject(`/status/?q=${at}`)
  expect(await countTurns(() => server.inject('/status/tunasync.json'))).toBeLessThan(CHOSEN)
})

test('many who ask at once have it made once', async () => {
  clock.advance(60_000)
  const one = await countTurns(() => server.inject('/status/'))
  clock.advance(60_000)
  const many = await countTurns(() => Promise.all(Array.from({ length: 20 }, () => server.inject('/status/'))))
  expect(many).toBeLessThan(2 * one)
})
