// upstream.ts — The upstream of a mirror as visitors may see it. Pure.
import { sshUpstreamOf } from '@kagami/protocol'

const PUBLIC = new Set(['https:', 'http:', 'rsync:', 'git:', 'ftp:', 'ftps:'])

/**
 * An upstream without user, password, query and fragment; null for one that means something to its worker alone, such
 * as a folder, and for what is not understood.
 */
export function publicUpstream(upstream: string): string | null {
  const ssh = sshUpstreamOf(upstream)
  if (ssh)
    return URL.parse(`ssh://${bracketed(ssh.host)}/${ssh.path.replace(/^\//, '')}`)?.href.split(/[?#]/)[0] ?? null
  const url = URL.parse(upstream)
  if (!url || !PUBLIC.has(url.protocol) || url.hostname === '') return null
  return `${url.protocol}//${url.host}${url.pathname}`
}

function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}
