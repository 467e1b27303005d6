// syncs.test.ts — Pages of syncs: running ones and then the history, each sync once, never more than was asked for.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Page, Progress, Sync, SyncNeighbours } from '@kagami/protocol'
import { sampleReport } from '@kagami/protocol/testing/samples'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { noChanges } from '../../core/changes.ts'
import type { WorkerEntry } from '../../core/entries.ts'
import { putReplica, putWorker, setPresence } from '../../core/fleet.ts'
import { openServices, recordOf } from '../../testing/services.ts'
import { makeReplica } from '../../testing/states.ts'
import { syncHandlers } from './syncs.ts'

const NOW = Date.parse('2026-11-28T00:00:00Z')

/** A fleet in which these syncs run, each of another replica, and a history of so many of the replica `historyOf`. */
async function fleetWith({ running, finished, historyOf }: { running: number; finished: number; historyOf?: string }) {
  const dir = mkdtempSync(join(tmpdir(), 'syncs-'))
  const { services } = await openServices(dir)
  const worker = putWorker(services.fleet, recordOf('w0'), NOW)
  for (let index = 0; index < running; index++) {
    // Some start in the same second: then the id decides.
    const current = { sync_id: `r-${index}`, started_at: new Date(NOW + (index >> 1) * 1000).toISOString() }
    const state = {
      ...makeReplica('w0', index, 1),
      activity: 'syncing' as const,
      current: { ...current, trigger: 'schedule' as const },
    }
    putReplica({ fleet: services.fleet, worker, changes: noChanges(), now: NOW }, state)
  }
  const reports = Array.from({ length: finished }, (_, index) =>
    sampleReport({
      sync_id: `finished-${index}`,
      worker_id: 'w0',
      ...(historyOf === undefined ? {} : { replica_id: historyOf }),
    }),
  )
  if (finished > 0) await services.store.addReports(reports)
  const at = { supervisor: { services } } as never
  return {
    list: (query: object) => syncHandlers.listSyncs({ query } as never, at) as Promise<Page<Sync>>,
    neighbours: (id: string) => syncHandlers.syncNeighbours({ params: { id } } as never, at) as Promise<SyncNeighbours>,
    async close() {
      await services.store.close()
      rmSync(dir, { recursive: true })
    },
  }
}

describe('listSyncs', () => {
  it('shows every sync once, running ones first, in pages no longer than asked for', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({ running: fc.nat(7), finished: fc.nat(7) }),
        fc.integer({ min: 1, max: 9 }),
        fc.constantFrom(undefined, 'running', 'finished'),
        async (counts, limit, state) => {
          const fleet = await fleetWith(counts)
          const ids: string[] = []
          let cursor: string | null = ''
          while (cursor !== null) {
            const page: Page<Sync> = await fleet.list({ cursor, limit, state })
            expect(page.items.length).toBeLessThanOrEqual(limit)
            ids.push(...page.items.map(({ sync_id }) => sync_id))
            cursor = page.next_cursor
          }
          await fleet.close()
          const running = state === 'finished' ? 0 : counts.running
          const finished = state === 'running' ? 0 : counts.finished
          expect(ids.map((id) => id[0]).join('')).toBe('r'.repeat(running) + 'f'.repeat(finished))
          expect(new Set(ids).size).toBe(running + finished)
        },
      ),
      { numRuns: 60 },
    )
  })

  it('counts all of them on every page', async () => {
    const fleet = await fleetWith({ running: 3, finished: 4 })
    const totals: number[] = []
    let cursor: string | null = ''
    while (cursor !== null) {
      const page: Page<Sync> = await fleet.list({ cursor, limit: 2 })
      totals.push(page.total)
      cursor = page.next_cursor
    }
    await fleet.close()
    expect(totals).toEqual([7, 7, 7, 7])
  })
})

