// failure.ts — What the end of ssh's output means, and what to do then.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { SyncFailure, type Exit, type FailureFacts, type RunCommand } from '../provider.ts'
import { knownName, type SshRoute } from './words.ts'

/** Throws SyncFailure tool_missing, with what to install, when this machine has no ssh. */
export async function requireSsh(run: RunCommand): Promise<void> {
  try {
    await run('ssh', ['-V'], { onLine: () => false })
  } catch (error) {
    if (!(error instanceof SyncFailure) || error.reason !== 'tool_missing') throw error
    throw new SyncFailure('tool_missing', error.message, {
      cause: error,
      hint: 'Install ssh on the worker (apt-get install openssh-client). Other replicas are still synced.',
    })
  }
}

type Judge = (tail: string, route: SshRoute, facts: FailureFacts) => SyncFailure | null

/** The failure of a program that ended because of ssh, or of what ssh was told; null when it was something else. */
export function sshFailure(exit: Exit, route: SshRoute): SyncFailure | null {
  const facts = { tail: exit.tail, exitCode: exit.code }
  for (const judge of [
    nobody,
    revokedHost,
    changedHost,
    unknownHost,
    rejectedKey,
    silentHost,
    lostHost,
    refusedCommand,
  ]) {
    const failure = judge(exit.tail, route, facts)
    if (failure !== null) return failure
  }
  return null
}

const addCommand = ({ upstream: { host, port } }: SshRoute): string =>
  `kagami workers hosts add ${port === 22 ? host : knownName({ host, port })}`

const nobody: Judge = (tail, _route, facts) =>
  /^No user exists for uid \d+/m.test(tail)
    ? new SyncFailure('tool_missing', 'ssh does not start for a user who is not in /etc/passwd of this machine', {
        ...facts,
        hint:
          `Add the user of the worker: useradd --uid ${process.getuid?.() ?? 0} kagami. Other replicas are still ` +
          'synced.',
      })
    : null

const revokedHost: Judge = (tail, { upstream }, facts) =>
  /REVOKED HOST KEY DETECTED|host key .*(is|was) (marked as )?revoked/i.test(tail)
    ? new SyncFailure(
        'upstream_unreachable',
        `the key that ${upstream.host} shows is revoked in the known hosts of this worker; nothing was sent there`,
        { ...facts, hint: 'Ask the operators of the upstream for its present key. The copy stays as it is.' },
      )
    : null

const changedHost: Judge = (tail, route, facts) => {
  if (!/HOST IDENTIFICATION HAS CHANGED|^Offending \S+ key in .*[^]*^Host key verification failed/m.test(tail))
    return null
  const shown = /key sent by the remote host is\s+(SHA256:[A-Za-z0-9+/]+)/.exec(tail)?.[1]
  const [, file = '', line = ''] = /^Offending \S+ key in (.+):(\d+)\s*$/m.exec(tail) ?? []
  const known = route.ssh.knownHosts.includes(file) ? fingerprintAt(file, Number(line)) : null
  return new SyncFailure(
    'upstream_unreachable',
    `${route.upstream.host} shows another key than it had: ${shown ?? 'of another kind'}` +
      `${known === null ? '' : `, not ${known}`}; nothing was sent there`,
    {
      ...facts,
      hint:
        'Ask the operators of the upstream whether they changed its key; if not, somebody is between. If they did, ' +
        `on this worker: kagami workers hosts remove ${hostWord(route)}, then ${addCommand(route)}` +
        `${file === '' ? '' : ` (the known key is in ${file}, line ${line})`}. The copy stays as it is.`,
    },
  )
}

const unknownHost: Judge = (tail, route, facts) =>
  /^No \S+ host key is known for |^Host key verification failed/m.test(tail)
    ? new SyncFailure(
        'upstream_unreachable',
        `the key of ${route.upstream.host} is not known on this worker; nothing was sent there`,
        {
          ...facts,
          hint:
            `On this worker: ${addCommand(route)}, which shows the key, to compare it with what the upstream ` +
            'publishes. Or name a file that has it as known_hosts below [ssh] in worker.toml.',
        },
      )
    : null

const rejectedKey: Judge = (tail, { upstream: { user, host } }, facts) =>
  /Permission denied \([a-z]|Too many authentication failures|no mutual signature|^Load key /m.test(tail)
    ? new SyncFailure('auth_rejected', `${host} does not let ${user} in with the key of this worker`, {
        ...facts,
        hint:
          'Give the public half of the key to the upstream (ssh-keygen -y -f KEY prints it), and look at the user ' +
          'in the address. Its files stay.',
      })
    : null

const silentHost: Judge = (tail, { upstream: { host } }, facts) =>
  /^(?:ssh: |Connection |Timeout, server ).*(?:timed out|not responding)/m.test(tail)
    ? new SyncFailure('timed_out', `${host} does not answer over ssh`, {
        ...facts,
        hint: 'Look at the upstream and at the network between. The worker tries again by itself.',
      })
    : null

const LOST = new RegExp(
  '^(?:ssh: |kex_exchange_identification: |banner exchange: |Unable to negotiate |Connection (?:closed|reset) |' +
    'Bad packet |client_loop: ).*',
  'm',
)

const lostHost: Judge = (tail, { upstream: { host, port } }, facts) => {
  const said = LOST.exec(tail)
  return said === null
    ? null
    : new SyncFailure(
        'upstream_unreachable',
        `${host} is not reached over ssh at port ${port}: ${said[0].trim()}`,
        facts,
      )
}

/** A user who may do something else, or nothing: what the upstream said instead is in the first line. */
const refusedCommand: Judge = (tail, { upstream: { user, host } }, facts) => {
  const refused =
    /command not found|not allowed|not permitted|restricted|account is (not available|disabled)|Interactive/i
  const line = tail.split('\n').find((text) => text.trim() !== '' && !/^(fatal|error|rsync error): /.test(text)) ?? ''
  if (!refused.test(tail)) return null
  return new SyncFailure(
    'upstream_refused',
    `${host} lets ${user} in, but does not run what a sync needs: ${line.trim().slice(0, 200)}`,
    { ...facts, hint: 'Ask the operators of the upstream to let the key of this worker read it. Its files stay.' },
  )
}

const hostWord = ({ upstream: { host, port } }: SshRoute): string => (port === 22 ? host : knownName({ host, port }))

/** The fingerprint of the key in a line of a file of known hosts, as ssh writes it; null when it cannot be read. */
function fingerprintAt(file: string, line: number): string | null {
  try {
    const words = (readFileSync(file, 'utf8').split('\n')[line - 1] ?? '').trim().split(/\s+/)
    const key = words.find((word) => word.startsWith('AAAA'))
    return key === undefined ? null : fingerprintOf(key)
  } catch {
    return null
  }
}

/** The fingerprint of a public key, which is base64, as ssh writes it. */
export function fingerprintOf(key: string): string {
  return `SHA256:${createHash('sha256').update(Buffer.from(key, 'base64')).digest('base64').replace(/=+$/, '')}`
}
