// accounts.ts — The supervisor's authority over a locked NATS: signs the credentials of workers and revokes them. Who
// gets credentials is decided elsewhere.
import {
  workersSigner,
  connectNats,
  pause,
  revocationsOf,
  signWorkersAccount,
  signWorkerUser,
  verifyWorkerUser,
  type Logger,
  type NatsIdentity,
  type Revocations,
  type SupervisorCredentials,
} from '@kagami/runtime'
import type { Accounts } from '../services.ts'

const ANSWER_MS = 5000
const RETRY_MS = 5000

/** The identity of the supervisor on NATS. */
export function supervisorIdentity(credentials: SupervisorCredentials): NatsIdentity {
  return { ...credentials.supervisor, ca: credentials.ca, inbox: '_INBOX' }
}

/** Connects to NATS only when it revokes. */
export function createAccounts(
  credentials: SupervisorCredentials,
  parts: { natsUrl: string; logger: Logger },
): Accounts {
  const signer = workersSigner(credentials)
  // One revocation at a time: each one reads the account from NATS, and replaces it.
  let last: Promise<unknown> = Promise.resolve()
  return {
    invitation: {
      url: credentials.url,
      ca: credentials.ca,
      account: credentials.workers.account,
      join: credentials.join,
    },
    sign: (id, publicKey) => signWorkerUser(signer, { id, publicKey }),
    verify: (id, jwt) => verifyWorkerUser(signer, id, jwt),
    revoke(publicKeys) {
      const revoking = last.then(() => revokeKeys(credentials, parts, publicKeys))
      last = revoking.catch(() => {})
      return revoking
    },
  }
}

/**
 * Makes sure that NATS has every revocation of the database, which it has not when it was restored or installed again.
 * Tries until it succeeds.
 */
export async function enforceRevocations(
  accounts: Accounts,
  parts: { keys: () => Promise<readonly string[]>; logger: Logger; signal: AbortSignal },
): Promise<void> {
  for (let logged = false; !parts.signal.aborted; logged = true) {
    try {
      const keys = await parts.keys()
      if (keys.length > 0) await accounts.revoke(keys)
      return
    } catch (error) {
      if (!logged)
        parts.logger.warn(
          { reason: (error as Error).message },
          'cannot check that NATS refuses revoked workers; trying again',
        )
    }
    await pause(RETRY_MS, parts.signal)
  }
}

/** Adds keys to the revocations of the workers' account. Does nothing when they are all there. */
async function revokeKeys(
  credentials: SupervisorCredentials,
  { natsUrl, logger }: { natsUrl: string; logger: Logger },
  publicKeys: readonly string[],
): Promise<void> {
  const connection = await connectNats({
    url: natsUrl,
    name: 'kagami-supervisor accounts',
    logger,
    identity: { ...credentials.system, ca: credentials.ca, inbox: '_INBOX' },
    signal: AbortSignal.timeout(ANSWER_MS),
  })
  try {
    const { account } = credentials.workers
    const found = await connection.request(`$SYS.REQ.ACCOUNT.${account}.CLAIMS.LOOKUP`, '', { timeout: ANSWER_MS })
    const present = revocationsOf(found.string() || credentials.workers.jwt)
    const missing = publicKeys.filter((key) => present[key] === undefined)
    if (missing.length === 0) return
    await replaceAccount(connection, await signWorkersAccount(credentials, withRevoked(present, missing)))
  } finally {
    await connection.close()
  }
}

function withRevoked(present: Revocations, keys: readonly string[]): Revocations {
  const now = Math.floor(Date.now() / 1000)
  return { ...present, ...Object.fromEntries(keys.map((key) => [key, now])) }
}

async function replaceAccount(connection: Awaited<ReturnType<typeof connectNats>>, jwt: string): Promise<void> {
  const reply = (await connection.request('$SYS.REQ.CLAIMS.UPDATE', jwt, { timeout: ANSWER_MS })).json() as {
    data?: { code?: number }
    error?: { description?: string }
  }
  if (reply.data?.code !== 200)
    throw new Error(`nats-server did not accept the account: ${reply.error?.description ?? JSON.stringify(reply)}`)
}
