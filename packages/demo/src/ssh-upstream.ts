// ssh-upstream.ts — A real sshd on loopback with a key of its own, which lets one key in as the user of this process.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { delimiter, join } from 'node:path'
import { freePort, runChild, startChild, stopChild, untilListening } from './child.ts'
import type { Upstream } from './upstream.ts'

export interface SshUpstreamOptions {
  /** Holds configuration and keys; made when missing. Keys that are there are used again. */
  readonly dir: string
  readonly port?: number
  /** More lines for sshd_config. */
  readonly settings?: readonly string[]
  /** Written before the key in authorized_keys, such as `command="…"`. */
  readonly restriction?: string
}

/** An sshd, and what its clients need. `url` ends after the port: a path follows. */
export interface SshUpstream extends Upstream {
  readonly user: string
  /** Path of the private key that it lets in. */
  readonly key: string
  /** Path of its own public key. */
  readonly hostKey: string
  /** Its line for a file of known hosts. */
  readonly known: string
  /** What it logged. */
  log(): string
}

/** Starts sshd. Its key and the key it lets in are made when missing. */
export async function startSshUpstream({
  dir,
  port,
  settings = [],
  restriction = '',
}: SshUpstreamOptions): Promise<SshUpstream> {
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  const [host, key] = [join(dir, 'host'), join(dir, 'client')]
  for (const file of [host, key])
    if (!existsSync(file)) await runChild('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', file])
  writeFileSync(join(dir, 'authorized'), `${restriction} ${readFileSync(`${key}.pub`, 'utf8')}`.trimStart())
  const chosen = port ?? (await freePort())
  writeFileSync(join(dir, 'sshd_config'), configuration(dir, chosen, settings))
  const child = startChild('sh', ['-c', await startLine(dir)], { noInput: true })
  await untilListening(child, chosen)
  const { username } = userInfo()
  const [type, text] = readFileSync(`${host}.pub`, 'utf8').split(' ')
  return {
    url: `ssh://${username}@127.0.0.1:${chosen}`,
    port: chosen,
    pid: child.pid,
    user: username,
    key,
    hostKey: `${host}.pub`,
    known: `[127.0.0.1]:${chosen} ${type} ${text?.trim()}\n`,
    log: () => readFileSync(join(dir, 'log'), 'utf8'),
    stop: () => stopChild(child),
  }
}

function configuration(dir: string, port: number, settings: readonly string[]): string {
  const lines = [
    // The first line about something counts.
    ...settings,
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    `HostKey ${join(dir, 'host')}`,
    `AuthorizedKeysFile ${join(dir, 'authorized')}`,
    `PidFile ${join(dir, 'pid')}`,
    'StrictModes no',
    'UsePAM no',
    'UseDNS no',
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'PermitRootLogin prohibit-password',
    'PrintMotd no',
    `SetEnv PATH=${process.env.PATH ?? '/usr/bin:/bin'}`,
  ]
  return `${lines.join('\n')}\n`
}

/** sshd of root wants a user and a folder that only its package makes: it gets them in a mount namespace of its own. */
async function startLine(dir: string): Promise<string> {
  const found = `${process.env.PATH ?? ''}${delimiter}/usr/sbin`.split(delimiter).map((folder) => join(folder, 'sshd'))
  const program = found.find((file) => existsSync(file))
  if (program === undefined) throw new Error('sshd is not installed')
  const run = `exec '${program}' -D -E '${join(dir, 'log')}' -f '${join(dir, 'sshd_config')}'`
  if (process.getuid?.() !== 0) return run
  const users = readFileSync('/etc/passwd', 'utf8')
  const passwd = join(dir, 'passwd')
  writeFileSync(passwd, /^sshd:/m.test(users) ? users : `${users}sshd:x:65533:65534::/run/sshd:/usr/sbin/nologin\n`)
  const prepare = `mount --bind '${passwd}' /etc/passwd && mount -t tmpfs -o mode=755 none /run`
  return `exec unshare --mount sh -c "${prepare} && mkdir -m 755 /run/sshd && ${run}"`
}
