// up/up.ts — `kagami up`: NATS, supervisor and worker in one terminal, started and stopped together.
import { existsSync, mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import {
  ConfigError,
  createLogger,
  fetchProgram,
  findProgram,
  lockDirectory,
  readJoinToken,
  stopRequested,
  stopWithin,
  systemClock,
  type Logger,
} from '@kagami/runtime'
import { loadSupervisorConfig, openSupervisor, signInLink, type RunningSupervisor } from '@kagami/supervisor'
import { holdsCredentials, loadWorkerConfig, providers, startWorker, type RunningWorker } from '@kagami/worker'
import { openNats, type UpNats } from './nats.ts'
import { greeting } from './greeting.ts'
import { startDemo, type Demo } from '@kagami/demo'

export interface UpOptions {
  readonly stateDir?: string | undefined
  readonly config?: string | undefined
  readonly httpAddr?: string | undefined
  readonly demo?: boolean | undefined
}

/** Runs until stopped. Resolves with the exit code. Throws ConfigError. */
export async function up(options: UpOptions): Promise<number> {
  const logger = createLogger('kagami')
  const stateDir = resolve(options.stateDir ?? process.env['KAGAMI_STATE_DIR'] ?? '.kagami')
  mkdirSync(stateDir, { recursive: true, mode: 0o700 })
  if (!(await lockDirectory(stateDir, 'up')))
    throw new ConfigError(
      `another Kagami already runs in ${stateDir}`,
      'Stop it first, or use --state-dir for a second one.',
    )
  const asked = stopRequested()
  const opened: { stop(): Promise<void> }[] = []
  try {
    await open({ options, stateDir, logger, opened })
    logger.info({ signal: await asked }, 'stopping')
  } finally {
    // Last opened, first stopped: the worker says goodbye while NATS still listens.
    await stopWithin(25_000, async () => {
      for (const part of opened.reverse())
        await part
          .stop()
          .catch((error: unknown) => logger.warn({ reason: (error as Error).message }, 'a part did not stop cleanly'))
    })
  }
  return 0
}

interface Opening {
  readonly options: UpOptions
  readonly stateDir: string
  readonly logger: Logger
  readonly opened: { stop(): Promise<void> }[]
}

async function open({ options, stateDir, logger, opened }: Opening): Promise<void> {
  const quiet = logger.child({}, { level: process.env['LOG_LEVEL'] ?? 'warn' })
  const toolPath = await findTools(logger)
  const nats: UpNats = await openNats(stateDir, logger)
  opened.push(nats)
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
    quiet.child({ room: 'supervisor' }),
  )
  opened.push(supervisor)
  const { worker, demo } = await openWorker({
    options,
    stateDir,
    logger,
    opened,
    natsUrl: nats.url,
    toolPath,
    quiet,
    supervisor,
  })
  process.stdout.write(
    greeting({ nats: nats.described, supervisor, worker, demo, stateDir, signIn: signInOf(supervisor) }),
  )
}

function signInOf({ port, token }: RunningSupervisor): string {
  return token.file ? signInLink(port, token) : `http://127.0.0.1:${port}/ui/`
}

async function openWorker(
  parts: Opening & { natsUrl: string | undefined; toolPath: string[]; quiet: Logger; supervisor: RunningSupervisor },
): Promise<{ worker: RunningWorker; demo: Demo | null }> {
  const { options, stateDir, opened, natsUrl, toolPath, quiet } = parts
  const file = options.config ?? process.env['KAGAMI_CONFIG'] ?? './worker.toml'
  const configured =
    !options.demo && (options.config !== undefined || existsSync(file) || process.env['KAGAMI_PROVIDERS'] !== undefined)
  const demo = configured ? null : await startDemo({ dir: join(stateDir, 'demo'), toolPath })
  if (demo) opened.push(demo)
  const own = {
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
  const asked = loadWorkerConfig({ file: demo ? undefined : options.config, flags: own, ...(demo ? { env: {} } : {}) })
  const config = { ...asked, joinToken: asked.joinToken ?? (await invite(parts.supervisor, asked.data_dir)) }
  const worker = await startWorker({
    config,
    providers,
    clock: systemClock,
    logger: quiet.child({ room: 'worker' }),
    toolPath,
  })
  opened.push(worker)
  return { worker, demo }
}

/** The worker of this process asks for credentials like any other; it needs a token as long as it has none. */
async function invite({ supervisor }: RunningSupervisor, dataDir: string) {
  const { accounts } = supervisor.services
  if (!accounts || holdsCredentials(dataDir, accounts.invitation.account)) return null
  const { token } = await supervisor.joinTokens.create({ uses: 1 }, { actor: 'kagami up', remote: null })
  return readJoinToken(token, 'kagami up')
}

/** git and rsync are fetched into our cache when this machine has none. Without them only their kinds fail. */
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
