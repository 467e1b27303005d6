// confirm.test.ts — What costs a copy is asked for on a terminal, with what would be lost, and can then be taken back
// for some seconds; programs say --yes.
import { describe, expect, it } from 'vitest'
import { startApi } from './testing/api-server.ts'
import { runOnTerminal } from './testing/on-terminal.ts'
import { runKagami } from './testing/run-kagami.ts'
import { aPage, aReplica, aResource, aWorker, secondsFromNow } from './testing/samples.ts'

const copies = (count: number) => ({ ...aResource({ name: 'debian', replicas_total: count }), replicas: [] })
const startFleet = (count: number) =>
  startApi({
    getReplica: () => aReplica({ size_bytes: 5 * 1024 ** 3 }),
    getWorker: () => aWorker(),
    getResource: () => copies(count),
    listReplicas: () => aPage(aReplica()),
    listResources: () => aPage(aResource({ name: 'debian', replicas_total: count })),
    holdAction: ({ body }) => ({
      action_id: '5d1e0a7c',
      action: body.action,
      worker_id: 'w-1',
      worker_name: 'sh-12',
      replica_id: body.action === 'terminate' ? null : 'r-1',
      replica_name: body.action === 'terminate' ? null : 'debian',
      reason: null,
      requested_by: 'li',
      requested_at: secondsFromNow(0),
      executes_at: secondsFromNow(body.hold_secs ?? 0),
    }),
  })

describe('kagami replicas remove', () => {
  it.each([
    ['the only copy', 1, true],
    ['one of two copies', 2, false],
  ])('of %s says so and has it removed in some seconds once its name is typed', async (_, count, only) => {
    const api = await startFleet(count)
    const { code, text } = await runOnTerminal('replicas remove debian@sh-12', {
      env: api.env,
      when: 'Type its name',
      typed: 'debian',
    })
    expect(code).toBe(0)
    expect(text.includes('ONLY copy of debian')).toBe(only)
    expect(text).toContain('Its files (5.0 GiB) stay')
    expect(text).toContain('remove replica debian@sh-12 in 10 s. Cancel: kagami actions cancel 5d1e0a7c')
    expect(api.asked.at(-1)?.body).toMatchObject({ action: 'remove_replica', target: 'r-1', hold_secs: 10 })
  })
  it('removes nothing when something else is typed', async () => {
    const api = await startFleet(1)
    const { code, text } = await runOnTerminal('replicas remove debian@sh-12', {
      env: api.env,
      when: 'Type its name',
      typed: 'yes',
    })
    expect([code, text]).toEqual([2, expect.stringContaining('that is not debian; nothing was done')])
    expect(api.asked.map(({ name }) => name)).not.toContain('holdAction')
  })
  it('removes nothing where nobody can be asked, and names the line that does', async () => {
    const api = await startFleet(1)
    const { code, stderr } = await runKagami('replicas remove debian@sh-12', api.env)
    expect([code, stderr]).toEqual([2, expect.stringContaining('Run: kagami replicas remove debian@sh-12 --yes')])
    expect(api.asked.map(({ name }) => name)).toEqual(['getReplica'])
  })
})

describe('kagami workers terminate', () => {
  it('names the mirrors that lose their only copy', async () => {
    const api = await startFleet(1)
    const { code, text } = await runOnTerminal('workers terminate sh-12', {
      env: api.env,
      when: "Type the worker's name",
      typed: 'sh-12',
    })
    expect([code, text]).toEqual([0, expect.stringContaining('lose their ONLY copy: debian')])
    expect(text).toContain('terminate sh-12 in 30 s. Cancel: kagami actions cancel 5d1e0a7c')
    expect(api.asked.at(-1)?.body).toMatchObject({ action: 'terminate', target: 'w-1', hold_secs: 30 })
  })
})
