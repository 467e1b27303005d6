// accounts.ts — The supervisor's authority over a locked NATS: signs workers' credentials and takes them back. Who gets
// any is decided elsewhere.
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

/** Who the supervisor is on NATS. */
export function supervisorIdentity(credentials: SupervisorCredentials): NatsIdentity {
  return { ...credentials.supervisor, ca: credentials.ca, inbox: '_INBOX' }
}

/** Needs no connection until something is revoked. */
export function createAccounts(
  credentials: SupervisorCredentials,
  parts: { natsUrl: string; logger: Logger },
): Accounts {
  const signer = workersSigner(credentials)
  // One change at a time: each is made from what stands there.
  let turn: Promise<unknown> = Promise.resolve()
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
      const mine = turn.then(() => push(credentials, parts, publicKeys))
      turn = mine.catch(() => {})
      return mine
    },
  }
}

/**
 * Sees to it that NATS knows every revocation of the database, and tries until it does: NATS may have been made anew or
 * restored.
 */
export async function enforceRevocations(
  accounts: Accounts,
  parts: { keys: () => Promise<readonly string[]>; logger: Logger; signal: AbortSignal },
): Promise<void> {
  for (let said = false; !parts.signal.aborted; said = true) {
    try {
      const keys = await parts.keys()
      if (keys.length > 0) await accounts.revoke(keys)
      return
    } catch (error) {
      if (!said)
        parts.logger.warn(
          { reason: (error as Error).message },
          'cannot check that revoked workers are refused; trying again',
        )
    }
    await pause(RETRY_MS, parts.signal)
  }
}

async function push(
  credentials: SupervisorCredentials,
  { natsUrl, logger }: { natsUrl: string; logger: Logger },
  publicKeys: readonly string[],
): Promise<void> {
  const identity = { ...credentials.system, ca: credentials.ca, inbox: '_INBOX' }
  const connection = await connectNats({
    url: natsUrl,
    name: 'kagami-supervisor accounts',
    logger,
    identity,
    signal: AbortSignal.timeout(ANSWER_MS),
  })
  try {
    const { account } = credentials.workers
    const found = await connection.request(`$SYS.REQ.ACCOUNT.${account}.CLAIMS.LOOKUP`, '', { timeout: ANSWER_MS })
    const standing = revocationsOf(found.string() || credentials.workers.jwt)
    const missing = publicKeys.filter((key) => standing[key] === undefined)
    if (missing.length === 0) return
    await replaceAccount(connection, await signWorkersAccount(credentials, withRevoked(standing, missing)))
  } finally {
    await connection.close()
  }
}

function withRevoked(standing: Revocations, keys: readonly string[]): Revocations {
  const now = Math.floor(Date.now() / 1000)
  return { ...standing, ...Object.fromEntries(keys.map((key) => [key, now])) }
}

async function replaceAccount(connection: Awaited<ReturnType<typeof connectNats>>, jwt: string): Promise<void> {
  const reply = (await connection.request('$SYS.REQ.CLAIMS.UPDATE', jwt, { timeout: ANSWER_MS })).json() as {
    data?: { code?: number }
    error?: { description?: string }
  }
  if (reply.data?.code !== 200)
    throw new Error(`nats-server did not take the accounts: ${reply.error?.description ?? JSON.stringify(reply)}`)
}
