// fleet.ts — A supervisor that asks who one is, with replicas of two teams, and clients with tokens of their own.
import { createClient, type ApiError, type Client, type Role, type Scope } from '@kagami/protocol'
import { sampleState } from '@kagami/protocol/testing/samples'
import { startNats, type Place } from '../harness/place.ts'
import { startSupervisor, type SupervisorProgram } from '../harness/programs.ts'
import { startSpokenWorker } from '../harness/spoken-worker.ts'
import { until } from '../harness/wait.ts'

/** The token of the supervisor itself. */
export const ROOT_TOKEN = 'root-token-of-this-test'

/** The replicas: name, and the labels that they have. */
export const TEAMS = {
  linux: { team: 'kernel', env: 'prod' },
  'linux-next': { team: 'kernel' },
  debian: { team: 'distro', env: 'prod' },
  plain: {},
} as const

/** A supervisor with one worker, and clients for it. */
export interface AccessFleet {
  readonly supervisor: SupervisorProgram
  readonly nats: string
  /** The id of a replica. */
  readonly idOf: (name: keyof typeof TEAMS) => string
  /** A client with a new token. */
  clientFor(name: string, role: Role, scope?: Scope, expires_secs?: number): Promise<Client>
}

/** Starts it. */
export async function startAccessFleet(place: Place, env: Record<string, string> = {}): Promise<AccessFleet> {
  const { url: nats } = await startNats(place)
  const supervisor = await startSupervisor(place, {
    nats,
    env: { SUPERVISOR_AUTH: 'token', SUPERVISOR_API_TOKEN: ROOT_TOKEN, ...env },
  })
  const idOf = (name: keyof typeof TEAMS) => `w-1-${name}`
  await startSpokenWorker(place, nats, {
    replicas: Object.entries(TEAMS).map(([name, labels]) =>
      sampleState({ replica_id: `w-1-${name}`, name, labels, origin: 'config' }),
    ),
    about: { worker_id: 'w-1', name: 'sh-12' },
  })
  await until('all are there', async () => (await supervisor.api.call('listReplicas')).total === 4)
  return {
    supervisor,
    nats,
    idOf,
    async clientFor(name, role, scope = {}, expires_secs) {
      const body = { name, role, scope, ...(expires_secs === undefined ? {} : { expires_secs }) }
      const { token } = await supervisor.api.call('makeAccessToken', { body })
      return createClient({ baseUrl: supervisor.url, token: () => token })
    },
  }
}

/** Code and message of a refusal; null when there was none. */
export function refusalOf(call: Promise<unknown>): Promise<{ code: string; message: string } | null> {
  return call.then(
    () => null,
    ({ code, message }: ApiError) => ({ code, message }),
  )
}
