// mirror-fleet.ts — A supervisor, and one worker that mirrors an upstream of each kind in place and by swap.
import { expect } from 'vitest'
import type { Replica } from '@kagami/protocol'
import { followDocumented } from './documented.ts'
import { startMirrors, syncAll, type Mirror, type Mirrors } from './mirrors.ts'
import { startNats, type Place } from './place.ts'
import { startSupervisor, startWorker, type Program, type SupervisorProgram } from './programs.ts'
import { until } from './wait.ts'

export interface MirrorFleet {
  readonly mirrors: Mirrors
  readonly nats: string
  readonly supervisor: SupervisorProgram
  readonly names: readonly string[]
  worker: Program
  /** Ends the worker, and starts it again with other settings, and other keys of its replicas. */
  restart(change?: FleetChange): Promise<void>
  /** Follows a command line of docs/operations.md; see `followDocumented`. */
  follow(line: string, to?: Readonly<Record<string, string>>): Promise<string>
  replicas(): Promise<readonly Replica[]>
  /** Syncs all, and expects that all succeed. */
  syncWell(): Promise<void>
  /** Waits until this is so of every replica. */
  all(what: string, is: (replica: Replica) => unknown): Promise<readonly Replica[]>
  /** Expects that readers of each copy see what the upstream has. */
  expectWhole(): void
}

export interface FleetChange {
  readonly env?: Record<string, string>
  /** Further keys of a replica in worker.toml; null leaves it out. */
  readonly keys?: (mirror: Mirror) => object | null
}

/** Starts everything, and syncs all once. The worker has the id `w`, and the name `sh-1`. */
export async function startMirrorFleet(place: Place, change: FleetChange = {}): Promise<MirrorFleet> {
  const mirrors = await startMirrors(place)
  const { url: nats } = await startNats(place)
  const supervisor = await startSupervisor(place, { nats })
  const launch = ({ env, keys = () => ({}) }: FleetChange) =>
    startWorker(place, {
      nats,
      providers: mirrors.all.flatMap((mirror) => {
        const { subject: _subject, ...provider } = mirror
        const more = keys(mirror)
        return more ? [{ ...provider, interval_secs: 86_400, ...more }] : []
      }),
      env: { KAGAMI_WORKER_ID: 'w', KAGAMI_NAME: 'sh-1', ...env },
    })
  const names = mirrors.all.map(({ name }) => name)
  const replicas = async () => (await supervisor.api.call('listReplicas', { query: { limit: 500 } })).items
  const fleet: MirrorFleet = {
    mirrors,
    nats,
    supervisor,
    names,
    worker: await launch(change),
    replicas,
    async restart(next = change) {
      await fleet.worker.kill('SIGTERM')
      fleet.worker = await launch(next)
    },
    follow: (line, to = {}) => followDocumented(place, line, { to, env: { KAGAMI_API: supervisor.url } }),
    async syncWell() {
      for (const [name, one] of Object.entries(await syncAll(supervisor, 'w', names)))
        expect(one, `${name}: ${one.message}`).toMatchObject({ outcome: 'success' })
    },
    all: (what, is) =>
      until(
        what,
        async () => {
          const found = await replicas()
          return found.length > 0 && found.every(is) && found
        },
        { seen: replicas },
      ),
    expectWhole() {
      for (const { name, subject } of mirrors.all)
        expect(mirrors.read(place.at('data', name), subject), name).toBe(mirrors.expected(subject))
    },
  }
  await fleet.syncWell()
  return fleet
}
