// up/nats.ts — The NATS server of `kagami up`: the configured one, else a locked one of its own, as a child process
// that is restarted when it ends.
import { existsSync, mkdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import {
  findNatsServer,
  makeNatsLayout,
  readIfThere,
  readJsonIfThere,
  startNatsServer,
  StoreInUse,
  ConfigError,
  whoListensOn,
  writeDurably,
  type Logger,
  type NatsLayout,
  type NatsServer,
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
  const layout = await openLayout(dir)
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
  const credentials = join(dir, 'supervisor.json')
  writeDurably(credentials, JSON.stringify({ ...layout.supervisor, url: server.url }))
  return {
    url: server.url,
    credentials,
    description: `nats-server ${binary.version} on ${server.url}, locked`,
    async stop() {
      stopping = true
      await server.stop()
    },
  }
}

/** The layout without its root keys, which are not needed again. */
type StoredLayout = Omit<NatsLayout, 'roots'>

/** Accounts and keys, created once. Connections are not encrypted: they never leave this machine. */
async function openLayout(dir: string): Promise<StoredLayout> {
  const file = join(dir, 'accounts.json')
  const stored = readJsonIfThere(file) as StoredLayout | null
  if (stored?.supervisor && stored.server) return stored
  const { roots: _roots, ...layout } = await makeNatsLayout({ url: 'nats://127.0.0.1', ca: null })
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  writeDurably(file, JSON.stringify(layout))
  return layout
}

/**
 * Moves the streams of an open server into the account of the supervisors. Earlier versions ran this server open, with
 * its streams in the account of clients without credentials; they may hold reports that nobody has read.
 */
function takeOverOpenStore(dir: string, { supervisorsAccount }: StoredLayout, logger: Logger): void {
  const store = join(dir, 'jetstream', 'jetstream')
  const [open, locked] = [join(store, '$G'), join(store, supervisorsAccount)]
  // A server that outlived its parent still writes there; starting ours then fails and says so.
  if (!existsSync(open) || whoListensOn(Number(readIfThere(join(dir, 'port'))))) return
  // An earlier version ran here once more: its streams are the newer ones.
  if (existsSync(locked)) renameSync(locked, `${locked}.${Date.now()}`)
  renameSync(open, locked)
  logger.info('NATS is locked from now on: each worker has its own credentials. Reports that were waiting are kept')
}
