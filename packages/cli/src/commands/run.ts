// run.ts — kagami run supervisor | worker
import type { Command } from 'commander'
import { saveCompileCacheSoon } from '../compile-cache.ts'

/** Adds `run`. */
export function addRun(program: Command): void {
  const run = program.command('run').description('run one part of Kagami in this terminal')
  run
    .command('supervisor')
    .description('run a supervisor; every option is also an environment variable, see docs/configuration.md')
    .option('--nats-url <URL>', 'NATS server (KAGAMI_NATS_URL)')
    .option('--http-addr <HOST:PORT>', 'API and UI (SUPERVISOR_HTTP_ADDR)')
    .option('--db-url <URL>', 'database (SUPERVISOR_DATABASE_URL)')
    .option('--auto-approve <BOOL>', 'approve new workers automatically (SUPERVISOR_AUTO_APPROVE)')
    .action(async (options: { natsUrl?: string; httpAddr?: string; dbUrl?: string; autoApprove?: string }) => {
      const { runSupervisor, supervisorFlags } = await import('@kagami/supervisor')
      saveCompileCacheSoon()
      // What holds when it ends without a word, as when nothing is left to wait for.
      process.exitCode = 1
      process.exitCode = await runSupervisor({ flags: supervisorFlags(options) })
      process.exit()
    })
  run
    .command('worker')
    .description('run a worker; every option is also an environment variable, see docs/configuration.md')
    .option('--nats-url <URL>', 'NATS server (KAGAMI_NATS_URL)')
    .option('--data-dir <DIR>', 'where mirrored files are written (KAGAMI_DATA_DIR)')
    .option('--config <FILE>', 'worker.toml (default ./worker.toml)')
    .option('--http-addr <HOST:PORT>', '/ping and /metrics (KAGAMI_HTTP_ADDR)')
    .action(async (options: { natsUrl?: string; dataDir?: string; config?: string; httpAddr?: string }) => {
      const { runWorker } = await import('@kagami/worker')
      const flags = { nats_url: options.natsUrl, data_dir: options.dataDir, http_addr: options.httpAddr }
      saveCompileCacheSoon()
      process.exitCode = 1
      process.exitCode = await runWorker({ file: options.config, flags })
      process.exit()
    })
}
