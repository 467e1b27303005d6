// presets.test.ts — Every preset is added to a real worker by the API, with the options that it announces; and a
// replica that is added paused stays so.
import { chmodSync, writeFileSync } from 'node:fs'
import { HOST, presets } from '@kagami/protocol'
import { beforeAll, describe, expect, test } from 'vitest'
import { createPlace, startNats } from '../harness/place.ts'
import { startSupervisor, startWorker, type SupervisorProgram } from '../harness/programs.ts'
import { until } from '../harness/wait.ts'

describe('presets', () => {
  const place = createPlace()
  let supervisor: SupervisorProgram

  beforeAll(async () => {
    writeFileSync(place.at('pypi.sh'), '#!/bin/bash\n')
    chmodSync(place.at('pypi.sh'), 0o755)
    writeFileSync(place.at('worker.toml'), `[[commands]]\nname = "pypi"\ncommand = ["${place.at('pypi.sh')}"]\n`)
    const nats = await startNats(place)
    supervisor = await startSupervisor(place, { nats: nats.url })
    const env = { KAGAMI_NAME: 'sh-12', KAGAMI_WORKER_ID: 'w', KAGAMI_CONFIG: place.at('worker.toml') }
    await startWorker(place, { nats: nats.url, env })
    await until('it joined', async () => (await supervisor.api.call('listWorkers')).items[0]?.admission === 'approved')
  })

  test('are taken by supervisor and worker, and what is added paused is not synced', async () => {
    for (const { name, kind, upstream, interval_secs, labels, options } of presets) {
      // Nothing is asked of any host: what is paused does not sync.
      const body = { name, kind, upstream: upstream.replace(HOST, '127.0.0.1:1'), interval_secs, labels, options }
      await supervisor.api.call('addReplica', { params: { id: 'w' }, body: { ...body, paused: true } })
    }
    await until('the worker has them', async () => {
      const { items } = await supervisor.api.call('listReplicas', { query: { limit: 100 } })
      return items.length === presets.length && items.every(({ revision_no }) => revision_no > 0)
    })
    const { items } = await supervisor.api.call('listReplicas', { query: { limit: 100 } })
    expect(items.map(({ activity, current, last_sync }) => [activity, current, last_sync])).toEqual(
      presets.map(() => ['paused', null, null]),
    )
    expect(items[0]!.paused).toMatchObject({ by: 'anyone', reason: 'added so' })
    const { items: audit } = await supervisor.api.call('audit', { query: { action: 'add_replica' } })
    expect(audit[0]!.detail).toMatch(/, paused$/)
  })

  test('leave a replica to its schedule once it is resumed', async () => {
    const id = 'debian@sh-12'
    await supervisor.api.call('resumeReplica', { params: { id } })
    await until('the worker has taken it up', async () => {
      const { activity, next_due_at } = await supervisor.api.call('getReplica', { params: { id } })
      return activity !== 'paused' && next_due_at !== null
    })
  })
})