describe('listSyncs by what ends first', () => {
  /** A running sync: s since it began, percent that is done, s that three syncs before took. */
  type Running = { ran: number; percent?: number; usual?: number }

  /** A fleet in which these run on one worker. */
  async function fleetOf(syncs: Record<string, Running>) {
    const dir = mkdtempSync(join(tmpdir(), 'ending-'))
    const { services } = await openServices(dir, undefined, new Date(NOW))
    const put = (worker: WorkerEntry, [id, { ran, percent }]: [string, Running], index: number) => {
      const started_at = new Date(NOW - ran * 1000).toISOString()
      const current = { sync_id: id, started_at, trigger: 'schedule' as const }
      const state = { ...makeReplica(worker.record.worker_id, index, 1), activity: 'syncing' as const, current }
      putReplica({ fleet: services.fleet, worker, changes: noChanges(), now: NOW }, state)
      const progress = { phase: 'transferring', percent: percent ?? null, bytes: 1, files: 1, bytes_per_second: 1 }
      const row = services.fleet.replicas.find(state.replica_id)
      services.fleet.replicas.showProgress(row, { progress: progress as Progress, syncId: id, at: NOW })
      return state.replica_id
    }
    const worker = putWorker(services.fleet, recordOf('w0'), NOW)
    for (const [index, [id, running]] of Object.entries(syncs).entries()) {
      const replica_id = put(worker, [id, running], index)
      const { usual } = running
      if (usual === undefined) continue
      const before = { worker_id: 'w0', replica_id, duration_ms: usual * 1000 }
      await services.store.addReports([0, 1, 2].map((n) => sampleReport({ ...before, sync_id: `${id}-${n}` })))
    }
    const at = { supervisor: { services } } as never
    return {
      addSilent(id: string, running: Running) {
        const silent = putWorker(services.fleet, recordOf('w1'), NOW)
        put(silent, [id, running], 0)
        silent.lastSeenAt = new Date(NOW).toISOString()
        setPresence(services.fleet, silent, 'lost', NOW)
      },
      list: (query: object) => syncHandlers.listSyncs({ query } as never, at) as Promise<Page<Sync>>,
      async close() {
        await services.store.close()
        rmSync(dir, { recursive: true })
      },
    }
  }

  it('has those whose end can be told, then those that have run longest', async () => {
    const fleet = await fleetOf({
      'longer-than-usual': { ran: 500, usual: 30 },
      'just-begun': { ran: 10 },
      'by-what-is-usual': { ran: 40, usual: 100 },
      'long-ago': { ran: 1000 },
      'by-progress': { ran: 90, percent: 90 },
      'by-little-progress': { ran: 90, percent: 10, usual: 91 },
    })
    const { items, total, next_cursor } = await fleet.list({ sort: 'ending', limit: 5 })
    expect(items.map(({ sync_id }) => sync_id)).toEqual([
      'by-progress',
      'by-what-is-usual',
      'by-little-progress',
      'long-ago',
      'longer-than-usual',
    ])
    expect(items[1]!.usual).toEqual({ syncs: 3, p50_ms: 100_000, p95_ms: 100_000 })
    expect([total, next_cursor]).toEqual([6, null])
    await expect(fleet.list({ sort: 'ending', cursor: 'running.x' })).rejects.toThrow('sort=ending has one page')
    expect((await fleet.list({ sort: 'ending', state: 'finished' })).items).toEqual([])
    expect((await fleet.list({ sort: 'ending', worker: 'w0' })).total).toBe(6)
    await fleet.close()
  })

  it('has those of a silent worker last, and since when nothing is known of them', async () => {
    const fleet = await fleetOf({ 'nearly-done': { ran: 90, percent: 90 }, 'just-begun': { ran: 10 } })
    fleet.addSilent('silent', { ran: 1000, percent: 99 })
    const { items } = await fleet.list({ sort: 'ending', limit: 5 })
    expect(items.map(({ sync_id, worker_silent_since: since }) => [sync_id, since])).toEqual([
      ['nearly-done', undefined],
      ['just-begun', undefined],
      ['silent', new Date(NOW).toISOString()],
    ])
    await fleet.close()
  })
})

describe('syncNeighbours', () => {
  it('leads through the syncs of a replica in the order of its list, the running one last', async () => {
    const fleet = await fleetWith({ running: 1, finished: 5, historyOf: makeReplica('w0', 0, 1).replica_id })
    const listed = (await fleet.list({ limit: 9 })).items.map(({ sync_id }) => sync_id)
    expect(listed).toHaveLength(6)
    for (const [at, id] of listed.entries())
      expect(await fleet.neighbours(id)).toEqual({
        previous_sync_id: listed[at + 1] ?? null,
        next_sync_id: listed[at - 1] ?? null,
      })
    await fleet.close()
  })

  it('knows no syncs of other replicas', async () => {
    const fleet = await fleetWith({ running: 1, finished: 2, historyOf: 'another' })
    expect(await fleet.neighbours('r-0')).toEqual({ previous_sync_id: null, next_sync_id: null })
    expect(await fleet.neighbours('finished-1')).toEqual({ previous_sync_id: 'finished-0', next_sync_id: null })
    await fleet.close()
  })
})
