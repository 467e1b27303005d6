// server-config.ts — The text of nats-server's configuration, for the version that will read it: an unknown field would
// keep it from starting.
import { join } from 'node:path'
import { accountLines, type NatsLayout } from './accounts.ts'

export interface NatsConfiguration {
  /** Version of the server, `2.10.27`; null when it is not known. */
  readonly version: string | null
  readonly host: string
  /** -1: any free one. */
  readonly port: number
  /** Where health and numbers are asked for. */
  readonly monitor: string
  /** Directory of the server's own files, as the server will see it. */
  readonly dir: string
  /** Expects ca.pem, server.pem and server.key in `dir`. */
  readonly tls: boolean
  /** Absent: NATS is open. */
  readonly layout?: Pick<NatsLayout, 'server'> | undefined
  readonly more?: readonly string[]
}

/** The file, line by line. */
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
  return [
    `host: ${JSON.stringify(host)}`,
    `port: ${port}`,
    `http: ${JSON.stringify(monitor)}`,
    'max_payload: 1MB',
    ...more,
    // Flushed before it is acknowledged: what a worker forgot because NATS has it survives a power cut.
    'jetstream { store_dir: ' +
      `${path('jetstream')}${layout && versionAtLeast(version ?? '0', [2, 10, 0]) ? ', sync_interval: always' : ''} }`,
    ...(tls ? [`tls { cert_file: ${path('server.pem')}, key_file: ${path('server.key')}, timeout: 5 }`] : []),
    ...(layout ? accountLines(layout, join(dir, 'accounts')) : []),
    '',
  ].join('\n')
}

/** Whether a version such as `2.10.27` is `floor` or newer. */
export function versionAtLeast(version: string, floor: readonly [number, number, number]): boolean {
  const parts = version.split('.').map((part) => Number.parseInt(part, 10) || 0)
  for (let i = 0; i < 3; i++) if ((parts[i] ?? 0) !== floor[i]) return (parts[i] ?? 0) > floor[i]!
  return true
}
