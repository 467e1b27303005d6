// busy-fleet.ts — Real workers with many small replicas that sync every second, so that reports never stop coming.
import { mkdirSync, writeFileSync } from 'node:fs'
import { startHttpUpstream } from '@kagami/demo'
import { compared, keepLedger, wholeHistory, type Ledger } from './ledger.ts'
import type { Place } from './place.ts'
import { aSupervisor, aWorker, type Program, type SupervisorProgram } from './programs.ts'
import { until } from './wait.ts'

export interface BusyFleet {
  readonly ledger: Ledger
  readonly workers: readonly Program[]
  supervisor: SupervisorProgram
  /** Starts the supervisor again, on the same port. */
  restartSupervisor(): Promise<void>
  /**
   * Stops the workers, waits until the history is whole, and returns how many syncs it has. Throws when one is missing
   * or was never begun.
   */
  settle(): Promise<number>
}

/** Starts `workers` workers of `replicas` replicas each. */
export async function aBusyFleet(
  place: Place,
  options: { nats: string; workers?: number; replicas?: number; env?: Record<string, string> },
): Promise<BusyFleet> {
  const { nats, workers: many = 2, replicas = 8, env = {} } = options
  mkdirSync(place.at('www'), { recursive: true })
  const names = Array.from({ length: replicas }, (_, n) => `tiny-${n}`)
  for (const name of names) writeFileSync(place.at('www', name), name)
  const upstream = await startHttpUpstream({ dir: place.at('www') })
  place.also(() => upstream.stop())
  const dirs = Array.from({ length: many }, (_, n) => `worker-${n}`)
  const providers = names.map((name) => ({ name, kind: 'http', upstream: `${upstream.url}/${name}`, interval_secs: 1 }))
  const supervisor = await aSupervisor(place, { nats, env })
  const ledger = keepLedger(
    place,
    dirs.map((dir) => place.at(dir)),
  )
  const workers = await Promise.all(
    dirs.map((dir) =>
      aWorker(place, {
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
      fleet.supervisor = await aSupervisor(place, { nats, port, env })
    },
    settle: () => settle(fleet),
  }
  await until(
    'reports come in',
    async () =>
      (await supervisor.api.call('listSyncs', { query: { state: 'finished', limit: 1 } })).total > many * replicas,
  )
  return fleet
}

/** Syncs that began and are not in the history. Throws when it has one that never began. */
async function untold({ supervisor, ledger }: BusyFleet): Promise<string[]> {
  const { missing, unknown } = await compared(ledger, supervisor.api)
  if (unknown.length > 0) throw new Error(`in the history, but never begun: ${unknown.join(', ')}`)
  return missing
}

async function whatIsMissing(fleet: BusyFleet): Promise<object> {
  const ids = await untold(fleet)
  return {
    missing: ids.length,
    first: ids.slice(0, 3),
    last: ids.slice(-3),
    begun: fleet.ledger.begun.size,
    waiting: fleet.ledger.waiting(),
    supervisor: fleet.supervisor.output().slice(-1500),
  }
}

async function settle(fleet: BusyFleet): Promise<number> {
  await until('nothing waits on the workers’ disks', () => fleet.ledger.waiting() < fleet.workers.length * 3, {
    seen: () => fleet.ledger.waiting(),
  })
  const running = fleet.workers.length * 8
  await until('the history has nearly every sync', async () => (await untold(fleet)).length <= running, {
    seen: () => whatIsMissing(fleet),
  })
  for (const worker of fleet.workers) worker.child.kill('SIGTERM')
  for (const worker of fleet.workers) await worker.exited
  await until('the history has every sync', async () => (await untold(fleet)).length === 0, {
    seen: () => whatIsMissing(fleet),
  })
  return (await wholeHistory(fleet.supervisor.api)).size
}
