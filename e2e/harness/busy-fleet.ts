// busy-fleet.ts — Real workers with many small replicas that sync every second, so that reports never stop coming.
import { mkdirSync, writeFileSync } from 'node:fs'
import { startHttpUpstream } from '@kagami/demo'
import { compareWithHistory, openLedger, readHistory, type Ledger } from './ledger.ts'
import type { Place } from './place.ts'
import { startSupervisor, startWorker, type Program, type SupervisorProgram } from './programs.ts'
import { until } from './wait.ts'

export interface BusyFleet {
  readonly ledger: Ledger
  readonly workers: readonly Program[]
  supervisor: SupervisorProgram
  /** Kills the supervisor and starts it again on the same port. */
  restartSupervisor(): Promise<void>
  /**
   * Stops the workers, waits until the history is complete, and returns its number of syncs. Throws when a sync is
   * missing, or is in the history but was never started.
   */
  stopAndCount(): Promise<number>
}

/** Starts `workers` workers of `replicas` replicas each. */
export async function startBusyFleet(
  place: Place,
  options: { nats: string; workers?: number; replicas?: number; env?: Record<string, string> },
): Promise<BusyFleet> {
  const { nats, workers: workerCount = 2, replicas = 8, env = {} } = options
  mkdirSync(place.at('www'), { recursive: true })
  const names = Array.from({ length: replicas }, (_, n) => `tiny-${n}`)
  for (const name of names) writeFileSync(place.at('www', name), name)
  const upstream = await startHttpUpstream({ dir: place.at('www') })
  place.onEnd(() => upstream.stop())
  const dirs = Array.from({ length: workerCount }, (_, n) => `worker-${n}`)
  const providers = names.map((name) => ({ name, kind: 'http', upstream: `${upstream.url}/${name}`, interval_secs: 1 }))
  const supervisor = await startSupervisor(place, { nats, env })
  const ledger = openLedger(
    place,
    dirs.map((dir) => place.at(dir)),
  )
  const workers = await Promise.all(
    dirs.map((dir) =>
      startWorker(place, {
        nats,
        dir,
        providers,
        env: { KAGAMI_WORKER_ID: dir, KAGAMI_SLOTS: '16', KAGAMI_SLOTS_PER_HOST: '16' },
      }),
    ),
  )
  const fleet: BusyFleet = {
    ledger,
    workers,
    supervisor,
    async restartSupervisor() {
      const port = Number(new URL(fleet.supervisor.url).port)
      await fleet.supervisor.kill()
      fleet.supervisor = await startSupervisor(place, { nats, port, env })
    },
    stopAndCount: () => stopAndCount(fleet),
  }
  await until(
    'reports come in',
    async () =>
      (await supervisor.api.call('listSyncs', { query: { state: 'finished', limit: 1 } })).total >
      workerCount * replicas,
  )
  return fleet
}

/** Syncs that started and are not in the history. Throws when the history has one that never started. */
async function missingSyncs({ supervisor, ledger }: BusyFleet): Promise<string[]> {
  const { missing, unknown } = await compareWithHistory(ledger, supervisor.api)
  if (unknown.length > 0) throw new Error(`in the history, but never started: ${unknown.join(', ')}`)
  return missing
}

async function describeMissing(fleet: BusyFleet): Promise<object> {
  const ids = await missingSyncs(fleet)
  return {
    missing: ids.length,
    first: ids.slice(0, 3),
    last: ids.slice(-3),
    started: fleet.ledger.started.size,
    waiting: fleet.ledger.waiting(),
    supervisor: fleet.supervisor.output().slice(-1500),
  }
}

async function stopAndCount(fleet: BusyFleet): Promise<number> {
  await until('few reports wait on the disks of the workers', () => fleet.ledger.waiting() < fleet.workers.length * 3, {
    seen: () => fleet.ledger.waiting(),
  })
  const running = fleet.workers.length * 8
  await until('the history has nearly every sync', async () => (await missingSyncs(fleet)).length <= running, {
    seen: () => describeMissing(fleet),
  })
  for (const worker of fleet.workers) worker.child.kill('SIGTERM')
  for (const worker of fleet.workers) await worker.exited
  await until('the history has every sync', async () => (await missingSyncs(fleet)).length === 0, {
    seen: () => describeMissing(fleet),
  })
  return (await readHistory(fleet.supervisor.api)).size
}
