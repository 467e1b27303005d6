// words.ts — How ssh is called: the words that name key, known hosts and the address that was checked, and keep it from
// everything else. Pure.
import type { SshUpstream } from '@kagami/protocol'
import type { Ssh } from '../provider.ts'

/** Where ssh connects to, and with what. */
export interface SshRoute {
  readonly ssh: Ssh
  readonly upstream: SshUpstream
  /** A checked address of its host: no other is connected to. */
  readonly address: string
  /** The port at that address, where it is not that of the upstream. */
  readonly port?: number
}

/** Nothing is read but what is named here, nothing is asked, and nothing is forwarded or run on this machine. */
const FIXED = [
  'BatchMode=yes',
  'StrictHostKeyChecking=yes',
  'GlobalKnownHostsFile=none',
  'UpdateHostKeys=no',
  'VerifyHostKeyDNS=no',
  'CheckHostIP=no',
  'CanonicalizeHostname=no',
  'ProxyCommand=none',
  'ProxyJump=none',
  'ControlMaster=no',
  'ControlPath=none',
  'ControlPersist=no',
  'IdentitiesOnly=yes',
  'IdentityAgent=none',
  'PreferredAuthentications=publickey',
  'PasswordAuthentication=no',
  'KbdInteractiveAuthentication=no',
  'HostbasedAuthentication=no',
  'GSSAPIAuthentication=no',
  'ClearAllForwardings=yes',
  'ForwardAgent=no',
  'ForwardX11=no',
  'Tunnel=no',
  'PermitLocalCommand=no',
  'RequestTTY=no',
  'EscapeChar=none',
  'ConnectTimeout=30',
  'ConnectionAttempts=1',
  'ServerAliveInterval=15',
  'ServerAliveCountMax=4',
  // At a lower level ssh does not say that the host closed the connection.
  'LogLevel=INFO',
]

/** The program and its options, without port, user and host. */
export function sshWords({ ssh, upstream, address, port }: SshRoute): string[] {
  const own = [
    ...FIXED,
    `UserKnownHostsFile=${ssh.knownHosts.map(pathWord).join(' ')}`,
    `IdentityFile=${pathWord(ssh.key)}`,
    // The name is not looked up a second time: another answer must not lead elsewhere.
    `HostName=${address.replaceAll('%', '%%')}`,
    `HostKeyAlias=${knownName(upstream)}`,
    // Of several ports ssh takes the first.
    ...(port === undefined ? [] : [`Port=${port}`]),
  ]
  return ['ssh', '-F', 'none', '-T', ...own.flatMap((option) => ['-o', option])]
}

/** The name that files of known hosts have for a host and port. */
export function knownName({ host, port }: Pick<SshUpstream, 'host' | 'port'>): string {
  const name = host.toLowerCase()
  return port === 22 ? name : `[${name}]:${port}`
}

/** Why ssh cannot be given this path; null when it can. */
export function pathProblem(path: string): string | null {
  return /["\\$\u0000-\u001f\u007f]/.test(path)
    ? 'must not contain a quote, a backslash, a dollar or a control character'
    : null
}

/** A path as ssh reads it from an option: quoted, because it may have spaces, without its own words for percents. */
function pathWord(path: string): string {
  return `"${path.replaceAll('%', '%%')}"`
}

/** Words for a shell: each in quotes, whatever it has. */
export function shellLine(words: readonly string[]): string {
  return words.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ')
}
