// adding.test.ts — What docs/operations.md says of adding replicas, and of finding them in lists, done as written.
import { writeFileSync } from 'node:fs'
import { beforeAll, describe, expect, test } from 'vitest'
import { followDocumented } from '../harness/documented.ts'
import { createPlace, startNats } from '../harness/place.ts'
import { startSupervisor, startWorker, type SupervisorProgram } from '../harness/programs.ts'
import { until } from '../harness/wait.ts'

describe('replicas', () => {
  const place = createPlace()
  let supervisor: SupervisorProgram
  const follow = (line: string, to: Readonly<Record<string, string>> = {}) =>
    followDocumented(place, line, { to, env: { KAGAMI_API: supervisor.url } })
  const known = async () =>
    (await supervisor.api.call('listReplicas')).items.map(({ name, worker_name }) => `${name}@${worker_name}`).sort()

  beforeAll(async () => {
    const nats = await startNats(place)
    supervisor = await startSupervisor(place, { nats: nats.url })
    for (const name of ['sh-12', 'sh-13'])
      await startWorker(place, { nats: nats.url, dir: name, env: { KAGAMI_NAME: name } })
    const workers = async () => (await supervisor.api.call('listWorkers')).items
    await until(
      'both are in the fleet',
      async () => (await workers()).filter(({ presence }) => presence === 'online').length === 2,
    )
  })

  test('are added by a preset, and copied to another worker', async () => {
    expect(await follow('kagami replicas presets')).toMatch(/^debian +Debian +rsync /m)
    await follow('kagami replicas add URL --preset debian --worker WORKER', {
      URL: 'rsync://127.0.0.1:1/debian/',
      WORKER: 'sh-12',
    })
    await until('its worker has it', async () => (await known()).includes('debian@sh-12'))
    await follow('kagami replicas clone NAME@WORKER --worker OTHER', { 'NAME@WORKER': 'debian@sh-12', OTHER: 'sh-13' })
    await until('the other has it too', async () => (await known()).length === 2)
    const [one, other] = await Promise.all(
      ['debian@sh-12', 'debian@sh-13'].map((id) => supervisor.api.call('getReplica', { params: { id } })),
    )
    expect(one!.options).toMatchObject({ two_stage: 'debian' })
    expect([other!.upstream, other!.options, other!.interval_secs]).toEqual([one!.upstream, one!.options, 21_600])
  })

  test('are given as worker.toml, which imports as what is there already', async () => {
    const text = await follow('kagami replicas get NAME@WORKER --toml', { 'NAME@WORKER': 'debian@sh-12' })
    expect(text).toMatch(/^\[\[providers\]\]\nname = "debian"\nkind = "rsync"\n/)
    writeFileSync(place.at('found.toml'), text)
    const line = 'kagami replicas import FILE --worker WORKER --dry-run'
    expect(await follow(line, { FILE: 'found.toml', WORKER: 'sh-13' })).toMatch(/same +debian|debian +same/)
    expect(await known()).toEqual(['debian@sh-12', 'debian@sh-13'])
  })

  test('are found by what they are not', async () => {
    const text = await follow("kagami replicas list --health '!fresh' --last-ok '>24h'")
    expect(text).toMatch(/debian@sh-12/)
  })
})
