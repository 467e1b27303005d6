// transient-reject.test.ts — Somebody rejects a worker by mistake and approves it again at once.
import { beforeAll, describe, expect, test } from 'vitest'
import { createPlace, startNats } from '../harness/place.ts'
import { startSupervisor, startWorker, type Program, type SupervisorProgram } from '../harness/programs.ts'
import { until } from '../harness/wait.ts'

/** Longer than a worker waits before it obeys a rejection that nobody takes back, ms. */
const OBEYED_BY_THEN_MS = 9000

describe('a worker that is rejected', () => {
  const place = createPlace()
  let supervisor: SupervisorProgram
  let worker: Program
  const decide = async (what: 'approve' | 'reject') =>
    expect((await fetch(`${supervisor.url}/workers/w-1/${what}`, { method: 'POST' })).status).toBe(200)
  const shown = () => supervisor.api.call('getWorker', { params: { id: 'w-1' } })

  beforeAll(async () => {
    const nats = await startNats(place)
    supervisor = await startSupervisor(place, { nats: nats.url })
    worker = await startWorker(place, { nats: nats.url, env: { KAGAMI_WORKER_ID: 'w-1' } })
    await until('it is online', async () => (await shown()).presence === 'online', { seen: () => worker.output() })
  })

  test('goes on when it is approved again at once, twenty times', async () => {
    for (let round = 0; round < 20; round++) {
      await decide('reject')
      await decide('approve')
    }
    const since = Date.now()
    await until('a rejection would have been obeyed', () => Date.now() - since > OBEYED_BY_THEN_MS)
    expect(worker.child.exitCode, worker.output()).toBeNull()
    expect(await shown()).toMatchObject({ admission: 'approved', presence: 'online' })
  })

  test('ends when the rejection stands', async () => {
    await decide('reject')
    expect(await worker.exited).toBe(0)
    expect(worker.output()).toContain('rejected by the supervisor')
  })
})
