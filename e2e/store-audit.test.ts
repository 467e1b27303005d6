// store-audit.test.ts — The audit in both databases: what is listed of it.
import { createLogger } from '@kagami/runtime'
import { openSqlStore } from '@kagami/supervisor/store/sql'
import type { Store } from '@kagami/supervisor/store/store'
import { beforeAll, describe, expect, test } from 'vitest'
import { createPlace } from './harness/place.ts'
import { startPostgres } from './harness/postgres.ts'

const audit = { at: '2026-11-28T00:00:00.000Z', actor: 'li', remote: null, action: 'pause', detail: null, result: 'ok' }

describe.each(['sqlite', 'postgres'])('the audit in %s', (kind) => {
  const place = createPlace()
  let store: Store

  beforeAll(async () => {
    const url = kind === 'sqlite' ? `sqlite://${place.at('supervisor.db')}?mode=rwc` : await startPostgres(place)
    store = await openSqlStore(url, createLogger('test', { LOG_LEVEL: 'error' }))
    await store.prepare(() => ({ workers: [], replicas: [], leftOut: 0 }))
    place.onEnd(() => store.close())
  })

  test('lists what was asked for by target, actor, action and result, back in time or from an entry on', async () => {
    const entries = [
      { actor: 'li', action: 'pause', result: 'ok' },
      { actor: 'wu', action: 'resume', result: 'ok' },
      { actor: 'li', action: 'approve', result: 'unauthorized' },
      { actor: 'li', action: 'approve', result: 'approved' },
    ].map((change) => ({ ...audit, target: 'audited', ...change }))
    for (const entry of entries) await store.addAudit(entry)
    const ids = async (filter: object, page: { cursor: string | null; limit: number } = { cursor: null, limit: 10 }) =>
      (await store.listAudit({ targets: ['audited', 'nothing'], ...filter }, page)).items.map(({ id }) => id)
    const [first = 0, ...rest] = (await ids({})).toReversed()
    const all = [first, ...rest]
    expect(await ids({ actor: 'li' })).toEqual([all[3], all[2], all[0]])
    expect(await ids({ actions: ['pause', 'resume'] })).toEqual([all[1], all[0]])
    expect(await ids({ result: 'refused' })).toEqual([all[2]])
    expect(await ids({ result: 'done', actor: 'li' })).toEqual([all[3], all[0]])
    expect(await ids({ since: first })).toEqual(rest)
    expect(await ids({ since: first }, { cursor: null, limit: 2 })).toEqual(rest.slice(0, 2))
    expect(await ids({ since: first }, { cursor: String(rest[1]), limit: 2 })).toEqual(rest.slice(2))
    expect(await ids({ since: all[3] })).toEqual([])
  })
})
