// actions.test.ts — Decisions that are held: carried out when their time has come, never when they were taken back,
// and neither lost nor done twice by a supervisor that is killed meanwhile.
import { heldSeconds, type ApiError } from '@kagami/protocol'
import { sampleState } from '@kagami/protocol/testing/samples'
import { beforeAll, describe, expect, test } from 'vitest'
import { followDocumented } from '../harness/documented.ts'
import { createPlace, startNats } from '../harness/place.ts'
import { startSupervisor, type SupervisorProgram } from '../harness/programs.ts'
import { startSpokenWorker } from '../harness/spoken-worker.ts'
import { until } from '../harness/wait.ts'

describe('a decision that is held', () => {
  const place = createPlace()
  let supervisor: SupervisorProgram
  let nats: { url: string }
  const join = (id: string) =>
    startSpokenWorker(place, nats.url, {
      replicas: [sampleState({ replica_id: `${id}-debian`, name: 'debian', origin: 'config' })],
      about: { worker_id: id, name: id },
    })
  const hold = (action: keyof typeof heldSeconds, target: string, hold_secs?: number) =>
    supervisor.api.call('holdAction', {
      body: { action, target, reason: 'for a test', ...(hold_secs === undefined ? {} : { hold_secs }) },
    })
  const worker = (id: string) => supervisor.api.call('getWorker', { params: { id } }).catch(() => null)
  const held = async () => (await supervisor.api.call('listActions')).map(({ action_id }) => action_id)
  const done = async (target: string) =>
    (await supervisor.api.call('audit', { query: { target, limit: 100 } })).items
      .map(({ action, result }) => `${action}: ${result}`)
      .toReversed()
  const refusal = (call: Promise<unknown>) =>
    call.then(
      () => null,
      ({ code, message, hint }: ApiError) => ({ code, message, hint }),
    )

  beforeAll(async () => {
    nats = await startNats(place)
    supervisor = await startSupervisor(place, { nats: nats.url, env: { SUPERVISOR_AUTO_APPROVE: 'false' } })
  })

  test('is shown with who decided it and when it is done, and is done then', async () => {
    await join('w-1')
    const action = await hold('approve', 'w-1', 1)
    expect(action).toMatchObject({ action: 'approve', worker_name: 'w-1', replica_id: null, reason: 'for a test' })
    expect(Date.parse(action.executes_at) - Date.parse(action.requested_at)).toBe(1000)
    expect(await held()).toEqual([action.action_id])
    await until('it is approved', async () => (await worker('w-1'))?.admission === 'approved')
    await until('nothing is held', async () => (await held()).length === 0)
    expect((await worker('w-1'))?.decided_by).toBe(action.requested_by)
    expect(await done('w-1')).toEqual(['join: pending', 'hold_approve: ok', 'approve: ok'])
  })

  test('is held as long as its kind says, unless the request says how long', async () => {
    const action = await hold('terminate', 'w-1')
    expect(Date.parse(action.executes_at) - Date.parse(action.requested_at)).toBe(heldSeconds.terminate * 1000)
    await supervisor.api.call('cancelAction', { params: { id: action.action_id } })
  })

  test('that was taken back is not done', async () => {
    const action = await hold('terminate', 'w-1', 2)
    await supervisor.api.call('cancelAction', { params: { id: action.action_id.slice(0, 5) } })
    expect(await held()).toEqual([])
    const again = await refusal(supervisor.api.call('cancelAction', { params: { id: action.action_id } }))
    expect(again).toMatchObject({ code: 'not_found', hint: expect.stringContaining('kagami events') })
    // A later one of two seconds is done: the time of the first is over.
    await hold('reject', 'w-1', 2)
    await until('the later one is done', async () => (await worker('w-1'))?.admission === 'rejected')
    expect(await done('w-1')).toContain('cancel_terminate: ok')
    expect(await done('w-1')).not.toContain('terminate: ok')
    await supervisor.api.call('approve', { params: { id: 'w-1' } })
  })

  test('is not made twice: the second is refused, and told how to take back the first', async () => {
    const action = await hold('terminate', 'w-1', 60)
    const twice = await refusal(hold('terminate', 'w-1', 60))
    expect(twice).toMatchObject({ code: 'conflict', hint: `kagami actions cancel ${action.action_id}` })
    await supervisor.api.call('cancelAction', { params: { id: action.action_id } })
  })

  test.each([
    ['of a worker that is not there', 'terminate', 'nobody', 'not_found'],
    ['of a replica that is not there', 'remove_replica', 'nothing@w-1', 'not_found'],
    ['to approve what is approved', 'approve', 'w-1', 'conflict'],
  ] as const)('is refused at once %s', async (_, action, target, code) => {
    expect(await refusal(hold(action, target))).toMatchObject({ code })
    expect(await held()).toEqual([])
  })

  test('is refused when it would be held for more than an hour, or when nobody knows what it is', async () => {
    expect(await refusal(hold('terminate', 'w-1', 3601))).toMatchObject({ code: 'invalid_request' })
    expect(await refusal(hold('drain' as never, 'w-1'))).toMatchObject({ code: 'invalid_request' })
  })

  test('removes a replica', async () => {
    const action = await hold('remove_replica', 'debian@w-1', 1)
    expect(action).toMatchObject({ replica_name: 'debian', worker_name: 'w-1' })
    await until('it is removed', async () => (await done('w-1')).includes('remove_replica: ok'))
    expect(await refusal(hold('remove_replica', 'w-1-debian', 1))).not.toBeNull()
  })

  test('is kept and done once by a supervisor that is killed and started meanwhile', async () => {
    await join('w-2')
    await join('w-3')
    const [soon, later] = [await hold('approve', 'w-2', 1), await hold('terminate', 'w-3', 600)]
    const port = Number(new URL(supervisor.url).port)
    await supervisor.kill()
    supervisor = await startSupervisor(place, { nats: nats.url, port, env: { SUPERVISOR_AUTO_APPROVE: 'false' } })
    await until('the due one is done', async () => (await worker('w-2'))?.admission === 'approved')
    await until('only the other one is held', async () => (await held()).join() === later.action_id)
    expect(soon.action_id).not.toBe(later.action_id)
    expect(await worker('w-3')).not.toBeNull()
    expect(await done('w-2')).toEqual(['join: pending', 'hold_approve: ok', 'approve: ok'])
    await supervisor.api.call('cancelAction', { params: { id: later.action_id } })
  })

  test('is listed and taken back by the command lines of the page', async () => {
    const { action_id } = await hold('terminate', 'w-3', 600)
    const env = { KAGAMI_API: supervisor.url }
    expect(await followDocumented(place, 'kagami actions list', { env })).toMatch(/terminate +w-3/)
    const line = 'kagami actions cancel 5d1e0a7c'
    expect(await followDocumented(place, line, { to: { '5d1e0a7c': action_id }, env })).toContain('Cancelled')
    expect(await held()).toEqual([])
  })

  test('that is no longer possible is given up, and the audit says why', async () => {
    await hold('reject', 'w-3', 1)
    await supervisor.api.call('terminate', { params: { id: 'w-3' } })
    await until('it is given up', async () => (await held()).length === 0)
    expect(await done('w-3')).toContain('reject: not_found')
  })
})
