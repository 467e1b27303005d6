// enrol.ts — How a worker obtains credentials on a locked NATS: it makes a key, sends a join token, and waits until
// people approve.
import { lstatSync, readFileSync } from 'node:fs'
import { join as pathOf } from 'node:path'
import { enrolProof, JOIN_INBOX, workerInbox, type EnrolReply, type Join } from '@kagami/protocol'
import {
  ConfigError,
  connectBus,
  JoinTokenContent,
  logDamage,
  newNatsKey,
  openNatsKey,
  openStateFile,
  pause,
  previousOf,
  sealedJson,
  type Bus,
  type Damage,
  type Logger,
  type NatsIdentity,
  type StateFile,
} from '@kagami/runtime'
import Type, { type Static } from 'typebox'

const FILE = 'nats.json'
const ANSWER_MS = 3000
const ASK_FIRST_MS = 1000
const ASK_MAX_MS = 10_000

/** The content of data_dir/.kagami/nats.json (0600). The key is made here and never leaves the worker. */
const Kept = Type.Object({
  worker_id: Type.String(),
  url: Type.String(),
  ca: Type.Union([Type.String(), Type.Null()]),
  account: Type.String(),
  seed: Type.String(),
  /** Null until approved. The token is kept until then, so that a restart goes on asking. */
  jwt: Type.Union([Type.String(), Type.Null()]),
  token: Type.Optional(JoinTokenContent),
})
type Kept = Static<typeof Kept>
const form = sealedJson(Kept)

/** The address of NATS and the worker's identity there; no identity where NATS is open. */
export interface NatsAccess {
  readonly url: string
  readonly identity?: NatsIdentity
}

export interface AccessParts {
  /** data_dir/.kagami */
  readonly directory: string
  readonly workerId: string
  readonly token: JoinTokenContent | null
  readonly url: string
  /** Whether the address was configured: then it takes precedence over that of the token. */
  readonly urlGiven: boolean
  readonly joinMessage: () => Join
  readonly logger: Logger
  readonly signal: AbortSignal
  /** Called while the fleet has not approved the worker. */
  readonly onWaiting: (reply: EnrolReply) => void
}

/** Reads stored credentials, or requests them until they are granted. Throws ConfigError when there can be none. */
export async function obtainAccess(parts: AccessParts): Promise<NatsAccess> {
  const kept = readKept(parts)
  if (!kept) return { url: parts.url }
  const approved = kept.jwt === null ? await requestCredentials(parts, kept) : kept
  const { ca, seed, jwt } = approved
  return {
    url: parts.urlGiven ? parts.url : approved.url,
    identity: { jwt: jwt!, seed, ca, inbox: workerInbox(parts.workerId) },
  }
}

/**
 * Whether the worker of a data_dir was approved on the NATS of this account. Throws ConfigError when its file is
 * damaged and there is no earlier version of it.
 */
export function holdsCredentials(dataDir: string, account: string, logger: Logger): boolean {
  const kept = fileOf(pathOf(dataDir, '.kagami'), logDamage(logger)).read()
  return kept !== null && kept.account === account && kept.jwt !== null
}

/** The worker whose credentials are in data_dir/.kagami, and whether it was approved; null when it has none. */
export function ownerOfCredentials(directory: string): { workerId: string; approved: boolean } | null {
  for (const path of [pathOf(directory, FILE), previousOf(pathOf(directory, FILE))]) {
    try {
      const kept = form.read(readFileSync(path, 'utf8'))
      if (kept) return { workerId: kept.worker_id, approved: kept.jwt !== null }
    } catch {
      // Said when the credentials are used.
    }
  }
  return null
}

function fileOf(directory: string, onDamage: (damage: Damage) => void): StateFile<Kept> {
  return openStateFile({
    path: pathOf(directory, FILE),
    form,
    onDamage,
    cure:
      'Restore it from a backup; or remove it, revoke the worker (kagami workers revoke ID), and start it with a new ' +
      'join token (kagami nats token).',
  })
}

