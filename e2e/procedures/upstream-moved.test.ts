// upstream-moved.test.ts — "Change a replica" of docs/operations.md where the upstream has moved, for every kind and
// both ways to publish: its files stay, and only what differs is fetched.
import { startRsyncUpstream, writeFiles } from '@kagami/demo'
import { beforeAll, describe, expect, test } from 'vitest'
import { expectDocumented, followDocumented } from '../harness/documented.ts'
import { startMirrors, syncAll, type Mirrors } from '../harness/mirrors.ts'
import { createPlace, startNats } from '../harness/place.ts'
import { startSupervisor, startWorker, type SupervisorProgram } from '../harness/programs.ts'
import { until } from '../harness/wait.ts'

describe('a replica whose upstream has moved', () => {
  const place = createPlace()
  let mirrors: Mirrors
  let supervisor: SupervisorProgram
  const names = () => mirrors.all.map(({ name }) => name)
  const get = (name: string) => supervisor.api.call('getReplica', { params: { id: `${name}@sh-1` } })
  const follow = (line: string, to: Record<string, string>) =>
    followDocumented(place, line, { to: { WORKER: 'sh-1', ...to }, env: { KAGAMI_API: supervisor.url } })
  const taken = (name: string) => until('its worker has the edit', async () => !(await get(name)).edit_pending)

  beforeAll(async () => {
    mirrors = await startMirrors(place)
    const { url: nats } = await startNats(place)
    supervisor = await startSupervisor(place, { nats })
    await startWorker(place, { nats, env: { KAGAMI_WORKER_ID: 'w', KAGAMI_NAME: 'sh-1' } })
    await until('it joined', async () => (await supervisor.api.call('listWorkers')).items[0]?.presence === 'online')
    for (const { name, kind, upstream, options } of mirrors.all)
      await supervisor.api.call('addReplica', { params: { id: 'w' }, body: { name, kind, upstream, options } })
    for (const [name, one] of Object.entries(await syncAll(supervisor, 'w', names())))
      expect(one, `${name}: ${one.message}`).toMatchObject({ outcome: 'success' })
  })

  test('is edited, and its next sync follows: no file is lost, and few bytes arrive', async () => {
    await mirrors.change()
    for (const { name, upstream } of mirrors.all) {
      // The same servers by another address.
      const moved = upstream.replace('127.0.0.1', 'localhost')
      const said = await follow('kagami replicas edit NAME@WORKER --upstream URL', { NAME: name, URL: moved })
      expect(said).toContain(`  upstream: ${upstream} → ${moved}`)
      await taken(name)
    }
    expectDocumented('its next sync compares the files with the new upstream and fetches only what differs')
    for (const [name, one] of Object.entries(await syncAll(supervisor, 'w', names()))) {
      expect(one, `${name}: ${one.message}`).toMatchObject({ outcome: 'success' })
      expect(one.bytes ?? 0, name).toBeLessThan(name.startsWith('http-file') ? 400_000 : 150_000)
    }
    for (const { name, subject } of mirrors.all)
      expect(mirrors.read(place.at('data', name), subject), name).toBe(mirrors.expected(subject))
  })

  test('to something else by mistake is held before anything is deleted, and goes on when edited back', async () => {
    const name = 'rsync-in-place'
    writeFiles(place.at('elsewhere', 'files'), { 'other/file': 'other\n' })
    const elsewhere = await startRsyncUpstream({ dir: place.at('elsewhere') })
    place.onEnd(elsewhere.stop)
    const before = (await get(name)).upstream
    await follow('kagami replicas edit NAME@WORKER --upstream URL', { NAME: name, URL: elsewhere.url })
    await taken(name)
    expect((await syncAll(supervisor, 'w', [name]))[name]).toMatchObject({
      outcome: 'held',
      reason: 'too_many_deletions',
    })
    const { hold } = await get(name)
    expect(mirrors.read(place.at('data', name), 'rsync')).toBe(mirrors.expected('rsync'))
    await follow('kagami replicas edit NAME@WORKER --upstream URL', { NAME: name, URL: before })
    // What was held is no longer asked for, so that nobody approves it by mistake.
    const late = await supervisor.api
      .call('approveHold', { params: { id: `${name}@sh-1` }, body: { hold_id: hold!.hold_id } })
      .catch((error: unknown) => error)
    expect(late).toMatchObject({ code: 'conflict' })
    await taken(name)
    expect(await get(name)).toMatchObject({ hold: null })
    expect((await syncAll(supervisor, 'w', [name]))[name]).toMatchObject({ outcome: 'success' })
    expect(mirrors.read(place.at('data', name), 'rsync')).toBe(mirrors.expected('rsync'))
  })
})
