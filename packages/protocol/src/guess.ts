// guess.ts — Guesses kind and name of a replica from its upstream. Pure.
import { replicaNameProblem, sshUpstreamOf, type SshUpstream } from './names.ts'

const FORGES = /(^|\.)(github\.com|gitlab\.com|codeberg\.org|gitee\.com|bitbucket\.org|git\.sr\.ht|googlesource\.com)$/

/** The kind and the name that fit an upstream. */
export interface Guess {
  kind: 'git' | 'rsync' | 'http' | null
  name: string | null
}

/** Guesses kind and name; each is null when there is no good guess. */
export function guess(upstream: string): Guess {
  const ssh = sshUpstreamOf(upstream.trim())
  if (ssh !== null) return { kind: kindOverSsh(ssh), name: nameIn(ssh.path) }
  const url = URL.parse(upstream.trim())
  if (!url || (url.hostname === '' && url.protocol !== 'file:')) return { kind: null, name: null }
  return { kind: kindOf(url), name: nameIn(url.pathname) }
}

function kindOf(url: URL): Guess['kind'] {
  if (url.protocol === 'rsync:') return 'rsync'
  if (url.protocol === 'git:') return 'git'
  const bare = /\.git\/?$/.test(url.pathname)
  if (url.protocol === 'file:') return bare ? 'git' : 'rsync'
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return null
  return bare || FORGES.test(url.hostname) ? 'git' : 'http'
}

function kindOverSsh({ user, host, path }: SshUpstream): Guess['kind'] {
  return user === 'git' || /\.git\/?$/.test(path) || FORGES.test(host) ? 'git' : 'rsync'
}

function nameIn(path: string): string | null {
  const parts = path.split('/').filter((part) => part !== '')
  const last = parts.at(-1)
  if (last === undefined) return null
  const name = decode(last)
    .replace(/\.git$/i, '')
    .replace(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
  return name !== '' && replicaNameProblem(name) === null ? name : null
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}
