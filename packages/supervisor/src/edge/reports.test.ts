// reports.test.ts — Reports are taken in although a pull is never answered, as when nats-server is killed at the wrong moment.
import type { Consumer, JsMsg } from '@nats-io/jetstream'
import type { SyncReport } from '@kagami/protocol'
import { createLogger, newId, type Bus } from '@kagami/runtime'
import { expect, test } from 'vitest'
import type { Store } from '../store/store.ts'
import { consumeReports } from './reports.ts'

const at = '2026-01-01T00:00:00.000Z'
const report: SyncReport = {
  sync_id: newId(), worker_id: 'w', replica_id: 'r', name: 'm', kind: 'http', trigger: 'schedule', request_id: null, outcome: 'success', reason: null, message: null, hint: null, tail: null, exit_code: null,
  started_at: at, ended_at: at, duration_ms: 0, bytes: 1, files: 1, size_bytes: 1, revision: null,
}

/** A bus whose first pull ends only when it is closed; the second one brings the report. */
function aBus(acked: string[]): Bus {
  let pulls = 0
  const fetch = () => {
    const closed = Promise.withResolvers<void>()
    const messages = pulls++ === 1 ? [{ data: new TextEncoder().encode(JSON.stringify(report)), subject: 'kagami.evt.w.report', info: { pending: 0 }, ack: () => acked.push(report.sync_id), nak: () => {} } as unknown as JsMsg] : []
    return Promise.resolve({
      close: () => Promise.resolve(closed.resolve()),
      async *[Symbol.asyncIterator]() {
        yield* messages
        if (messages.length === 0) await closed.promise
      },
    })
  }
  return { connected: true, stream: { consumers: { get: () => Promise.resolve({ fetch } as unknown as Consumer) } } } as unknown as Bus
}

test('a pull that is never answered ends, is told, and the next one brings the report', { timeout: 20_000 }, async () => {
  const stopping = new AbortController()
  const [acked, stored, said]: [string[], string[], string[]] = [[], [], []]
  const store = { addReports: (reports: SyncReport[]) => Promise.resolve(new Set(reports.map(({ sync_id }) => stored.push(sync_id) && sync_id))) } as unknown as Store
  const logger = { ...createLogger('test', { LOG_LEVEL: 'silent' }), warn: ({ reason }: { reason: string }) => void said.push(reason) } as never
  await consumeReports({ bus: aBus(acked), store, logger, signal: stopping.signal, holderOf: () => 'w', onStored: () => stopping.abort() })
  expect([stored, acked, said]).toEqual([[report.sync_id], [report.sync_id], ['NATS does not answer when it is asked for reports']])
})
