// up/nats.ts — The NATS server of `kagami up`: somebody's, when one is named, else our own child, locked, and started
// again when it dies.
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
  /** Undefined: the file of credentials says it. */
  readonly url: string | undefined
  /** The file with the supervisor's credentials; undefined when the environment names it, or NATS is open. */
  readonly credentials: string | undefined
  readonly described: string
  stop(): Promise<void>
}

/** Finds or starts NATS. Throws ConfigError when it can do neither. */
export async function openNats(stateDir: string, logger: Logger): Promise<UpNats> {
  const given = process.env['KAGAMI_NATS_URL'] || undefined
  const locked = process.env['SUPERVISOR_NATS_CREDENTIALS']
  if (given || locked)
    return { url: given, credentials: undefined, described: given ?? `as ${locked} says`, stop: async () => {} }
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
  const guard = async () => {
    while (!stopping) {
      await server.exited
      if (stopping) return
      logger.warn('nats-server ended; starting it again, mirrors keep syncing meanwhile')
      server = await start(server.port)
    }
  }
  void guard().catch((error: unknown) =>
    logger.error({ err: error }, 'nats-server cannot be started again; workers go on alone'),
  )
  const credentials = join(dir, 'supervisor.json')
  writeDurably(credentials, JSON.stringify({ ...layout.supervisor, url: server.url }))
  return {
    url: server.url,
    credentials,
    described: `nats-server ${binary.version} on ${server.url}, locked`,
    async stop() {
      stopping = true
      await server.stop()
    },
  }
}

type KeptLayout = Omit<NatsLayout, 'roots'>

/** Accounts and keys, made once. The connection is not encrypted: it never leaves this machine. */
async function openLayout(dir: string): Promise<KeptLayout> {
  const file = join(dir, 'accounts.json')
  const kept = readJsonIfThere(file) as KeptLayout | null
  if (kept?.supervisor && kept.server) return kept
  const { roots: _roots, ...layout } = await makeNatsLayout({ url: 'nats://127.0.0.1', ca: null })
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  writeDurably(file, JSON.stringify(layout))
  return layout
}

/**
 * Before, this server was open, and its streams were in the account of those who have none: reports in them are still
 * wanted.
 */
function takeOverOpenStore(dir: string, { supervisorsAccount }: KeptLayout, logger: Logger): void {
  const store = join(dir, 'jetstream', 'jetstream')
  const [open, locked] = [join(store, '$G'), join(store, supervisorsAccount)]
  // One that outlived its parent still writes there; starting then says so.
  if (!existsSync(open) || whoListensOn(Number(readIfThere(join(dir, 'port'))))) return
  // An earlier version ran here in between: what it wrote is the newer one.
  if (existsSync(locked)) renameSync(locked, `${locked}.${Date.now()}`)
  renameSync(open, locked)
  logger.info('NATS is locked from now on: each worker has credentials of its own. Reports that were waiting are kept')
}
