// main.ts — `kagami run supervisor`: opens store, NATS, fleet and API in this order, and closes them in reverse.
import {
  ConfigError,
  connectBus,
  createLogger,
  diskProblem,
  exitCodeFor,
  keepHeapSmall,
  stopRequested,
  stopWithin,
  systemClock,
  type Bus,
  type Logger,
  type Values,
} from '@kagami/runtime'
import { openToken, writeTokenHint, type Token } from './access/root-token.ts'
import { serveApi } from './api/server.ts'
import { loadSupervisorConfig, type SupervisorConfig } from './config.ts'
import { carryOriginal } from './core/older-replicas.ts'
import { supervisorIdentity } from './edge/accounts.ts'
import { sqliteFile } from './store/dialects.ts'
import { openSqlStore } from './store/sql.ts'
import { databaseProblem } from './store/start-errors.ts'
import type { Store } from './store/store.ts'
import { startSupervisor, type Supervisor } from './supervisor.ts'

/** A supervisor with its API. */
export interface RunningSupervisor {
  readonly port: number
  readonly token: Token
  readonly supervisor: Supervisor
  stop(): Promise<void>
}

/** Starts a whole supervisor. Throws ConfigError when it cannot run here; what was opened by then is closed again. */
export async function openSupervisor(config: SupervisorConfig, logger: Logger): Promise<RunningSupervisor> {
  keepHeapSmall()
  const closing: (() => Promise<void>)[] = []
  const stop = async () => {
    for (const close of closing.splice(0).reverse())
      await close().catch((error: unknown) =>
        logger.warn({ reason: (error as Error).message }, 'a part of the supervisor did not close cleanly'),
      )
  }
  try {
    for (const warning of config.warnings) logger.warn(warning)
    const connecting = beginConnecting(config, logger)
    closing.push(connecting.close)
    const store = await openSqlStore(config.database_url, logger)
    // Nothing may arrive once it is closed.
    closing.unshift(() => store.close())
    await prepareStore(store, logger)
    const token = openToken(config, logger)
    if (!config.natsCredentials)
      logger.warn(
        'NATS is open: anyone who reaches it can act as any worker or as the supervisor. To lock it: kagami nats ' +
          'init. Workers of earlier versions work only while it is open',
      )
    const bus = await connecting.bus
    const supervisor = await startSupervisor({ config, clock: systemClock, logger, store, bus })
    closing.push(() => supervisor.stop())
    const api = await serveApi(supervisor, token)
    closing.push(() => api.close())
    if (config.auth === 'token') writeTokenHint(api.port, token)
    logger.info(
      {
        http: `${config.address.host}:${api.port}`,
        nats: bus.connection.getServer(),
        writing: config.auth === 'none' ? 'open to everyone' : 'needs the token',
        auto_approve: config.auto_approve,
      },
      'supervisor started',
    )
    return { port: api.port, token, supervisor, stop }
  } catch (error) {
    await stop()
    throw startProblem(error, config)
  }
}

/** Connects to NATS while the database opens. `close` ends the attempt, or the connection. */
function beginConnecting({ natsUrl, natsCredentials }: SupervisorConfig, logger: Logger) {
  const abort = new AbortController()
  let connected: Bus | null = null
  const bus = connectBus({
    url: natsUrl,
    name: 'kagami-supervisor',
    logger,
    signal: abort.signal,
    ...(natsCredentials ? { identity: supervisorIdentity(natsCredentials) } : {}),
  }).then(async (opened) => {
    if (abort.signal.aborted) await opened.close()
    return (connected = opened)
  })
  // Who awaits it hears of it; until then nobody may.
  bus.catch(() => {})
  return {
    bus,
    async close() {
      abort.abort()
      await connected?.close()
    },
  }
}

/** What the operator can correct is said in one line; the rest is a fault. */
function startProblem(error: unknown, { database_url, stateDir }: SupervisorConfig): unknown {
  if (error instanceof ConfigError) return error
  const { code, message, path } = error as NodeJS.ErrnoException
  if (code !== undefined && path?.startsWith(stateDir))
    return new ConfigError(
      `the state directory ${stateDir} cannot be used: ${message}`,
      'It must be a directory that this user can write to; SUPERVISOR_STATE_DIR names another.',
    )
  const database = database_url.startsWith('sqlite:') ? sqliteFile(database_url).path : 'the database'
  return databaseProblem(error, database) ?? diskProblem(error) ?? error
}

async function prepareStore(store: Store, logger: Logger) {
  const carried = await store.prepare((original) => carryOriginal(original, systemClock.now()))
  if (!carried) return
  const { workers, replicas, leftOut } = carried
  const approved = workers.filter((worker) => worker.admission === 'approved').length
  logger.info(
    { approved, pending: workers.length - approved, replicas: replicas.length, left_out: leftOut },
    'took over the database of the original Kagami. Its tables are kept as original_workers and original_replicas',
  )
}

/** A link that signs a browser in: the token is in the fragment, which is not sent to servers and not logged. */
export function signInLink(port: number, token: Token): string {
  return `http://127.0.0.1:${port}/ui/#token=${token.text}`
}

/** Whether stderr goes to the journal of systemd, which others may read: no place for a token. */
function writesToJournal(): boolean {
  return process.env['JOURNAL_STREAM'] !== undefined && !process.stderr.isTTY
}

/** Runs a supervisor until it is stopped. Resolves with the exit code. Throws ConfigError. */
export async function runSupervisor(options: { flags?: Values } = {}): Promise<number> {
  const logger = createLogger('supervisor')
  const running = await openSupervisor(loadSupervisorConfig(options), logger)
  const { token, port } = running
  if (token.isNew)
    process.stderr.write(
      `\nA token for writing was created in ${token.file}\n` +
        (writesToJournal() ? '\n' : `Sign in:  ${signInLink(port, token)}\n\n`),
    )
  const ending = await Promise.race([stopRequested(), running.supervisor.superseded])
  if (typeof ending === 'string') logger.info({ signal: ending }, 'stopping')
  else if (ending.replaced)
    logger.error(`${ending.message}. Start it again: it reads the history of the last days anew`)
  else logger.error(`${ending.message}. Only one supervisor may use a database: find out who started the other one`)
  const inTime = await stopWithin(15_000, () => running.stop())
  if (!inTime) logger.warn('not everything ended in time; nothing is lost, workers keep what is not stored yet')
  if (typeof ending === 'string') return exitCodeFor(ending)
  // The same exit code as for a wrong configuration: a restart would only take the database from the other supervisor.
  return ending.replaced ? 1 : 2
}
