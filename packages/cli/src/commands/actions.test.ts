// actions.test.ts — kagami actions, and --hold: decisions that can be taken back.
import { Refusal, type PendingAction } from '@kagami/protocol'
import { describe, expect, it } from 'vitest'
import { startApi } from '../testing/api-server.ts'
import { runKagami } from '../testing/run-kagami.ts'
import { aReplica, aWorker, secondsFromNow } from '../testing/samples.ts'

const anAction = (changed: Partial<PendingAction> = {}): PendingAction => ({
  action_id: '5d1e0a7c',
  action: 'terminate',
  worker_id: 'w-1',
  worker_name: 'sh-12',
  replica_id: null,
  replica_name: null,
  reason: null,
  requested_by: 'li',
  requested_at: secondsFromNow(-2),
  executes_at: secondsFromNow(28),
  ...changed,
})
const removal = anAction({ action: 'remove_replica', replica_id: 'r-1', replica_name: 'debian', reason: 'moved' })
let held = [anAction(), removal]

const api = await startApi({
  listActions: () => held,
  cancelAction({ params: { id } }) {
    if (id !== '5d1e') throw new Refusal('not_found', `no decision "${id}" is held`)
  },
  holdAction: ({ body }) => (body.action === 'remove_replica' ? removal : anAction({ action: body.action })),
  getWorker: () => aWorker(),
  getReplica: () => aReplica(),
  approve: () => undefined,
})
const run = (line: string) => runKagami(line, api.env)
const lastAsked = () => api.asked.at(-1)

describe('kagami actions', () => {
  it('alone lists them: what, of whom, when, and who decided', async () => {
    const { code, stdout } = await run('actions')
    expect(code).toBe(0)
    expect(stdout.split('\n').map((line) => line.split(/ {2,}/))).toEqual([
      ['ID', 'ACTION', 'TARGET', 'IN', 'BY', 'REASON'],
      ['5d1e0a7c', 'terminate', 'sh-12', 'in 28s', 'li', '-'],
      ['5d1e0a7c', 'remove replica', 'debian@sh-12', 'in 28s', 'li', 'moved'],
      [''],
    ])
    expect(JSON.parse((await run('actions list --json')).stdout)).toEqual(held)
  })
  it('says when there is none', async () => {
    const before = held
    held = []
    const { code, stdout, stderr } = await run('actions list')
    held = before
    expect([code, stdout, stderr]).toEqual([0, '', 'No decision is held.\n'])
  })
  it('cancels by id or prefix, and ends with 3 when it is too late', async () => {
    expect((await run('actions cancel 5d1e')).stdout).toBe('Cancelled 5d1e: nothing changes\n')
    expect(JSON.parse((await run('actions cancel 5d1e --json')).stdout)).toEqual({ action_id: '5d1e', cancelled: true })
    const { code, stderr } = await run('actions cancel 77aa')
    expect([code, stderr]).toEqual([3, expect.stringContaining('no decision "77aa" is held')])
  })
})

describe('--hold', () => {
  it.each([
    ['workers approve sh-12 --hold 20', { action: 'approve', target: 'w-1', reason: null, hold_secs: 20 }],
    ['workers reject sh-12 --reason no --hold 20', { action: 'reject', target: 'w-1', reason: 'no', hold_secs: 20 }],
    ['workers terminate sh-12 --yes --hold 20', { action: 'terminate', target: 'w-1', reason: null, hold_secs: 20 }],
    [
      'replicas remove debian@sh-12 --yes --hold 20',
      { action: 'remove_replica', target: 'r-1', reason: null, hold_secs: 20 },
    ],
  ])('%s has the supervisor wait, and says how to take it back', async (line, body) => {
    const { code, stdout } = await run(line)
    expect(code).toBe(0)
    expect(stdout).toMatch(/ in 20 s\. Cancel: kagami actions cancel 5d1e0a7c\n$/)
    expect(lastAsked()).toMatchObject({ name: 'holdAction', body })
    expect(JSON.parse((await run(`${line} --json`)).stdout)).toMatchObject({ action_id: '5d1e0a7c' })
  })
  it('is not there where nobody asked for it', async () => {
    expect((await run('workers approve sh-12')).stdout).toBe('Approved sh-12\n')
    expect(lastAsked()?.name).toBe('approve')
  })
  it.each(['soon', '-1', '3601'])('%s is refused before anything is asked of the supervisor', async (text) => {
    const { code, stderr } = await run(`workers approve sh-12 --hold=${text}`)
    expect([code, stderr]).toEqual([2, expect.stringContaining('--hold')])
    expect(lastAsked()?.name).not.toBe('holdAction')
  })
})
