// docker/arguments.ts — The arguments of each docker command that `kagami docker` runs. Starts nothing.
import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import { ConfigError } from '@kagami/runtime/config'

export interface BuildOptions {
  readonly supervisorTag: string
  readonly workerTag: string
  readonly tag?: string | undefined
}

export interface NatsOptions {
  readonly image: string
  readonly port: string
  readonly monitorPort?: string | undefined
}

export interface SupervisorOptions {
  readonly image: string
  readonly natsUrl: string
  readonly port: string
  readonly httpAddr: string
  readonly dbUrl: string
  readonly autoApprove: string
  readonly volume: string
}

export interface WorkerOptions {
  readonly image: string
  readonly natsUrl: string
  readonly port: string
  readonly dataDir: string
  readonly config?: string | undefined
}

/** One `docker build` for each image of `what`: supervisor, worker or all. Throws ConfigError for anything else. */
export function buildArguments(root: string, what: string, options: BuildOptions): string[][] {
  const build = (part: string, tag: string) => ['build', '-f', resolve(root, `Dockerfile.${part}`), '-t', tag, root]
  if (what === 'supervisor') return [build(what, options.tag ?? options.supervisorTag)]
  if (what === 'worker') return [build(what, options.tag ?? options.workerTag)]
  if (what === 'all') return [build('supervisor', options.supervisorTag), build('worker', options.workerTag)]
  throw new ConfigError(`"${what}" is nothing to build`, 'Build supervisor, worker or all.')
}

/** A NATS server with JetStream, its store in a volume. */
export function natsArguments({ image, port, monitorPort }: NatsOptions): string[] {
  return [
    ...detached('kagami-nats', 'unless-stopped'),
    ...published(port, '4222'),
    ...(monitorPort ? published(monitorPort, '8222') : []),
    ...mounted('kagami-nats:/data'),
    image,
    '-js',
    '-sd',
    '/data',
    '-m',
    '8222',
  ]
}

/** A supervisor, its database in a volume. */
export function supervisorArguments(options: SupervisorOptions, env: NodeJS.ProcessEnv): string[] {
  return [
    ...detached('kagami-supervisor', 'unless-stopped'),
    ...HOST,
    ...published(options.port, options.httpAddr.split(':').at(-1) ?? ''),
    ...mounted(`${options.volume}:/data`),
    ...variables({
      KAGAMI_NATS_URL: options.natsUrl,
      SUPERVISOR_HTTP_ADDR: options.httpAddr,
      SUPERVISOR_DATABASE_URL: insideVolume(options.dbUrl),
      SUPERVISOR_AUTO_APPROVE: options.autoApprove,
    }),
    ...inherited(env, 'SUPERVISOR_API_TOKEN', 'SUPERVISOR_AUTH'),
    options.image,
  ]
}

/** A worker, its data in a directory or volume. A directory of this machine is written as its owner. */
export function workerArguments(options: WorkerOptions, env: NodeJS.ProcessEnv): string[] {
  const owner = ownerOf(options.dataDir)
  return [
    ...detached('kagami-worker', 'on-failure'),
    ...HOST,
    ...published(options.port, '8080'),
    ...mounted(`${options.dataDir}:/data`),
    ...(owner ? ['--user', owner] : []),
    ...(options.config ? mounted(`${resolve(options.config)}:/app/worker.toml:ro`) : []),
    ...variables({ KAGAMI_NATS_URL: options.natsUrl, KAGAMI_DATA_DIR: '/data' }),
    ...inherited(env, 'KAGAMI_PROVIDERS', 'KAGAMI_JOIN_TOKEN'),
    options.image,
  ]
}

/** Whether `dataDir` is a directory of this machine that does not exist: docker would make it for root alone. */
export function isMissingDirectory(dataDir: string): boolean {
  return dataDir.includes('/') && !statSync(dataDir, { throwIfNoEntry: false })
}

/** Lets the container reach this machine by the name host.docker.internal, on Linux too. */
const HOST = ['--add-host', 'host.docker.internal:host-gateway']

const detached = (name: string, restart: string) => ['run', '-d', '--name', name, '--restart', restart]
const published = (here: string, inside: string) => ['-p', `${here}:${inside}`]
const mounted = (volume: string) => ['-v', volume]
const variables = (env: Record<string, string>) =>
  Object.entries(env).flatMap(([key, value]) => ['-e', `${key}=${value}`])
/** Only the names: docker takes the values from our environment, so that no secret is in the arguments. */
const inherited = (env: NodeJS.ProcessEnv, ...names: string[]) =>
  names.filter((name) => env[name]).flatMap((name) => ['-e', name])

function ownerOf(dataDir: string): string | null {
  const found = dataDir.includes('/') ? statSync(dataDir, { throwIfNoEntry: false }) : undefined
  return found ? `${found.uid}:${found.gid}` : null
}

/** `sqlite://data/x`, a relative path, means the mounted volume, too. */
function insideVolume(url: string): string {
  return url.replace(/^sqlite:\/\/data\//, 'sqlite:///data/')
}
