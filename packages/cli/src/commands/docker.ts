// docker.ts — kagami docker: the seed's lines for building and running images. Each is one docker command, printed
// before it runs.
import { spawnSync } from 'node:child_process'
import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ConfigError } from '@kagami/runtime/config'
import type { Command } from 'commander'
import { endWith, remark } from '../output.ts'

const ROOT = fileURLToPath(new URL('../../../..', import.meta.url))

interface BuildOptions {
  supervisorTag: string
  workerTag: string
  tag?: string
}

interface NatsOptions {
  image: string
  port: string
  monitorPort?: string
  jetstream?: boolean
}

interface RunOptions {
  image: string
  natsUrl: string
  port: string
  httpAddr?: string
  dbUrl?: string
  autoApprove?: string
  dataDir?: string
  config?: string
  volume?: string
}

/** Adds `docker`. */
export function addDocker(program: Command): void {
  const docker = program.command('docker').description('build the images and run them with a docker engine')
  addBuild(docker)
  const run = docker.command('run').description('run nats, supervisor or worker in a container')
  addNats(run)
  addNats(docker)
  addRunSupervisor(run)
  addRunWorker(run)
}

function addBuild(docker: Command) {
  docker
    .command('build <WHAT>')
    .description('build an image: supervisor, worker or all')
    .option('--supervisor-tag <TAG>', 'tag of the supervisor image', 'kagami-supervisor')
    .option('--worker-tag <TAG>', 'tag of the worker image', 'kagami-worker')
    .option('--tag <TAG>', 'tag, when one image is built')
    .action((what: string, options: BuildOptions) => {
      const tags: Record<string, string> = { supervisor: options.supervisorTag, worker: options.workerTag }
      const parts = what === 'all' ? ['supervisor', 'worker'] : [what]
      for (const part of parts) {
        if (!tags[part]) throw new ConfigError(`"${what}" is nothing to build`, 'Build supervisor, worker or all.')
        runDocker([
          'build',
          '-f',
          resolve(ROOT, `Dockerfile.${part}`),
          '-t',
          parts.length === 1 && options.tag ? options.tag : tags[part],
          ROOT,
        ])
      }
    })
}

function addNats(parent: Command) {
  parent
    .command('nats')
    .description('a NATS server with JetStream, its store in a volume')
    .option('--image <IMAGE>', 'image', 'nats:2')
    .option('--port <PORT>', 'client port on this machine', '4222')
    .option('--monitor-port <PORT>', 'monitoring port on this machine')
    .option('--jetstream', 'JetStream is always on; kept for the seed’s lines')
    .action((options: NatsOptions) => {
      const monitor = options.monitorPort ? ['-p', `${options.monitorPort}:8222`] : []
      runDocker([
        'run',
        '-d',
        '--name',
        'kagami-nats',
        '--restart',
        'unless-stopped',
        '-p',
        `${options.port}:4222`,
        ...monitor,
        '-v',
        'kagami-nats:/data',
        options.image,
        '-js',
        '-sd',
        '/data',
        '-m',
        '8222',
      ])
    })
}

function addRunSupervisor(run: Command) {
  run
    .command('supervisor')
    .description('a supervisor, its database in a volume')
    .option('--image <IMAGE>', 'image', 'kagami-supervisor')
    .requiredOption('--nats-url <URL>', 'NATS server as the container sees it')
    .option('--http-addr <HOST:PORT>', 'address inside the container', '0.0.0.0:21000')
    .option('--db-url <URL>', 'database', 'sqlite:///data/supervisor.db?mode=rwc')
    .option('--auto-approve <BOOL>', 'approve workers by themselves', 'true')
    .option('--port <PORT>', 'port on this machine', '21000')
    .option('--volume <VOLUME>', 'volume or directory mounted at /data', 'kagami-supervisor')
    .action((options: RunOptions) => {
      const inside = options.httpAddr!.split(':').at(-1)!
      const env = {
        KAGAMI_NATS_URL: options.natsUrl,
        SUPERVISOR_HTTP_ADDR: options.httpAddr!,
        SUPERVISOR_DATABASE_URL: absolute(options.dbUrl!),
        SUPERVISOR_AUTO_APPROVE: options.autoApprove!,
      }
      runDocker([
        'run',
        '-d',
        '--name',
        'kagami-supervisor',
        '--restart',
        'unless-stopped',
        ...HOST,
        '-p',
        `${options.port}:${inside}`,
        '-v',
        `${options.volume}:/data`,
        ...envOf(env),
        ...passed('SUPERVISOR_API_TOKEN', 'SUPERVISOR_AUTH'),
        options.image,
      ])
    })
}

function addRunWorker(run: Command) {
  run
    .command('worker')
    .description('a worker, its data in a directory or volume')
    .option('--image <IMAGE>', 'image', 'kagami-worker')
    .requiredOption('--nats-url <URL>', 'NATS server as the container sees it')
    .option('--data-dir <DIR>', 'directory on this machine, or volume, that holds the mirrored files', 'kagami-worker')
    .option('--port <PORT>', 'port on this machine for /ping and /metrics', '8080')
    .option('--config <FILE>', 'worker.toml to mount')
    .action((options: RunOptions) => {
      const config = options.config ? ['-v', `${resolve(options.config)}:/app/worker.toml:ro`] : []
      const env = { KAGAMI_NATS_URL: options.natsUrl, KAGAMI_DATA_DIR: '/data' }
      runDocker([
        'run',
        '-d',
        '--name',
        'kagami-worker',
        '--restart',
        'on-failure',
        ...HOST,
        '-p',
        `${options.port}:8080`,
        '-v',
        `${options.dataDir}:/data`,
        ...ownerOf(options.dataDir!),
        ...config,
        ...envOf(env),
        ...passed('KAGAMI_PROVIDERS', 'KAGAMI_JOIN_TOKEN'),
        options.image,
      ])
    })
}

/** Lets the container reach this machine by the name the seed's lines use, on Linux too. */
const HOST = ['--add-host', 'host.docker.internal:host-gateway']

/** The container writes as the owner of a directory of this machine; docker would make a missing one for root alone. */
function ownerOf(dataDir: string): string[] {
  if (!dataDir.includes('/')) return []
  const found = statSync(dataDir, { throwIfNoEntry: false })
  if (!found)
    remark(
      `warning: ${dataDir} is not there yet; make it first, or the worker cannot write: install -d -o 10001 ` +
        `-g 10001 ${dataDir}`,
    )
  return found ? ['--user', `${found.uid}:${found.gid}`] : []
}

/** `sqlite://data/x` of the seed's line is meant inside the mounted volume. */
function absolute(url: string): string {
  return url.replace(/^sqlite:\/\/data\//, 'sqlite:///data/')
}

const envOf = (env: Record<string, string>) => Object.entries(env).flatMap(([key, value]) => ['-e', `${key}=${value}`])
/** Named only: docker takes the value from our environment, so that no secret stands in argv. */
const passed = (...names: string[]) => names.filter((name) => process.env[name]).flatMap((name) => ['-e', name])

function runDocker(args: string[]) {
  remark(`docker ${args.map((word) => (/[\s?&]/.test(word) ? `'${word}'` : word)).join(' ')}`)
  const run = spawnSync('docker', args, { stdio: 'inherit' })
  if (run.error)
    throw new ConfigError(
      `docker could not be started: ${run.error.message}`,
      'Install a docker engine, or run without one: kagami up',
    )
  if (run.status !== 0) endWith(1)
}
