// rename.test.ts — "Rename a replica of worker.toml" of docs/operations.md, for every kind and both ways to publish,
// and the same of replicas that were added by the API.
import { existsSync } from 'node:fs'
import { beforeAll, describe, expect, test } from 'vitest'
import { expectDocumented, followDocumented } from '../harness/documented.ts'
import { startMirrors, syncAll, type Mirror, type Mirrors } from '../harness/mirrors.ts'
import { createPlace, startNats } from '../harness/place.ts'
import { startSupervisor, startWorker, type Program, type SupervisorProgram } from '../harness/programs.ts'
import { until } from '../harness/wait.ts'

describe('a replica that gets another name', () => {
  const place = createPlace()
  let mirrors: Mirrors
  let nats: { url: string }
  let supervisor: SupervisorProgram
  let worker: Program

  const launch = async (declared: readonly object[]) => {
    await worker?.kill('SIGTERM')
    const env = { KAGAMI_WORKER_ID: 'w', KAGAMI_NAME: 'sh-1' }
    worker = await startWorker(place, { nats: nats.url, providers: declared, env })
  }
  const declare = ({ subject: _subject, ...provider }: Mirror) => ({ ...provider, interval_secs: 86_400 })
  const sync = async (names: readonly string[]) => {
    const ended = await syncAll(supervisor, 'w', names)
    for (const [name, one] of Object.entries(ended))
      expect(one, `${name}: ${one.message}`).toMatchObject({ outcome: 'success' })
    return ended
  }
  const expectMoved = (was: (name: string) => string, now: (name: string) => string) => {
    for (const { name, subject } of mirrors.all) {
      expect(existsSync(place.at('data', was(name))), name).toBe(false)
      expect(mirrors.read(place.at('data', now(name)), subject), name).toBe(mirrors.expected(subject))
    }
  }

  beforeAll(async () => {
    mirrors = await startMirrors(place)
    nats = await startNats(place)
    supervisor = await startSupervisor(place, { nats: nats.url })
  })

  test('in worker.toml keeps its files, and none is fetched again', async () => {
    expectDocumented('Change `name` and write `was = "old-name"` beside it, then restart the worker.')
    await launch(mirrors.all.map(declare))
    await sync(mirrors.all.map(({ name }) => name))
    await launch(mirrors.all.map((one) => ({ ...declare(one), name: `new-${one.name}`, was: one.name })))
    const ended = await sync(mirrors.all.map(({ name }) => `new-${name}`))
    for (const [name, { bytes }] of Object.entries(ended)) expect(bytes ?? 0, name).toBeLessThan(100_000)
    expectMoved(
      (name) => name,
      (name) => `new-${name}`,
    )
    await mirrors.change()
    await sync(Object.keys(ended))
    expectMoved(
      (name) => name,
      (name) => `new-${name}`,
    )
  })

  test('by the API keeps its files, and none is fetched again', async () => {
    await launch([])
    await until('the declared ones are gone', async () => (await supervisor.api.call('listReplicas')).total === 0)
    for (const { name, kind, upstream, options } of mirrors.all)
      await supervisor.api.call('addReplica', {
        params: { id: 'w' },
        body: { name: `new-${name}`, kind, upstream, interval_secs: 0, options },
      })
    await sync(mirrors.all.map(({ name }) => `new-${name}`))
    for (const { name } of mirrors.all) {
      const to = { NAME: `new-${name}`, WORKER: 'sh-1', NEW: `added-${name}` }
      await followDocumented(place, 'kagami replicas rename NAME@WORKER NEW', {
        to,
        env: { KAGAMI_API: supervisor.url },
      })
    }
    expectDocumented(
      'Its next sync, which is requested at once, moves files and generations before it does anything else',
    )
    const moved = () => mirrors.all.every(({ name }) => !existsSync(place.at('data', `new-${name}`)))
    await until('the files have moved', moved)
    const ended = await sync(mirrors.all.map(({ name }) => `added-${name}`))
    for (const [name, { bytes }] of Object.entries(ended)) expect(bytes ?? 0, name).toBeLessThan(100_000)
    expectMoved(
      (name) => `new-${name}`,
      (name) => `added-${name}`,
    )
  })
})
