// server-config.ts — Writes the configuration of nats-server for a given version: the server does not start when it
// finds a field that it does not know.
import { join } from 'node:path'
import { accountLines, type NatsLayout } from './accounts.ts'

/** What the configuration file is made from. */
export interface NatsConfiguration {
  /** Version of the server, `2.10.27`; null when it is not known. */
  readonly version: string | null
  readonly host: string
  /** -1: any free port. */
  readonly port: number
  /** Address of the monitoring endpoint. */
  readonly monitor: string
  /** Directory of the server's files, as the server sees it. */
  readonly dir: string
  /** Encrypts connections; needs server.pem and server.key in `dir`. */
  readonly tls: boolean
  /** Absent: NATS is open. */
  readonly layout?: Pick<NatsLayout, 'server'> | undefined
  readonly more?: readonly string[]
}

/** The text of the configuration file. */
export function natsConfiguration({
  version,
  host,
  port,
  monitor,
  dir,
  tls,
  layout,
  more = [],
}: NatsConfiguration): string {
  const path = (name: string) => JSON.stringify(join(dir, name))
  // A worker may forget a report that is acknowledged, so it is flushed first and survives a power cut.
  const flush = layout && versionAtLeast(version ?? '0', [2, 10, 0]) ? ', sync_interval: always' : ''
  return [
    `host: ${JSON.stringify(host)}`,
    `port: ${port}`,
    `http: ${JSON.stringify(monitor)}`,
    'max_payload: 1MB',
    // After a power cut ten thousand workers send joins and whole states at once. With the 64 MB that the server has by
    // itself it would cut the supervisor off, which reads as fast as it can.
    'max_pending: 512MB',
    ...more,
    `jetstream { store_dir: ${path('jetstream')}${flush} }`,
    ...(tls ? [`tls { cert_file: ${path('server.pem')}, key_file: ${path('server.key')}, timeout: 5 }`] : []),
    ...(layout ? accountLines(layout, join(dir, 'accounts')) : []),
    '',
  ].join('\n')
}

/** Whether a version such as `2.10.27` is `least` or newer. */
export function versionAtLeast(version: string, least: readonly [number, number, number]): boolean {
  const parts = version.split('.').map((part) => Number.parseInt(part, 10) || 0)
  for (let i = 0; i < 3; i++) if ((parts[i] ?? 0) !== least[i]) return (parts[i] ?? 0) > least[i]!
  return true
}
