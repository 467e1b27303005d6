// docker.ts — kagami docker: builds and runs the images. Each command is one docker command, printed before it runs.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { ConfigError } from '@kagami/runtime/config'
import type { Command } from 'commander'
import {
  buildArguments,
  isMissingDirectory,
  natsArguments,
  supervisorArguments,
  workerArguments,
  type BuildOptions,
  type NatsOptions,
  type SupervisorOptions,
  type WorkerOptions,
} from '../docker/arguments.ts'
import { setExitCode, remark } from '../output.ts'

const ROOT = fileURLToPath(new URL('../../../..', import.meta.url))

/** Adds `docker`. */
export function addDocker(program: Command): void {
  const docker = program.command('docker').description('build the images and run them with a docker engine')
  addBuild(docker)
  const run = docker.command('run').description('run nats, supervisor or worker in a container')
  addNats(run)
  addNats(docker)
  addSupervisor(run)
  addWorker(run)
}

function addBuild(docker: Command) {
  docker
    .command('build <WHAT>')
    .description('build an image: supervisor, worker or all')
    .option('--supervisor-tag <TAG>', 'tag of the supervisor image', 'kagami-supervisor')
    .option('--worker-tag <TAG>', 'tag of the worker image', 'kagami-worker')
    .option('--tag <TAG>', 'tag, when one image is built')
    .action((what: string, options: BuildOptions) => buildArguments(ROOT, what, options).forEach(runDocker))
}

function addNats(parent: Command) {
  parent
    .command('nats')
    .description('a NATS server with JetStream, its store in a volume')
    .option('--image <IMAGE>', 'image', 'nats:2')
    .option('--port <PORT>', 'client port on this machine', '4222')
    .option('--monitor-port <PORT>', 'monitoring port on this machine')
    .option('--jetstream', 'no effect: JetStream is always on (kept for v0 command lines)')
    .action((options: NatsOptions) => runDocker(natsArguments(options)))
}

function addSupervisor(run: Command) {
  run
    .command('supervisor')
    .description('a supervisor, its database in a volume')
    .option('--image <IMAGE>', 'image', 'kagami-supervisor')
    .requiredOption('--nats-url <URL>', 'NATS server as the container sees it')
    .option('--http-addr <HOST:PORT>', 'address inside the container', '0.0.0.0:21000')
    .option('--db-url <URL>', 'database', 'sqlite:///data/supervisor.db?mode=rwc')
    .option('--auto-approve <BOOL>', 'approve new workers automatically', 'true')
    .option('--port <PORT>', 'port on this machine', '21000')
    .option('--volume <VOLUME>', 'volume or directory mounted at /data', 'kagami-supervisor')
    .action((options: SupervisorOptions) => runDocker(supervisorArguments(options, process.env)))
}

function addWorker(run: Command) {
  run
    .command('worker')
    .description('a worker, its data in a directory or volume')
    .option('--image <IMAGE>', 'image', 'kagami-worker')
    .requiredOption('--nats-url <URL>', 'NATS server as the container sees it')
    .option('--data-dir <DIR>', 'directory on this machine, or volume, that holds the mirrored files', 'kagami-worker')
    .option('--port <PORT>', 'port on this machine for /ping and /metrics', '8080')
    .option('--config <FILE>', 'worker.toml to mount')
    .action((options: WorkerOptions) => {
      if (isMissingDirectory(options.dataDir))
        remark(
          `warning: ${options.dataDir} does not exist; create it first, or the worker cannot write: ` +
            `install -d -o 10001 -g 10001 ${options.dataDir}`,
        )
      runDocker(workerArguments(options, process.env))
    })
}

function runDocker(args: string[]) {
  remark(`docker ${args.map((word) => (/[\s?&]/.test(word) ? `'${word}'` : word)).join(' ')}`)
  const run = spawnSync('docker', args, { stdio: 'inherit' })
  if (run.error)
    throw new ConfigError(
      `docker could not be started: ${run.error.message}`,
      'Install a docker engine, or run without one: kagami up',
    )
  if (run.status !== 0) setExitCode(1)
}
