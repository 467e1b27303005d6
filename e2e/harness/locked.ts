// locked.ts — A real nats-server, locked with the files of `kagami nats init`, and clients with the stolen credentials
// of a worker.
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import {
  readJsonIfThere,
  connectNats,
  createLogger,
  openNatsKey,
  readJoinToken,
  signWorkerUser,
  newNatsKey,
  workersSigner,
  type NatsIdentity,
  type SupervisorCredentials,
} from '@kagami/runtime'
import { JOIN_INBOX, workerInbox } from '@kagami/protocol'
import type { NatsConnection } from '@nats-io/transport-node'
import { expect, inject } from 'vitest'
import type { NatsVersion, Place } from './place.ts'
import { freePort, runKagami } from './programs.ts'
import { until } from './wait.ts'

export interface LockedNats {
  readonly url: string
  /** The directory that `kagami nats init` created. */
  readonly dir: string
  /** The file for SUPERVISOR_NATS_CREDENTIALS. */
  readonly credentialsFile: string
  readonly credentials: SupervisorCredentials
  /** Ends the server with this signal and waits until it is gone. */
  kill(signal?: NodeJS.Signals): Promise<void>
  start(): Promise<void>
}

/** Sets up a locked NATS with the real command, and starts nats-server with the configuration that it wrote. */
export async function startLockedNats(place: Place, version: NatsVersion, dir = 'locked'): Promise<LockedNats> {
  const program = version === 'old' ? inject('tools').natsOld : inject('tools').natsNew
  const [port, monitor] = [await freePort(), await freePort()]
  const made = await runKagami(place, [
    'nats',
    'init',
    '--dir',
    place.at(dir),
    '--host',
    '127.0.0.1',
    '--port',
    String(port),
    '--listen',
    '127.0.0.1',
    '--monitor',
    `127.0.0.1:${monitor}`,
    '--server',
    program,
  ])
  expect([made.code, made.stderr]).toEqual([0, ''])
  let running = { kill: async (_signal: NodeJS.Signals) => {} }
  const start = async () => {
    const child = spawn(
      'setpriv',
      ['--pdeathsig', 'KILL', program, '-c', place.at(dir, 'server', 'nats-server.conf')],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    )
    let log = ''
    child.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()))
    const ended = new Promise((resolve) => child.once('exit', resolve))
    running = { kill: async (signal) => void (child.kill(signal), await ended) }
    await until(
      'the locked nats-server is healthy',
      async () => (await fetch(`http://127.0.0.1:${monitor}/healthz`)).ok,
      { seen: () => log },
    )
  }
  await start()
  place.onEnd(() => running.kill('SIGKILL'))
  const credentialsFile = place.at(dir, 'supervisor.json')
  return {
    url: `tls://127.0.0.1:${port}`,
    dir: place.at(dir),
    credentialsFile,
    credentials: JSON.parse(readFileSync(credentialsFile, 'utf8')) as SupervisorCredentials,
    kill: (signal = 'SIGKILL') => running.kill(signal),
    start,
  }
}

/** The identity of a worker on this machine, as anyone who can read its file gets it. */
export function readStolenIdentity(dataDir: string): NatsIdentity & { readonly publicKey: string } {
  const kept = readJsonIfThere(`${dataDir}/.kagami/nats.json`) as {
    worker_id: string
    seed: string
    jwt: string
    ca: string
  }
  return {
    jwt: kept.jwt,
    seed: kept.seed,
    ca: kept.ca,
    inbox: workerInbox(kept.worker_id),
    publicKey: openNatsKey(kept.seed).publicKey,
  }
}

/** Creates the credentials that the supervisor would give to a worker with this id. */
export async function createIdentity(
  nats: LockedNats,
  id: string,
): Promise<NatsIdentity & { readonly publicKey: string }> {
  const { seed, publicKey } = newNatsKey('user')
  return {
    jwt: await signWorkerUser(workersSigner(nats.credentials), { id, publicKey }),
    seed,
    ca: nats.credentials.ca,
    inbox: workerInbox(id),
    publicKey,
  }
}

/** The identity in a join token. */
export function identityOfToken(token: string): NatsIdentity {
  const { join, ca } = readJoinToken(token, 'token')
  return { ...join, ca, inbox: JOIN_INBOX }
}

/** Connects with an identity. Throws when it takes longer than `withinMs`: the server then refuses the identity. */
export async function connectAs(
  place: Place,
  nats: LockedNats,
  identity: NatsIdentity,
  withinMs = 3000,
): Promise<NatsConnection> {
  const logger = createLogger('attacker', { LOG_LEVEL: 'silent' })
  const connection = await connectNats({
    url: nats.url,
    name: 'test',
    logger,
    identity,
    signal: AbortSignal.timeout(withinMs),
  })
  place.onEnd(() => connection.close())
  return connection
}
