// rsync-upstream.ts — An rsync daemon on loopback with one module.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort, startChild, stopChild, untilListening } from './child.ts'
import type { Credentials, Upstream } from './upstream.ts'

export interface RsyncUpstreamOptions {
  /** Holds the configuration; the served files are in `<dir>/files`. */
  readonly dir: string
  readonly port?: number
  readonly auth?: Credentials
  /** More lines for the module, such as `max connections = 1`. */
  readonly settings?: readonly string[]
  readonly toolPath?: readonly string[]
}

/** Serves `<dir>/files` as the module `files`. */
export async function startRsyncUpstream({
  dir,
  port,
  auth,
  settings = [],
  toolPath,
}: RsyncUpstreamOptions): Promise<Upstream> {
  mkdirSync(join(dir, 'files'), { recursive: true })
  const config = join(dir, 'rsyncd.conf')
  const secrets = join(dir, 'rsyncd.secrets')
  const lines = [
    'use chroot = no',
    'reverse lookup = no',
    `lock file = ${join(dir, 'rsyncd.lock')}`,
    'log file = /dev/null',
    // Otherwise a daemon started by root serves as nobody, which cannot read a private folder.
    ...(process.getuid?.() === 0 ? ['uid = 0', 'gid = 0'] : []),
    '[files]',
    `path = ${join(dir, 'files')}`,
    'read only = yes',
    'list = yes',
    ...settings,
  ]
  if (auth) {
    lines.push(`auth users = ${auth.username}`, `secrets file = ${secrets}`)
    writeFileSync(secrets, `${auth.username}:${auth.password}\n`, { mode: 0o600 })
  }
  writeFileSync(config, `${lines.join('\n')}\n`)
  const chosen = port ?? (await freePort())
  const child = startChild(
    'rsync',
    ['--daemon', '--no-detach', `--config=${config}`, '--address=127.0.0.1', `--port=${chosen}`],
    { toolPath, noInput: true },
  )
  await untilListening(child, chosen)
  return { url: `rsync://127.0.0.1:${chosen}/files/`, port: chosen, pid: child.pid, stop: () => stopChild(child) }
}
