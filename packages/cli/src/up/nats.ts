// up/nats.ts — The NATS server of `kagami up`: the configured one, else a locked one of its own, as a child process
// that is restarted when it ends.
import { existsSync, lstatSync, mkdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import {
  findNatsServer,
  makeNatsLayout,
  readIfThere,
  logDamage,
  oneLine,
  openStateFile,
  sealedJson,
  startNatsServer,
  StoreInUse,
  StoredNatsLayout,
  SupervisorCredentials,
  ConfigError,
  mayListenOn,
  type Logger,
  type NatsServer,
  type StateFile,
} from '@kagami/runtime'

export interface UpNats {
  /** Undefined when the file of credentials has it. */
  readonly url: string | undefined
  /** The file with the supervisor's credentials; undefined when the environment names it, or NATS is open. */
  readonly credentials: string | undefined
  /** For the greeting. */
  readonly description: string
  stop(): Promise<void>
}

/** Finds or starts NATS. Throws ConfigError when it can do neither. */
export async function openNats(stateDir: string, logger: Logger): Promise<UpNats> {
  const given = process.env['KAGAMI_NATS_URL'] || undefined
  const locked = process.env['SUPERVISOR_NATS_CREDENTIALS']
  if (given || locked)
    return { url: given, credentials: undefined, description: given ?? `configured in ${locked}`, stop: async () => {} }
  const binary = await findNatsServer((step) => logger.info(step)).catch((error: unknown) => {
    throw new ConfigError((error as Error).message, 'Or run NATS elsewhere and set KAGAMI_NATS_URL.')
  })
  const dir = join(stateDir, 'nats')
  const layout = await openLayout(dir, logger)
  keepPort(dir, logger)
  const start = (port?: number) =>
    startNatsServer({ dir, binary, layout, ...(port ? { port } : {}) }).catch((error: unknown) => {
      if (error instanceof StoreInUse)
        throw new ConfigError(
          `another Kagami already runs in ${stateDir}`,
          'Stop it first, or use --state-dir for a second one.',
        )
      throw error
    })
  takeOverOpenStore(dir, layout, logger)
  let server: NatsServer = await start()
  let stopping = false
  const restartWhenEnded = async () => {
    while (!stopping) {
      await server.exited
      if (stopping) return
      logger.warn('nats-server ended; restarting it, mirrors keep syncing meanwhile')
      server = await start(server.port)
    }
  }
  void restartWhenEnded().catch((error: unknown) =>
    logger.error({ err: error }, 'nats-server cannot be restarted; workers continue without it'),
  )
  const file = credentialsFile(dir, logger)
  file.read()
  file.write({ ...layout.supervisor, url: server.url })
  return {
    url: server.url,
    credentials: file.path,
    description: `nats-server ${binary.version} on ${server.url}, locked`,
    async stop() {
      stopping = true
      await server.stop()
    },
  }
}

const CURE =
  'Restore it from a backup: new keys would lock out every worker. To begin with new keys all the same, move the ' +
  'whole directory nats away; workers then need new join tokens.'

/** Accounts and keys, created once. Connections are not encrypted: they never leave this machine. */
async function openLayout(dir: string, logger: Logger): Promise<StoredNatsLayout> {
  const file = join(dir, 'accounts.json')
  const accounts = openStateFile({
    path: file,
    form: sealedJson(StoredNatsLayout),
    onDamage: logDamage(logger),
    cure: CURE,
  })
  const stored = accounts.read()
  if (stored) return stored
  if (lstatSync(join(dir, 'supervisor.json'), { throwIfNoEntry: false }))
    throw new ConfigError(`${file} is missing, and NATS was locked with the keys in it; nothing was changed`, CURE)
  const { roots: _roots, ...layout } = await makeNatsLayout({ url: 'nats://127.0.0.1', ca: null })
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  accounts.write(layout)
  return layout
}

/**
 * Moves the streams of an open server into the account of the supervisors. Earlier versions ran this server open, with
 * its streams in the account of clients without credentials; they may hold reports that nobody has read.
 */
function takeOverOpenStore(dir: string, { supervisorsAccount }: StoredNatsLayout, logger: Logger): void {
  const store = join(dir, 'jetstream', 'jetstream')
  const [open, locked] = [join(store, '$G'), join(store, supervisorsAccount)]
  // A server that outlived its parent still writes there; starting ours then fails and says so.
  if (!existsSync(open) || mayListenOn(Number(readIfThere(join(dir, 'port'))))) return
  // An earlier version ran here once more: its streams are the newer ones.
  if (existsSync(locked)) renameSync(locked, `${locked}.${Date.now()}`)
  renameSync(open, locked)
  logger.info('NATS is locked from now on: each worker has its own credentials. Reports that were waiting are kept')
}

/** The port stays the same, because workers are configured with it; it also stands in the credentials. */
function keepPort(dir: string, logger: Logger): void {
  const known = portOf(credentialsFile(dir, logger))
  openStateFile<string>({
    path: join(dir, 'port'),
    form: oneLine((text) => (known === null ? /^\d{2,5}$/.test(text) : text === known)),
    onDamage: logDamage(logger),
    elsewhere: () => known,
    without: 'NATS gets another port, and workers that are started elsewhere need its new address',
  }).read()
}

function portOf(file: StateFile<SupervisorCredentials>): string | null {
  const kept = file.read()
  return (kept && URL.parse(kept.url)?.port) || null
}

/** What a supervisor needs here; it follows from the accounts and the port. */
function credentialsFile(dir: string, logger: Logger): StateFile<SupervisorCredentials> {
  return openStateFile({
    path: join(dir, 'supervisor.json'),
    form: sealedJson(SupervisorCredentials),
    onDamage: logDamage(logger),
    without: 'it is written anew from the accounts',
  })
}