/** The stored content if it still fits, otherwise what a token starts with; null when NATS is open. */
function readKept({ directory, workerId, token, logger }: AccessParts): Kept | null {
  const file = fileOf(directory, logDamage(logger))
  // Whoever revoked a worker removes its file and gives it a new token: its old key must not come back.
  if (token && lstatSync(file.path, { throwIfNoEntry: false }) === undefined) file.remove()
  const kept = file.read()
  const fits = kept?.worker_id === workerId && (!token || token.account === kept.account)
  // A newer token replaces the one used before. The key stays, because it may already be bound.
  if (kept && fits) return token && !kept.jwt ? { ...kept, url: token.url, ca: token.ca, token } : kept
  if (token) {
    const { url, ca, account } = token
    const fresh: Kept = { worker_id: workerId, url, ca, account, seed: newNatsKey('user').seed, jwt: null, token }
    file.write(fresh)
    return fresh
  }
  if (kept)
    throw new ConfigError(
      `${file.path} holds the credentials of worker ${kept.worker_id}, and this is ${workerId}`,
      'Start it with a join token of its own (kagami nats token), or set worker_id back.',
    )
  return null
}

async function requestCredentials(parts: AccessParts, kept: Kept): Promise<Kept> {
  const { directory, logger, signal } = parts
  const { token } = kept
  if (!token)
    throw new ConfigError(
      `${pathOf(directory, FILE)} holds no credentials yet, and there is no join token`,
      'Make one with `kagami nats token` and set KAGAMI_JOIN_TOKEN.',
    )
  const identity = { ...token.join, ca: token.ca, inbox: JOIN_INBOX }
  const bus = await connectBus({
    url: parts.urlGiven ? parts.url : token.url,
    name: `kagami-worker ${parts.workerId} (joining)`,
    logger,
    identity,
    signal,
  })
  try {
    const approved: Kept = { ...kept, jwt: await requestUntilApproved(parts, bus, kept) }
    delete approved.token
    const file = fileOf(directory, logDamage(logger))
    file.write(approved)
    // So that the version before it is approved too.
    file.write(approved)
    logger.info('this worker has credentials of its own now; the join token is no longer needed')
    return approved
  } finally {
    await bus.close()
  }
}

async function requestUntilApproved(parts: AccessParts, bus: Bus, { seed, token }: Kept): Promise<string> {
  const key = openNatsKey(seed)
  const { publicKey } = key
  let said = ''
  for (let tries = 0; ; tries++) {
    parts.signal.throwIfAborted()
    const request = { token: token!.secret, join: parts.joinMessage() }
    const signature = Buffer.from(key.sign(Buffer.from(enrolProof(publicKey, request)))).toString('base64url')
    const reply = await bus.request('enrol', publicKey, { ...request, signature }, ANSWER_MS)
    // All joining programs share one inbox: ignore answers that are not about this worker.
    const ours = reply?.public_key === publicKey && reply.worker_id === parts.workerId ? reply : null
    if (ours?.jwt) return ours.jwt
    const word = ours?.status ?? 'no answer'
    if (said !== word) logReply(parts.logger, ours)
    said = word
    if (ours && ours.status !== 'refused') parts.onWaiting(ours)
    await pause(
      Math.min(ASK_MAX_MS, ASK_FIRST_MS * 1.6 ** Math.min(8, tries)) * (0.75 + 0.5 * Math.random()),
      parts.signal,
    )
  }
}

function logReply(logger: Logger, reply: EnrolReply | null) {
  const reason = reply?.reason ?? undefined
  if (!reply) logger.warn('no supervisor answers yet; asking for credentials again with growing pauses')
  else if (reply.status === 'refused')
    logger.error(
      { reason },
      `the supervisor gives this worker no credentials: ${reason ?? ''}. Start it with a new join token: ` +
        'kagami nats token',
    )
  else
    logger.info(
      { status: reply.status, reason },
      reply.status === 'pending'
        ? 'waiting for approval: kagami workers approve'
        : `the supervisor says: ${reply.status}`,
    )
}
