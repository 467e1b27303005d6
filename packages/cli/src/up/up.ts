// up/up.ts — `kagami up`: runs NATS, a supervisor and a worker in one terminal, started and stopped together.
import { existsSync, mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import {
  ConfigError,
  createLogger,
  diskProblem,
  exitCodeFor,
  fetchProgram,
  findProgram,
  lockFile,
  readJoinToken,
  stopRequested,
  stopWithin,
  systemClock,
  type Logger,
} from '@kagami/runtime'
import { loadSupervisorConfig, openSupervisor, signInLink, type RunningSupervisor } from '@kagami/supervisor'
import { holdsCredentials, loadWorkerConfig, providersOf, startWorker, type RunningWorker } from '@kagami/worker'
import { openNats, type UpNats } from './nats.ts'
import { greeting } from './greeting.ts'
import { startDemo, type Demo } from '@kagami/demo'

export interface UpOptions {
  readonly stateDir?: string | undefined
  readonly config?: string | undefined
  readonly httpAddr?: string | undefined
  readonly demo?: boolean | undefined
}

/** Runs until it is stopped by a signal; resolves with the exit code. Throws ConfigError when it cannot start. */
export async function up(options: UpOptions): Promise<number> {
  const logger = createLogger('kagami')
  const stateDir = resolve(options.stateDir ?? process.env['KAGAMI_STATE_DIR'] ?? '.kagami')
  makeStateDir(stateDir)
  if (!(await lockFile(join(stateDir, 'up.lock'))))
    throw new ConfigError(
      `another Kagami already runs in ${stateDir}`,
      'Stop it first, or use --state-dir for a second one.',
    )
  const stopped = stopRequested()
  const stop = new AbortController()
  void stopped.then(() => stop.abort())
  const started: Stoppable[] = []
  let code = 0
  try {
    await start({ options, stateDir, logger, started, signal: stop.signal }).catch((error: unknown) => {
      throw diskProblem(error) ?? error
    })
    const reason = await stopped
    logger.info({ signal: reason }, 'stopping')
    code = exitCodeFor(reason)
  } finally {
    // In reverse: the worker reports that it stops while NATS still runs.
    await stopWithin(25_000, async () => {
      for (const part of started.reverse())
        await part
          .stop()
          .catch((error: unknown) => logger.warn({ reason: (error as Error).message }, 'a part did not stop cleanly'))
    })
  }
  return code
}

function makeStateDir(directory: string): void {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
  } catch (error) {
    throw diskProblem(error) ?? error
  }
}

interface Stoppable {
  stop(): Promise<void>
}

interface Context {
  readonly options: UpOptions
  readonly stateDir: string
  readonly logger: Logger
  /** What runs so far, in the order it was started. */
  readonly started: Stoppable[]
  /** Aborted when it has to stop, perhaps while it starts. */
  readonly signal: AbortSignal
}

async function start({ options, stateDir, logger, started, signal }: Context): Promise<void> {
  const partLogger = logger.child({}, { level: process.env['LOG_LEVEL'] ?? 'warn' })
  const toolPath = await findTools(logger)
  const nats: UpNats = await openNats(stateDir, logger)
  started.push(nats)
  const supervisor = await openSupervisor(
    loadSupervisorConfig({
      flags: {
        nats_url: nats.url,
        nats_credentials: nats.credentials,
        database_url: process.env['SUPERVISOR_DATABASE_URL'] ?? `sqlite://${join(stateDir, 'supervisor.db')}?mode=rwc`,
        state_dir: stateDir,
        http_addr: options.httpAddr ?? process.env['SUPERVISOR_HTTP_ADDR'] ?? '127.0.0.1:21000',
      },
    }),
    partLogger.child({ room: 'supervisor' }),
  )
  started.push(supervisor)
  const context = { options, stateDir, logger: partLogger, started, signal }
  const own = await startOwnWorker({ ...context, natsUrl: nats.url, toolPath, supervisor })
  if (!own) return
  process.stdout.write(greeting({ nats: nats.description, supervisor, ...own, stateDir, signIn: signInOf(supervisor) }))
}

function signInOf({ port, token }: RunningSupervisor): string {
  return token.file ? signInLink(port, token) : `http://127.0.0.1:${port}/ui/`
}

interface WorkerContext extends Context {
  readonly natsUrl: string | undefined
  readonly toolPath: readonly string[]
  readonly supervisor: RunningSupervisor
}

/** Starts the worker: as configured, or for the demo without a configuration. Null when it was stopped before. */
async function startOwnWorker(context: WorkerContext): Promise<{ worker: RunningWorker; demo: Demo | null } | null> {
  const { options, stateDir, logger, started, natsUrl, toolPath } = context
  const file = options.config ?? process.env['KAGAMI_CONFIG'] ?? './worker.toml'
  const configured =
    !options.demo && (options.config !== undefined || existsSync(file) || process.env['KAGAMI_PROVIDERS'] !== undefined)
  const demo = configured ? null : await startDemo({ dir: join(stateDir, 'demo'), toolPath })
  if (demo) started.push(demo)
  const flags = {
    nats_url: natsUrl,
    http_addr: process.env['KAGAMI_HTTP_ADDR'] ?? '127.0.0.1:0',
    ...(demo
      ? {
          data_dir: join(stateDir, 'mirrors'),
          name: 'demo',
          providers: demo.upstreams.map((upstream) => ({ ...upstream, labels: { demo: 'yes' } })),
        }
      : {}),
  }
  const loaded = loadWorkerConfig({ file: demo ? undefined : options.config, flags, ...(demo ? { env: {} } : {}) })
  const config = { ...loaded, joinToken: loaded.joinToken ?? (await makeOwnJoinToken(context, loaded.data_dir)) }
  const worker = await startWorker({
    config,
    providers: providersOf(config),
    clock: systemClock,
    logger: logger.child({ room: 'worker' }),
    toolPath,
    signal: context.signal,
  })
  if (!worker) return null
  started.push(worker)
  return { worker, demo }
}

/** A join token for the worker of this process, which enrols like any other; null once it has its credentials. */
async function makeOwnJoinToken({ supervisor: { supervisor }, logger }: WorkerContext, dataDir: string) {
  const { accounts } = supervisor.services
  if (!accounts || holdsCredentials(dataDir, accounts.invitation.account, logger)) return null
  const { token } = await supervisor.joinTokens.create({ uses: 1 }, { actor: 'kagami up', remote: null })
  return readJoinToken(token, 'kagami up')
}

/** Fetches git and rsync into the cache when this machine has none. Without them only syncs of their kinds fail. */
async function findTools(logger: Logger): Promise<string[]> {
  const extra: string[] = []
  for (const program of ['git', 'rsync']) {
    if (findProgram(program)) continue
    try {
      extra.push(await fetchProgram({ program, package: program }, (step) => logger.info(step)))
    } catch (error) {
      logger.warn((error as Error).message)
    }
  }
  return extra
}
