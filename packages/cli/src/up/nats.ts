// up/nats.ts — The NATS server of `kagami up`: somebody's, when KAGAMI_NATS_URL names one, else our own child, started again when it dies.
import { join } from 'node:path'
import { findNatsServer, startNatsServer, StoreInUse, ConfigError, type Logger, type NatsServer } from '@kagami/runtime'

export interface UpNats {
  readonly url: string
  readonly described: string
  stop(): Promise<void>
}

/** Finds or starts NATS. Throws ConfigError when it can do neither. */
export async function openNats(stateDir: string, logger: Logger): Promise<UpNats> {
  const given = process.env['KAGAMI_NATS_URL']
  if (given) return { url: given, described: given, stop: async () => {} }
  const binary = await findNatsServer((step) => logger.info(step)).catch((error: unknown) => {
    throw new ConfigError((error as Error).message, 'Or run NATS elsewhere and set KAGAMI_NATS_URL.')
  })
  const dir = join(stateDir, 'nats')
  const start = (port?: number) =>
    startNatsServer({ dir, binary, ...(port ? { port } : {}) }).catch((error: unknown) => {
      if (error instanceof StoreInUse) throw new ConfigError(`another Kagami already runs in ${stateDir}`, 'Stop it first, or use --state-dir for a second one.')
      throw error
    })
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
  void guard().catch((error: unknown) => logger.error({ err: error }, 'nats-server cannot be started again; workers go on alone'))
  return {
    url: server.url,
    described: `nats-server ${binary.version} on ${server.url}`,
    async stop() {
      stopping = true
      await server.stop()
    },
  }
}
