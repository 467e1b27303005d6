// logs.test.ts — kagami logs and syncs: a log to its end, and the history in columns.
import { Refusal } from '@kagami/protocol'
import { describe, expect, it } from 'vitest'
import { startApi } from '../testing/api-server.ts'
import { runKagami } from '../testing/run-kagami.ts'
import { aPage, aReplica, aResource, aSync, secondsFromNow } from '../testing/samples.ts'

const TEXT = 'first line\nsecond line\nthird\n'
/** The log in pieces of 12 bytes; it is written on until its last piece has been read. */
function piece({ query }: { query?: { offset?: number } }) {
  const offset = query?.offset ?? 0
  const text = TEXT.slice(offset, offset + 12)
  const next = offset + text.length
  return {
    text,
    headers: new Headers({
      'x-log-next-offset': String(next),
      'x-log-size': String(TEXT.length),
      'x-log-running': String(next < TEXT.length),
    }),
  }
}
const sync = aSync({
  outcome: 'failed',
  message: 'no route',
  hint: 'Look at the network.',
  reason: 'upstream_unreachable',
})
const api = await startApi({
  getSync: ({ params: { id } }) => {
    if (id !== sync.sync_id) throw new Refusal('not_found', `there is no sync ${id}`)
    return sync
  },
  getResource: ({ params: { id } }) => {
    const workers = new Map([
      ['debian', ['sh-12']],
      ['arch', ['sh-12', 'sh-13']],
    ]).get(id)
    if (!workers) throw new Refusal('not_found', `there is no mirror ${id}`)
    return { ...aResource(), replicas: workers.map((worker_name) => aReplica({ name: id, worker_name })) }
  },
  listSyncs: ({ query }) => (query?.replica === 'new@sh-12' || query?.outcome === 'held' ? aPage() : aPage(sync)),
  syncLog: piece,
  cancelSync: () => undefined,
})
const run = (line: string) => runKagami(line, api.env)

describe('kagami logs', () => {
  it.each([sync.sync_id, 'debian', 'debian@sh-12', `-f ${sync.sync_id}`])(
    '%s prints the whole log, and around it what it was',
    async (name) => {
      const { code, stdout, stderr } = await run(`logs ${name}`)
      expect([code, stdout]).toEqual([0, TEXT])
      expect(stderr).toMatch(/^── debian@sh-12 · manual · started \S+ ──\n/)
      expect(stderr).toMatch(/── ✕ failed after 2s · no route ──\nhint: Look at the network\.\n$/)
    },
  )
  it.each([
    ['0190-nothing', 'there is no sync and no mirror 0190-nothing'],
    ['new@sh-12', 'new@sh-12 has never been synced'],
  ])('%s is not found', async (name, text) => {
    const { code, stdout, stderr } = await run(`logs ${name}`)
    expect([code, stdout]).toEqual([3, ''])
    expect(stderr).toBe(
      `error: ${text}\nhint: Check the id or name. Lists are at /api/v1/workers, /api/v1/replicas and ` +
        '/api/v1/resources.\n',
    )
  })
  it('a mirror with several replicas is not guessed: they are named', async () => {
    const { code, stdout, stderr } = await run('logs arch')
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toBe('error: arch has 2 replicas: arch@sh-12, arch@sh-13\nhint: Name one of them: arch@sh-12\n')
  })
})

describe('kagami syncs', () => {
  it('lists the newest, with the beginning of the id and the cause', async () => {
    const { stdout, stderr } = await run('syncs')
    expect(stdout).toMatch(/^RESULT +SYNC +REPLICA +TRIGGER +STARTED +TOOK +RECEIVED +CAUSE\n/)
    expect(stdout).toMatch(
      /✕ failed +0190a1b2-c3d4-7e5f +debian@sh-12 +manual +60s ago +2s +3\.0 MiB +upstream_unreachable\n$/,
    )
    expect(stderr).toBe('1 of 1 syncs shown.\n')
    expect(api.asked.at(-1)?.query).toEqual({ limit: 20 })
  })
  it('says of what ran on a silent worker that it is unknown, and for how long', async () => {
    const silent = { state: 'running', outcome: null, ended_at: null, duration_ms: null } as const
    const since = { ...silent, worker_silent_since: secondsFromNow(-200) }
    const items = [aSync(since), aSync({ ...silent, worker_silent_since: null }), aSync(silent)]
    const { env } = await startApi({ listSyncs: () => aPage(...items) })
    const [, first, second, third] = (await runKagami('syncs', env)).stdout.split('\n')
    expect(first).toMatch(/^\? unknown .* - +3\.0 MiB +worker silent for 3m$/)
    expect(second).toMatch(/^\? unknown .* - +3\.0 MiB +worker silent$/)
    expect(third).toMatch(/^↻ running .* 60s +3\.0 MiB +-$/)
  })
  it('passes filters on', async () => {
    const { stderr } = await run('syncs list --replica debian@sh-12 --worker sh-12 --outcome held --limit 3')
    expect(api.asked.at(-1)?.query).toEqual({ replica: 'debian@sh-12', worker: 'sh-12', outcome: 'held', limit: 3 })
    expect(stderr).toBe('No syncs yet.\n')
  })
  it('cancels the newest of a replica', async () => {
    expect((await run('syncs cancel debian@sh-12')).stdout).toBe('Cancelled the sync of debian@sh-12\n')
    expect(api.asked.at(-1)).toMatchObject({ name: 'cancelSync', params: { id: sync.sync_id } })
  })
})
