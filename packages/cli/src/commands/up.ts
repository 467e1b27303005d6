// up.ts — kagami up
import type { Command } from 'commander'
import { saveCompileCacheSoon } from '../compile-cache.ts'

/** Adds `up`. */
export function addUp(program: Command): void {
  program
    .command('up')
    .description('run NATS, a supervisor and a worker on this machine; without a worker.toml, mirror a small demo')
    .option('--state-dir <DIR>', 'where everything is kept (default ./.kagami)')
    .option('--config <FILE>', 'worker.toml to use (default ./worker.toml when there is one)')
    .option('--http-addr <HOST:PORT>', 'where the API and the UI listen (default 127.0.0.1:21000)')
    .option('--demo', 'mirror the demo even when there is a worker.toml')
    .action(async (options: { stateDir?: string; config?: string; httpAddr?: string; demo?: boolean }) => {
      const { up } = await import('../up/up.ts')
      saveCompileCacheSoon()
      process.exitCode = 1
      process.exitCode = await up(options)
      process.exit()
    })
}
