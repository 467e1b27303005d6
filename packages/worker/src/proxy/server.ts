// server.ts — A proxy: where it is, how it is called, and what is said when it fails. Never with its credentials.
import { SyncFailure } from '../provider.ts'

/** A proxy and how to sign in there. */
export interface ProxyServer {
  readonly scheme: 'http' | 'https' | 'socks5' | 'socks5h'
  readonly host: string
  readonly port: number
  readonly login: { readonly username: string; readonly password: string } | null
}

/** Where a tunnel ends. */
export interface End {
  readonly host: string
  readonly port: number
}

/** A proxy as people know it. */
export function labelOf({ scheme, host, port }: ProxyServer): string {
  return `${scheme}://${hostWithPort({ host, port })}`
}

/** The header with which an HTTP proxy is told who asks. */
export function proxyHeaders({ login }: ProxyServer): Record<string, string> {
  if (!login) return {}
  const pair = Buffer.from(`${login.username}:${login.password}`).toString('base64')
  return { 'proxy-authorization': `Basic ${pair}` }
}

const HINT =
  'Nothing of the copy was changed. Look whether the proxy runs and whether worker.toml names it rightly (proxy, ' +
  'no_proxy); the upstream is not asked without it.'

/** A failure of the proxy, or of what it was asked for. */
export function proxyFailure(
  reason: SyncFailure['reason'],
  proxy: ProxyServer,
  said: string,
  hint: string = HINT,
): SyncFailure {
  return new SyncFailure(reason, `the proxy ${labelOf(proxy)} ${said}`, { hint })
}

/** The failure of a proxy that wants other credentials. */
export function rejectedByProxy(proxy: ProxyServer): SyncFailure {
  return proxyFailure(
    'auth_rejected',
    proxy,
    proxy.login ? 'rejects the user name and password of worker.toml' : 'wants a user name and password',
    'Give proxy_username and proxy_password_file in worker.toml (or username and password_file in its table of ' +
      '[[proxies]]), and start the worker again; the file is read at each sync. Nothing of the copy was changed.',
  )
}

/**
 * The failure that an answer to a request with the whole address means, when it is the proxy's own: squid and tinyproxy
 * say so. Null: it is the upstream's, as far as can be told.
 */
export function refusalOf(
  proxy: ProxyServer,
  status: number,
  headers: Readonly<Record<string, string | string[] | undefined>>,
): SyncFailure | null {
  const squid = headers['x-squid-error']
  const own = squid !== undefined || (status >= 400 && /^tinyproxy\b/.test(String(headers['server'])))
  if (status === 407 || (own && status === 401)) return rejectedByProxy(proxy)
  if (!own) return null
  const said = `(it answers ${status}${
    squid === undefined
      ? ''
      : `, ${String(squid)
          .replace(/[^ -~]/g, '')
          .slice(0, 60)}`
  })`
  if (status < 500) return proxyFailure('upstream_refused', proxy, `does not ask the upstream for this worker ${said}`)
  return proxyFailure('upstream_unreachable', proxy, `could not reach the upstream ${said}`)
}

/** Host and port as one word, with the brackets of IPv6. */
export function hostWithPort({ host, port }: End): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}
