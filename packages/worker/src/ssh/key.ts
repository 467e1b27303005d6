// key.ts — The key with which a run asks an upstream over ssh: the file that worker.toml names, or one that was sealed,
// which is a file only while the run needs it; and the hosts that are known.
import { chmodSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { sshUpstreamOf, type Auth } from '@kagami/protocol'
import type { SshSettings } from '../config/config.ts'
import { SyncFailure, type Ssh } from '../provider.ts'
import { paths } from '../tree/paths.ts'
import { pathProblem } from './words.ts'

/** Nothing of it is set. */
export const NO_SSH: SshSettings = { key: null, known_hosts: null }

/** Whose key is opened. */
export interface KeyRequest {
  readonly upstream: string
  /** A token is a private key that was sealed. */
  readonly auth: Auth | null
  readonly settings: SshSettings
  readonly dataDir: string
  /** Names the file of a sealed key. */
  readonly syncId: string
}

/** A key that is ready for ssh. */
export interface OpenKey {
  readonly ssh: Ssh
  /** Takes it away again. */
  close(): void
}

const KEY = /^-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----/

/**
 * Makes the key of a run ready; null when its upstream is not reached over ssh. Throws SyncFailure auth_rejected when
 * there is none, or ssh would not take it.
 */
export function openKey({ upstream, auth, settings, dataDir, syncId }: KeyRequest): OpenKey | null {
  if (sshUpstreamOf(upstream) === null) return null
  const given = settings.known_hosts === null ? [] : [settings.known_hosts]
  const knownHosts = [...given, paths.knownHosts(dataDir)]
  const problem = knownHosts.map(pathProblem).find((found) => found !== null)
  if (problem !== undefined) throw unusable(`the path of data_dir ${problem}, for ssh`, 'Move data_dir.')
  if (auth) {
    const key = writeKey(paths.sshKeys(dataDir), syncId, auth)
    return { ssh: { key, knownHosts }, close: () => rmSync(key, { force: true }) }
  }
  if (settings.key === null)
    throw unusable(
      'this worker has no key for upstreams over ssh',
      'Name one in worker.toml, [ssh] key = "/etc/kagami/id_ed25519", and start the worker again; or give the ' +
        'replica one: kagami replicas edit NAME@WORKER --token-file KEY.',
    )
  checkKeyFile(settings.key)
  return { ssh: { key: settings.key, knownHosts }, close: () => {} }
}

/** Removes keys that runs of a worker that was killed have left. Never throws. */
export function removeLeftKeys(dataDir: string): void {
  try {
    rmSync(paths.sshKeys(dataDir), { recursive: true, force: true })
  } catch {
    // The disk says so itself to whoever writes there.
  }
}

/** ssh reads keys from files only, and several times. */
function writeKey(folder: string, syncId: string, auth: Auth): string {
  const text = auth.type === 'token' ? linesOf(auth.token.trim()) : ''
  refuseStrange(text, 'the credentials of this replica')
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  chmodSync(folder, 0o700)
  const file = join(folder, syncId)
  rmSync(file, { force: true })
  writeFileSync(file, text, { mode: 0o600, flag: 'wx' })
  return file
}

/** A key with its lines, also where they were lost in a field that has one line. */
function linesOf(key: string): string {
  const [, begin, body = '', end] = /^(-----BEGIN [A-Z0-9 ]+-----)([^-]*)(-----END [A-Z0-9 ]+-----)$/.exec(key) ?? []
  if (begin === undefined || end === undefined) return `${key.replaceAll('\r', '')}\n`
  return `${[begin, ...(body.replace(/\s+/g, '').match(/.{1,64}/g) ?? []), end].join('\n')}\n`
}

/** Says before ssh does, and better, why it would not take a key. */
function checkKeyFile(file: string): void {
  let text: string
  try {
    const { mode, uid } = statSync(file)
    // Of a key of somebody else ssh asks nothing.
    if ((mode & 0o077) !== 0 && uid === process.getuid?.())
      throw unusable(
        `others can read the ssh key ${file} (mode ${(mode & 0o777).toString(8)}), and ssh takes no such key`,
        `On this worker: chmod 600 ${file}. The next sync takes it.`,
      )
    text = readFileSync(file, 'utf8')
  } catch (error) {
    if (error instanceof SyncFailure) throw error
    const { code } = error as NodeJS.ErrnoException
    throw unusable(
      `the ssh key ${file} cannot be read: ${code === 'ENOENT' ? 'there is no such file' : (code ?? 'unknown')}`,
      'Put the private key there, readable by the user of the worker alone; it is read at each sync.',
    )
  }
  refuseStrange(text, `the ssh key ${file}`)
}

function refuseStrange(text: string, what: string): void {
  const cure = 'ssh-keygen -t ed25519 -N "" -f KEY makes one; its public half is for the upstream.'
  if (!KEY.test(text)) throw unusable(`${what}: this is not a private key, which ssh needs`, cure)
  if (!isLocked(text)) return
  throw unusable(`${what}: the key has a passphrase, which nobody is there to type`, `Use one without: ${cure}`)
}

/** Whether a private key is encrypted. */
function isLocked(text: string): boolean {
  if (/ENCRYPTED/.test(text)) return true
  const body = /BEGIN OPENSSH PRIVATE KEY-----([^-]+)/.exec(text)?.[1]
  if (body === undefined) return false
  // After the magic words comes the name of the cipher, with its length.
  return !Buffer.from(body, 'base64').subarray(15, 23).equals(Buffer.from('\0\0\0\x04none', 'latin1'))
}

function unusable(message: string, hint: string): SyncFailure {
  return new SyncFailure('auth_rejected', `${message}; the upstream was not asked`, { hint })
}
