// main.ts — `kagami run supervisor`: configuration → store → NATS → fleet → API → until stopped.
import {
  connectBus,
  createLogger,
  stopRequested,
  stopWithin,
  systemClock,
  type Logger,
  type Values,
} from '@kagami/runtime'
import { leaveHint, openToken, type Token } from './api/auth.ts'
import { serveApi } from './api/server.ts'
import { loadSupervisorConfig, type SupervisorConfig } from './config.ts'
import { supervisorIdentity } from './edge/accounts.ts'
import { openSqlStore } from './store/sql.ts'
import { startSupervisor, type Supervisor } from './supervisor.ts'

export interface RunningSupervisor {
  readonly port: number
  readonly token: Token
  readonly supervisor: Supervisor
  stop(): Promise<void>
}

/**
 * Starts everything a supervisor is. Throws ConfigError when it cannot run here; whatever was opened is then closed
 * again.
 */
export async function openSupervisor(config: SupervisorConfig, logger: Logger): Promise<RunningSupervisor> {
  const closing: (() => Promise<void>)[] = []
  const stop = async () => {
    for (const close of closing.splice(0).reverse())
      await close().catch((error: unknown) =>
        logger.warn({ reason: (error as Error).message }, 'a part did not close cleanly'),
      )
  }
  try {
    for (const warning of config.warnings) logger.warn(warning)
    const store = await openSqlStore(config.database_url, logger)
    closing.push(() => store.close())
    await store.prepare()
    const token = openToken(config)
    if (!config.natsCredentials)
      logger.warn(
        'NATS is open: whoever reaches it may act as any worker or as the supervisor, so all that reaches it ' +
          'is trusted. To lock it: kagami nats init. Workers of earlier versions are served only while it is open',
      )
    const bus = await connectBus({
      url: config.natsUrl,
      name: 'kagami-supervisor',
      logger,
      ...(config.natsCredentials ? { identity: supervisorIdentity(config.natsCredentials) } : {}),
    })
    closing.push(() => bus.close())
    const supervisor = await startSupervisor({ config, clock: systemClock, logger, store, bus })
    closing.push(() => supervisor.stop())
    const api = await serveApi(supervisor, token)
    closing.push(() => api.close())
    if (config.auth === 'token') leaveHint(api.port, token)
    logger.info(
      {
        http: `${config.address.host}:${api.port}`,
        nats: bus.connection.getServer(),
        writing: config.auth === 'none' ? 'open to all' : 'needs the token',
        auto_approve: config.auto_approve,
      },
      'supervisor started',
    )
    return { port: api.port, token, supervisor, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** Where a browser signs in with one click: the token travels in the fragment, which no server and no log sees. */
export function signInLink(port: number, token: Token): string {
  return `http://127.0.0.1:${port}/ui/#token=${token.text}`
}

/** systemd keeps what is written for all who may read the journal: no place for a token. */
function intoJournal(): boolean {
  return process.env['JOURNAL_STREAM'] !== undefined && !process.stderr.isTTY
}

/** Runs a supervisor until it is stopped. Resolves with the exit code. Throws ConfigError. */
export async function runSupervisor(options: { flags?: Values } = {}): Promise<number> {
  const logger = createLogger('supervisor')
  const running = await openSupervisor(loadSupervisorConfig(options), logger)
  const { token, port } = running
  if (token.fresh)
    process.stderr.write(
      `\nA token for writing was made and kept in ` +
        `${token.file}\n${intoJournal() ? '' : `Sign in:  ${signInLink(port, token)}\n`}\n`,
    )
  const ending = await Promise.race([stopRequested(), running.supervisor.superseded])
  if (typeof ending === 'string') logger.info({ signal: ending }, 'stopping')
  else logger.error(`${ending.message}. Only one supervisor may use a database: find out who started the other one`)
  const inTime = await stopWithin(15_000, () => running.stop())
  if (!inTime) logger.warn('not everything ended in time; nothing is lost, workers hold what is not yet stored')
  // Like a wrong configuration: to be started again would only take the database away from the other one.
  return typeof ending === 'string' ? 0 : 2
}
