// connect.ts — How a connection to NATS is opened and kept: tried for ever, and with who we are and whom we trust
// where NATS is locked.
import { connect, type ConnectionOptions, type NatsConnection } from '@nats-io/transport-node'
import { pause } from '../clock.ts'
import type { Logger } from '../logger.ts'
import { openNatsKey, type NatsUser } from './keys.ts'

/** Who we are on a locked NATS, and whom we take for it. */
export interface NatsIdentity extends NatsUser {
  /** PEM of the only authority whose servers we talk to; null where the connection is not encrypted. */
  readonly ca: string | null
  /** Prefix of the subjects our answers come on; the only one the user may listen to. */
  readonly inbox: string
}

export interface ConnectOptions {
  /** One address, or several separated by commas. */
  readonly url: string
  /** What the server's monitoring calls this connection. */
  readonly name: string
  readonly logger: Logger
  /** Absent: NATS is open. */
  readonly identity?: NatsIdentity | undefined
  /** Aborting ends the wait for the first connection; the promise then rejects. */
  readonly signal?: AbortSignal | undefined
}

const RETRY_MS = 500
/** A server that refuses us does so until somebody acts: it is asked less and less often. */
const REFUSED_MAX_MS = 30_000
/** Silence of a server that is starting is nothing to tell, ms. */
const PATIENCE_MS = 3000

/** Connects and stays connected. Rejects at once when address or credentials cannot be used at all. */
export async function connectNats(options: ConnectOptions): Promise<NatsConnection> {
  const since = performance.now()
  const manners = createManners()
  const wanted = connectionOptions(options, manners)
  let said = ''
  for (;;) {
    try {
      const connection = await connect(wanted)
      manners.welcomed()
      void watch(connection, manners)
      return connection
    } catch (error) {
      const { refused, ...reason } = reasonOf(error)
      const message =
        refused && !options.identity && AUTHORIZATION.test(reason.message)
          ? `it is locked, and this program has no credentials (${reason.message}). A worker gets them with a ` +
            'join token: kagami nats token'
          : reason.message
      if (isMistake(error)) throw error
      if (refused) manners.refused()
      if (said !== message && (refused || performance.now() - since > PATIENCE_MS)) {
        said = message
        options.logger.warn(
          { url: options.url, reason: message },
          refused
            ? `NATS cannot be used: ${message}; trying again with growing pauses`
            : 'NATS does not answer yet; trying until it does',
        )
      }
    }
    await pause(manners.delayMs(), options.signal)
    options.signal?.throwIfAborted()
  }
}

function connectionOptions({ url, name, identity }: ConnectOptions, manners: Manners): ConnectionOptions {
  return {
    servers: url.split(',').map((server) => server.trim()),
    name,
    maxReconnectAttempts: -1,
    reconnectDelayHandler: manners.delayMs,
    pingInterval: 5000,
    maxPingOut: 2,
    ignoreAuthErrorAbort: true,
    ...(identity ? credentialsOf(identity) : {}),
  }
}

function credentialsOf({ jwt, seed, ca, inbox }: NatsIdentity): Partial<ConnectionOptions> {
  const key = openNatsKey(seed)
  return {
    inboxPrefix: inbox,
    // The signed nonce proves that the key is ours; the seed never leaves this process.
    authenticator: (nonce?: string) => ({
      jwt,
      sig: Buffer.from(key.sign(Buffer.from(nonce ?? ''))).toString('base64url'),
    }),
    ...(ca ? { tls: { ca } } : {}),
  }
}

interface Manners {
  delayMs(): number
  refused(): void
  welcomed(): void
}

/** How long to wait before the next try. */
function createManners(): Manners {
  let refusals = 0
  return {
    delayMs: () => Math.min(REFUSED_MAX_MS, RETRY_MS * 1.6 ** Math.min(12, refusals)) + Math.random() * 1000,
    refused: () => void refusals++,
    welcomed: () => void (refusals = 0),
  }
}

async function watch(connection: NatsConnection, manners: Manners) {
  for await (const status of connection.status()) {
    if (status.type === 'reconnect') manners.welcomed()
    else if (status.type === 'error' && reasonOf(status.error).refused) manners.refused()
  }
}

const AUTHORIZATION = /authorization|authentication|revoked|expired/i

/** What a failed connection means: the server, or its certificate, says no; or it is just not there. */
export function reasonOf(error: unknown): { message: string; refused: boolean } {
  const chain: Error[] = []
  for (let next = error; next instanceof Error && chain.length < 5; next = next.cause) chain.push(next)
  const text = chain.map((one) => `${one.name} ${one.message} ${(one as { code?: string }).code ?? ''}`).join(' ')
  const said = (chain.at(-1) ?? new Error(String(error))).message
  if (AUTHORIZATION.test(text) && !/certificate/i.test(text))
    return { message: `it refuses these credentials (${said})`, refused: true }
  if (/certificate|self.signed|altname|CERT|UNABLE_TO_VERIFY|wrong version number|support 'tls'|tls/i.test(text))
    return { message: `its certificate is not the one expected (${said})`, refused: true }
  return { message: said, refused: false }
}

/** Wrong arguments do not become right by waiting. */
function isMistake(error: unknown): boolean {
  return (
    error instanceof TypeError ||
    (error instanceof Error && (error.name === 'InvalidArgumentError' || error.name === 'NKeysError'))
  )
}
