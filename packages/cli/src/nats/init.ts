// nats/init.ts — Writes what a locked NATS needs: configuration, accounts, keys and certificates, all readable by their
// owner alone.
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join, resolve } from 'node:path'
import {
  ConfigError,
  findProgram,
  makeNatsLayout,
  natsConfiguration,
  natsServerVersion,
  writeDurably,
} from '@kagami/runtime'
import { makeAuthority, makeServerCertificate } from './certificates.ts'

export interface InitOptions {
  readonly dir: string
  /** Host names and addresses of the server; the first one is written into join tokens. */
  readonly host?: readonly string[] | undefined
  readonly port: string
  readonly listen: string
  /** Address where the server serves its health and metrics. */
  readonly monitor: string
  readonly server?: string | undefined
  readonly serverVersion?: string | undefined
  /** Path of the directory `server` as nats-server sees it, when it runs in a container. */
  readonly mountedAt?: string | undefined
}

/** What was written. */
export interface Initialised {
  readonly dir: string
  readonly url: string
  readonly configuration: string
  readonly version: string | null
}

/** Fills a new or empty directory. Throws ConfigError when it is not empty: keys are never overwritten. */
export async function initNats(options: InitOptions): Promise<Initialised> {
  const dir = resolve(options.dir)
  if (existsSync(dir) && readdirSync(dir).length > 0)
    throw new ConfigError(
      `${dir} is not empty; nothing was changed`,
      'Keys are never overwritten: every worker would lose its credentials. Choose another --dir.',
    )
  const port = Number(options.port)
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    throw new ConfigError(`--port: must be 1 to 65535, not "${options.port}"`)
  const version = await versionOf(options)
  const hosts = options.host?.length ? options.host : [hostname()]
  const authority = await makeAuthority()
  const url = `tls://${hosts[0]!.includes(':') ? `[${hosts[0]}]` : hosts[0]}:${port}`
  const layout = await makeNatsLayout({ url, ca: authority.certificate })
  for (const part of ['', 'server', 'keys']) makePrivate(join(dir, part))
  for (const [name, seed] of Object.entries(layout.roots)) write(join(dir, 'keys', `${name}.nk`), `${seed}\n`)
  write(join(dir, 'keys', 'ca.key'), authority.key)
  write(join(dir, 'supervisor.json'), `${JSON.stringify(layout.supervisor, null, 1)}\n`)
  write(join(dir, 'server', 'ca.pem'), authority.certificate)
  await writeCertificate(dir, authority, hosts)
  const server = options.mountedAt ?? join(dir, 'server')
  write(
    join(dir, 'server', 'nats-server.conf'),
    natsConfiguration({
      version,
      host: options.listen,
      port,
      monitor: options.monitor,
      dir: server,
      tls: true,
      layout,
    }),
  )
  return { dir, url, version, configuration: join(server, 'nats-server.conf') }
}

/**
 * Writes a new server certificate for these hosts, signed by the authority in `dir`. Throws ConfigError when the key of
 * the authority is missing.
 */
export async function renewCertificate(dir: string, hosts: readonly string[]): Promise<void> {
  const files = { certificate: join(resolve(dir), 'server', 'ca.pem'), key: join(resolve(dir), 'keys', 'ca.key') }
  for (const file of Object.values(files))
    if (!existsSync(file))
      throw new ConfigError(`${file} is missing`, 'Copy the keys back from your backup, and try again.')
  await writeCertificate(
    resolve(dir),
    { certificate: readFileSync(files.certificate, 'utf8'), key: readFileSync(files.key, 'utf8') },
    hosts,
  )
}

async function writeCertificate(
  dir: string,
  authority: { certificate: string; key: string },
  hosts: readonly string[],
): Promise<void> {
  const server = await makeServerCertificate(authority, [...new Set([...hosts, 'localhost', '127.0.0.1', '::1'])])
  write(join(dir, 'server', 'server.key'), server.key)
  write(join(dir, 'server', 'server.pem'), server.certificate)
}

function makePrivate(dir: string): void {
  mkdirSync(dir, { mode: 0o700, recursive: true })
  chmodSync(dir, 0o700)
}

function write(path: string, text: string): void {
  writeDurably(path, text.endsWith('\n') ? text : `${text}\n`, 0o600)
  chmodSync(path, 0o600)
}

/**
 * The version of the nats-server that will run. Null when there is none on this machine: then the configuration has
 * only what every supported version accepts. Throws ConfigError when the program does not report one.
 */
async function versionOf({ server, serverVersion }: InitOptions): Promise<string | null> {
  if (serverVersion) return serverVersion.replace(/^v/, '')
  const program = server ?? findProgram('nats-server', ['/usr/sbin', '/usr/local/sbin'])
  if (!program) return null
  return natsServerVersion(program).catch((error: unknown) => {
    throw new ConfigError(
      `${program} does not report its version: ${(error as Error).message}`,
      'Name another program with --server, or its version with --server-version.',
    )
  })
}
