// decide.test.ts — "Pause, decide, go back" of docs/operations.md, with its command lines, for every kind and both ways
// to publish; hold.test.ts decides about held syncs.
import { beforeAll, describe, expect, test } from 'vitest'
import { runDocumented } from '../harness/documented.ts'
import { startMirrorFleet, type MirrorFleet } from '../harness/mirror-fleet.ts'
import { createPlace } from '../harness/place.ts'
import { until } from '../harness/wait.ts'

describe('an operator of a mirror of any kind', () => {
  const place = createPlace()
  let fleet: MirrorFleet

  const last = (name: string, action: string) =>
    until(`${name} has done it`, async () => {
      const { items } = await fleet.supervisor.api.call('listSyncs', { query: { name, state: 'finished', limit: 50 } })
      return items.find((one) => one.action === action)
    })
  const rollBack = (name: string) =>
    runDocumented(place, 'kagami replicas rollback NAME@WORKER', {
      to: { NAME: name, WORKER: 'sh-1' },
      env: { KAGAMI_API: fleet.supervisor.url },
    })

  beforeAll(async () => {
    fleet = await startMirrorFleet(place)
  })

  test('stops its schedule, still syncs on request, and starts the schedule again', async () => {
    for (const name of fleet.names)
      await fleet.follow('kagami replicas pause NAME@WORKER --reason "…"', { NAME: name, WORKER: 'sh-1' })
    await fleet.all('all are paused', (one) => one.paused)
    await fleet.mirrors.change()
    await fleet.syncWell()
    for (const { replica_id } of await fleet.replicas())
      await fleet.supervisor.api.call('resumeReplica', { params: { id: replica_id } })
    await fleet.all('none is paused', (one) => !one.paused)
  })

  test('does the same for every copy of a mirror at once', async () => {
    for (const name of fleet.names) await fleet.follow('kagami resources pause NAME', { NAME: name })
    await fleet.all('all are paused', (one) => one.paused)
    for (const name of fleet.names) await fleet.supervisor.api.call('resumeResource', { params: { id: name } })
    await fleet.all('none is paused', (one) => !one.paused)
  })

  test('proves that the copy is whole', async () => {
    for (const name of fleet.names) {
      await fleet.follow('kagami replicas verify NAME@WORKER', { NAME: name, WORKER: 'sh-1' })
      expect(await last(name, 'verify'), name).toMatchObject({ outcome: 'success' })
    }
  })

  test('goes back to the tree before a bad sync with swap, and is told why not in place', async () => {
    const { mirrors } = fleet
    const before = new Map(mirrors.all.map(({ subject }) => [subject, mirrors.expected(subject)]))
    await mirrors.change()
    await fleet.syncWell()
    for (const { name, subject, options } of mirrors.all) {
      const swap = options['publish'] === 'swap'
      const { code, stderr } = await rollBack(name)
      expect(code, `${name}: ${stderr}`).toBe(swap ? 0 : 5)
      if (swap) expect(await last(name, 'rollback'), name).toMatchObject({ outcome: 'success' })
      else expect(stderr).toContain(`${name} keeps no earlier trees: that needs the option publish = "swap"`)
      const seen = mirrors.read(place.at('data', name), subject)
      expect(seen, name).toBe(swap ? before.get(subject) : mirrors.expected(subject))
    }
  })

  test('who does what the refusal says can go back from then on', async () => {
    const { mirrors } = fleet
    const inPlace = mirrors.all.filter(({ options }) => options['publish'] === 'in-place')
    const { stderr } = await rollBack(inPlace[0]!.name)
    expect(stderr).toContain('hint: The copy is as it was, and the next sync makes it what the upstream has then.')
    expect(stderr).toContain('for a replica of worker.toml write publish = "swap" there and restart the worker')
    await fleet.restart({ keys: ({ options }) => ({ options: { ...options, publish: 'swap' } }) })
    await fleet.syncWell()
    const before = new Map(inPlace.map(({ subject }) => [subject, mirrors.expected(subject)]))
    await mirrors.change()
    await fleet.syncWell()
    for (const { name, subject } of inPlace) {
      expect(await rollBack(name), name).toMatchObject({ code: 0 })
      expect(await last(name, 'rollback'), name).toMatchObject({ outcome: 'success' })
      expect(mirrors.read(place.at('data', name), subject), name).toBe(before.get(subject))
    }
  })
})
