// renamed.test.ts — A replica of worker.toml gets another name, in real programs: nothing is fetched again.
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import type { NatsServer } from '@kagami/runtime'
import { beforeAll, expect, test } from 'vitest'
import { createPlace, NATS_VERSIONS, startNats } from '../harness/place.ts'
import { startSupervisor, startWorker, type SupervisorProgram } from '../harness/programs.ts'
import { until } from '../harness/wait.ts'

const place = createPlace()
let nats: NatsServer
let supervisor: SupervisorProgram

const launch = (provider: object) =>
  startWorker(place, {
    nats: nats.url,
    providers: [{ kind: 'rsync', upstream: `file://${place.at('in')}`, interval_secs: 3600, ...provider }],
    env: { KAGAMI_UPSTREAM_ROOTS: JSON.stringify([place.dir]) },
  })
const replicas = async () => (await supervisor.api.call('listReplicas')).items

beforeAll(async () => {
  mkdirSync(place.at('in'))
  writeFileSync(place.at('in', 'file'), 'x'.repeat(100_000))
  nats = await startNats(place, NATS_VERSIONS[0])
  supervisor = await startSupervisor(place, { nats: nats.url })
})

test('a replica that is renamed with `was` keeps its files and what is known of it', async () => {
  const worker = await launch({ name: 'old' })
  const before = await until('the first sync ends', async () => (await replicas()).find((one) => one.last_success_at), {
    seen: () => worker.output(),
  })
  const { ino } = statSync(place.at('data', 'old', 'file'))
  await worker.kill('SIGTERM')
  const again = await launch({ name: 'new', was: 'old' })
  const after = await until('the new name is known', async () => (await replicas()).find((one) => one.name === 'new'), {
    seen: () => again.output(),
  })
  expect(after).toMatchObject({ last_success_at: before.last_success_at, size_bytes: before.size_bytes, failures: 0 })
  expect((await replicas()).map((one) => one.name)).toEqual(['new'])
  expect([existsSync(place.at('data', 'old')), statSync(place.at('data', 'new', 'file')).ino]).toEqual([false, ino])
  expect(again.output()).toContain('a replica has another name now; its files, generations and state were kept')
  await again.kill('SIGTERM')
})

test('a worker whose replica gets a name that has files refuses to start, and says how to go on', async () => {
  mkdirSync(place.at('data', 'taken'))
  const worker = await launch({ name: 'taken', was: 'new' })
  expect(await worker.exited).toBe(2)
  expect(worker.output()).toContain(
    `the files of new cannot get the name taken, because ${place.at('data', 'taken')} exists; nothing was moved`,
  )
  expect(worker.output()).toContain('or remove was to keep those of taken.')
  expect(existsSync(place.at('data', 'new', 'file'))).toBe(true)
})
