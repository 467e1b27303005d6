// connect.ts — Opens a connection to NATS and keeps it: tries for ever, and proves its identity where NATS is locked.
import { connect, type ConnectionOptions, type NatsConnection } from '@nats-io/transport-node'
import { pause } from '../clock.ts'
import { ConfigError } from '../config.ts'
import type { Logger } from '../logger.ts'
import { openNatsKey, type NatsUser } from './keys.ts'

/** The identity of a program on a locked NATS. */
export interface NatsIdentity extends NatsUser {
  /** PEM of the only certificate authority that is trusted; null without encryption. */
  readonly ca: string | null
  /** Prefix of the subjects on which replies arrive: the only one that this user may subscribe to. */
  readonly inbox: string
}

/** How to connect. */
export interface ConnectOptions {
  /** One address, or several separated by commas. */
  readonly url: string
  /** Name of this connection in the monitoring of nats-server. */
  readonly name: string
  readonly logger: Logger
  /** Absent: NATS is open. */
  readonly identity?: NatsIdentity | undefined
  /** Aborting it ends the wait for the first connection; the promise then rejects. */
  readonly signal?: AbortSignal | undefined
}

const RETRY_MS = 500
/** Longest pause, ms. A server that refuses us does so until somebody changes something, so pauses grow. */
const RETRY_MAX_MS = 30_000
/** A server that does not answer may be starting: it is logged after this time, ms. */
const SILENCE_MS = 3000

/** Checks the addresses of NATS. Throws ConfigError; `source` is where they were given. */
export function checkNatsUrl(urls: string, source: string): void {
  for (const url of urls.split(',').map((one) => one.trim())) {
    const rest = url.replace(/^(nats|tls):\/\//i, '')
    if (rest !== '' && !rest.includes('://') && URL.canParse(`http://${rest}`)) continue
    throw new ConfigError(
      `${source}: "${shownNatsUrl(url)}" is not an address of NATS`,
      'Use nats://host:4222; several addresses are separated by commas.',
    )
  }
}

/** Connects and stays connected. Rejects only when address or credentials can never work, or `signal` aborts. */
export async function connectNats(options: ConnectOptions): Promise<NatsConnection> {
  const startedMs = performance.now()
  const backoff = createBackoff()
  const wanted = connectionOptions(options, backoff)
  let logged = ''
  for (;;) {
    try {
      const connection = await connect(wanted)
      backoff.reset()
      void watchRefusals(connection, backoff)
      return connection
    } catch (error) {
      if (isMistake(error))
        throw new ConfigError(
          `NATS cannot be used with address ${shownNatsUrl(options.url)}: ${(error as Error).message}`,
          'Use nats://host:4222; several addresses are separated by commas.',
        )
      const { refused, message } = explain(error, options)
      if (refused) backoff.grow()
      if (logged !== message && (refused || performance.now() - startedMs > SILENCE_MS)) {
        logged = message
        options.logger.warn(
          { url: shownNatsUrl(options.url), reason: message },
          refused
            ? `NATS cannot be used: ${message}; trying again with growing pauses`
            : 'NATS does not answer yet; trying until it does',
        )
      }
    }
    await pause(backoff.delayMs(), options.signal)
    options.signal?.throwIfAborted()
  }
}

/** Like reasonOf; says what to do when NATS is locked and this program has no credentials. */
function explain(error: unknown, { identity }: ConnectOptions): ConnectionProblem {
  const { refused, message } = reasonOf(error)
  if (!refused || identity || !AUTHORIZATION.test(message)) return { refused, message }
  const cure =
    'A worker gets them with a join token (kagami nats token), a supervisor is given them with ' +
    'SUPERVISOR_NATS_CREDENTIALS; user and password in the address are not used'
  return { refused, message: `it is locked, and this program has no credentials (${message}). ${cure}` }
}

function connectionOptions({ url, name, identity }: ConnectOptions, backoff: Backoff): ConnectionOptions {
  return {
    servers: url.split(',').map((server) => server.trim()),
    name,
    maxReconnectAttempts: -1,
    reconnectDelayHandler: backoff.delayMs,
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
    // Signing the server's nonce proves that we have the key; the seed stays in this process.
    authenticator: (nonce?: string) => ({
      jwt,
      sig: Buffer.from(key.sign(Buffer.from(nonce ?? ''))).toString('base64url'),
    }),
    ...(ca ? { tls: { ca } } : {}),
  }
}

/** The pause before the next try: it grows while the server refuses us, and varies so that a fleet spreads out. */
interface Backoff {
  delayMs(): number
  grow(): void
  reset(): void
}

function createBackoff(): Backoff {
  let refusals = 0
  return {
    delayMs: () => Math.min(RETRY_MAX_MS, RETRY_MS * 1.6 ** Math.min(12, refusals)) + Math.random() * 1000,
    grow: () => void refusals++,
    reset: () => void (refusals = 0),
  }
}

async function watchRefusals(connection: NatsConnection, backoff: Backoff) {
  for await (const status of connection.status()) {
    if (status.type === 'reconnect') backoff.reset()
    else if (status.type === 'error' && reasonOf(status.error).refused) backoff.grow()
  }
}

const AUTHORIZATION = /authorization|authentication|revoked|expired/i

/** Why a connection fails. */
export interface ConnectionProblem {
  readonly message: string
  /** True when the server refuses us, or we refuse its certificate; false when it cannot be reached. */
  readonly refused: boolean
}

/** What an error of a connection means. */
export function reasonOf(error: unknown): ConnectionProblem {
  const chain: Error[] = []
  for (let next = error; next instanceof Error && chain.length < 5; next = next.cause) chain.push(next)
  const text = chain.map((one) => `${one.name} ${one.message} ${(one as { code?: string }).code ?? ''}`).join(' ')
  const cause = (chain.at(-1) ?? new Error(String(error))).message
  if (AUTHORIZATION.test(text) && !/certificate/i.test(text))
    return { message: `it refuses these credentials (${cause})`, refused: true }
  if (/certificate|self.signed|altname|CERT|UNABLE_TO_VERIFY|wrong version number|support 'tls'|tls/i.test(text))
    return { message: `its certificate is not the one expected (${cause})`, refused: true }
  return { message: cause, refused: false }
}

/** What may be a user and a password: all before the last @ of an address. The next one begins with its scheme. */
const CREDENTIALS = /(^|,)(\s*(?:[a-z]+:\/\/)?)(?:(?!,\s*[a-z]+:\/\/).)*@/gis

/** The addresses without the passwords that somebody may have written into them, whatever is in those. */
export const shownNatsUrl = (url: string): string => url.replaceAll(CREDENTIALS, '$1$2***@')

/** Whether the arguments are wrong, which trying again does not change. */
function isMistake(error: unknown): boolean {
  return (
    error instanceof TypeError ||
    (error instanceof Error && (error.name === 'InvalidArgumentError' || error.name === 'NKeysError'))
  )
}
