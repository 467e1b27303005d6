// incidents.test.ts — Incidents of a real supervisor that is killed: what it has told stays as it is, and what began or
// ended while it was down is told once, with the time at which it was seen.
import type { ReplicaState } from '@kagami/protocol'
import { sampleState } from '@kagami/protocol/testing/samples'
import { beforeAll, describe, expect, test } from 'vitest'
import { queryDatabase } from '../harness/database.ts'
import { createPlace, startNats } from '../harness/place.ts'
import { startPostgres } from '../harness/postgres.ts'
import { startSupervisor, type SupervisorProgram } from '../harness/programs.ts'
import { startSpokenWorker, type SpokenWorker } from '../harness/spoken-worker.ts'
import { until } from '../harness/wait.ts'

describe.each(['sqlite', 'postgres'] as const)('incidents of a supervisor on %s that is killed', (kind) => {
  const place = createPlace()
  let db: string
  let supervisor: SupervisorProgram
  let worker: SpokenWorker
  let restart: () => Promise<void>
  const hour = 3_600_000
  const mirror = (name: string, change: Partial<ReplicaState> = {}) =>
    sampleState({
      name,
      replica_id: name,
      status: 'success',
      last_success_at: new Date().toISOString(),
      interval_secs: 3600,
      ...change,
    })
  const failed = { status: 'failed', failures: 1 } as const
  const say = (states: Readonly<Record<string, Partial<ReplicaState>>>) =>
    worker.say(Object.entries(states).map(([name, change]) => mirror(name, change)))
  const read = async (path: string) => await (await fetch(`${supervisor.url}/status/${path}`)).text()
  const entries = async () =>
    [
      ...(await read('feed.atom')).matchAll(/<entry>\n<id>([^<]+)<\/id>\n<title>([^<]+)<\/title>\n<updated>([^<]+)</g),
    ].map(([, id, title, updated]) => ({ id: id!, title: title!, updated: updated! }))
  const titles = async () => (await entries()).map(({ title }) => title)
  const has = (...wanted: string[]) =>
    until(
      `the feed has ${wanted.join(', ')}`,
      async () => {
        const there = await titles()
        return wanted.every((title) => there.includes(title))
      },
      { seen: titles },
    )
  /** Waits for a survey that was taken from now on, in which all is heard of. */
  const looked = async () => {
    const now = new Date().toISOString()
    await until('the worker is heard of', async () => {
      const { items } = await supervisor.api.call('listWorkers')
      return items.length === 1 && items[0]!.presence === 'online'
    })
    const twice = async () => (JSON.parse(await read('mirrors.json')) as { checked_at: string }).checked_at
    const first = await until('it has looked', async () => {
      const at = await twice()
      return at > now && at
    })
    await until('it has looked again', async () => (await twice()) > first)
  }

  beforeAll(async () => {
    const nats = await startNats(place)
    db = kind === 'sqlite' ? `sqlite://${place.at('supervisor.db')}?mode=rwc` : await startPostgres(place)
    supervisor = await startSupervisor(place, { nats: nats.url, db })
    const port = Number(new URL(supervisor.url).port)
    restart = async () => {
      supervisor = await startSupervisor(place, { nats: nats.url, db, port })
    }
    worker = await startSpokenWorker(place, nats.url, {
      replicas: ['breaks', 'mends', 'stays', 'old'].map((name) => mirror(name)),
      about: { worker_id: 'w' },
    })
    await until('all are known', async () => (await supervisor.api.call('listResources')).total === 4)
    await looked()
  })

  test('stay in the feed as they were', async () => {
    const states = { breaks: {}, mends: failed, stays: failed, old: {} }
    say(states)
    await has('mends: Failed', 'stays: Failed')
    const before = await entries()
    await supervisor.kill()
    worker.fallSilent()
    // What it restores is old, as after a long time: until the worker has spoken, that says nothing.
    const [now, old] = ['"last_success_at":"20', '"last_success_at":"19']
    await queryDatabase(db, `update replicas set state = replace(state, '${now}', '${old}')`)
    await restart()
    expect((JSON.parse(await read('mirrors.json')) as { up_to_date: number }).up_to_date).toBe(0)
    expect(await entries()).toEqual(before)
    say(states)
    await looked()
    expect(await entries()).toEqual(before)
  })

  test('that began or ended while it was down are told once, with the time at which they were seen', async () => {
    const before = await entries()
    await supervisor.kill()
    say({
      breaks: failed,
      mends: {},
      stays: failed,
      old: { last_success_at: new Date(Date.now() - 9 * hour).toISOString() },
    })
    const down = new Date().toISOString()
    await restart()
    await has('breaks: Failed', 'mends: Up to date', 'old: Stale')
    const after = await entries()
    expect(after.slice(3)).toEqual(before)
    for (const { updated } of after.slice(0, 3)) expect(updated > down).toBe(true)
    expect(new Set(after.map(({ id }) => id)).size).toBe(5)
    await supervisor.kill()
    await restart()
    await looked()
    expect(await entries()).toEqual(after)
  })

  test('are on the pages of their mirrors', async () => {
    expect(await read('mends/')).toMatch(/<h2 id="incidents">Incidents<\/h2>\n<ul>\n<li>.*Up to date.*\n<li>.*Failed/)
    expect(await read('breaks/?lang=zh-CN')).toMatch(/故障记录<\/h2>\n<ul>\n<li>.*失败.*发现于/)
  })

  test('of a mirror that is gone are told to nobody any more', async () => {
    say({ breaks: failed, mends: {}, old: {} })
    await has('old: Up to date')
    await until('the mirror is gone', async () => !(await titles()).includes('stays: Failed'), { seen: titles })
    expect(await titles()).toContain('mends: Failed')
  })
})
