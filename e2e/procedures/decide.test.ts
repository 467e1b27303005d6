// decide.test.ts — "Pause, decide, go back" of docs/operations.md, with its command lines, for every kind and both ways
// to publish.
import { beforeAll, describe, expect, test } from 'vitest'
import { followDocumented, runDocumented } from '../harness/documented.ts'
import { startMirrors, syncAll, type Mirrors } from '../harness/mirrors.ts'
import { createPlace, startNats } from '../harness/place.ts'
import { startSupervisor, startWorker, type SupervisorProgram } from '../harness/programs.ts'
import { until } from '../harness/wait.ts'

describe('an operator of a mirror of any kind', () => {
  const place = createPlace()
  let mirrors: Mirrors
  let supervisor: SupervisorProgram

  const follow = (line: string, to: Record<string, string>) =>
    followDocumented(place, line, { to, env: { KAGAMI_API: supervisor.url } })
  const replicas = async () => (await supervisor.api.call('listReplicas', { query: { limit: 500 } })).items
  const synced = async () => {
    const ended = await syncAll(
      supervisor,
      'w',
      mirrors.all.map(({ name }) => name),
    )
    for (const [name, one] of Object.entries(ended))
      expect(one, `${name}: ${one.message}`).toMatchObject({ outcome: 'success' })
  }
  const last = (name: string, action: string) =>
    until(`${name} has done it`, async () => {
      const { items } = await supervisor.api.call('listSyncs', { query: { name, state: 'finished', limit: 50 } })
      return items.find((one) => one.action === action)
    })

  beforeAll(async () => {
    mirrors = await startMirrors(place)
    const nats = await startNats(place)
    supervisor = await startSupervisor(place, { nats: nats.url })
    const providers = mirrors.all.map(({ subject: _subject, ...provider }) => ({ ...provider, interval_secs: 86_400 }))
    await startWorker(place, { nats: nats.url, providers, env: { KAGAMI_WORKER_ID: 'w', KAGAMI_NAME: 'sh-1' } })
    await synced()
  })

  test('stops its schedule, still syncs on request, and starts the schedule again', async () => {
    for (const { name } of mirrors.all)
      await follow('kagami replicas pause NAME@WORKER --reason "…"', { NAME: name, WORKER: 'sh-1' })
    await until('all are paused', async () => (await replicas()).every((one) => one.paused))
    await mirrors.change()
    await synced()
    for (const { replica_id } of await replicas())
      await supervisor.api.call('resumeReplica', { params: { id: replica_id } })
    await until('none is paused', async () => (await replicas()).every((one) => !one.paused))
  })

  test('proves that the copy is whole', async () => {
    for (const { name } of mirrors.all) {
      await follow('kagami replicas verify NAME@WORKER', { NAME: name, WORKER: 'sh-1' })
      expect(await last(name, 'verify'), name).toMatchObject({ outcome: 'success' })
    }
  })

  test('goes back to the tree before a bad sync with swap, and is told why not in place', async () => {
    const before = new Map(mirrors.all.map(({ subject }) => [subject, mirrors.expected(subject)]))
    await mirrors.change()
    await synced()
    for (const { name, subject, options } of mirrors.all) {
      const swap = options['publish'] === 'swap'
      const line = 'kagami replicas rollback NAME@WORKER'
      const call = { to: { NAME: name, WORKER: 'sh-1' }, env: { KAGAMI_API: supervisor.url } }
      const { code, stderr } = await runDocumented(place, line, call)
      expect(code, `${name}: ${stderr}`).toBe(swap ? 0 : 5)
      if (swap) expect(await last(name, 'rollback'), name).toMatchObject({ outcome: 'success' })
      else expect(stderr).toContain(`${name} keeps no earlier trees: that needs the option publish = "swap"`)
      const seen = mirrors.read(place.at('data', name), subject)
      expect(seen, name).toBe(swap ? before.get(subject) : mirrors.expected(subject))
    }
  })
})
