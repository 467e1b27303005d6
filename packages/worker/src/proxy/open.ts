// open.ts — The proxies of a replica as a run needs them: with their passwords, read just before it; and what its
// failures say of them.
import type { Auth, ReplicaSpec } from '@kagami/protocol'
import { ConfigError } from '@kagami/runtime'
import type { WorkerConfig } from '../config/config.ts'
import { passwordOf, proxyRoutesOf, type ProxyAddress } from '../config/proxies.ts'
import { SyncFailure, type FailureFacts } from '../provider.ts'
import type { OpenRoutes } from './run.ts'
import type { ProxyServer } from './server.ts'

/** The proxies of a replica; null when its upstream is reached directly. Throws SyncFailure. */
export function openProxies(
  config: Pick<WorkerConfig, 'proxySettings' | 'providers'>,
  spec: Pick<ReplicaSpec, 'name' | 'origin' | 'options'>,
): OpenRoutes | null {
  const routes = orFailure('invalid_options', () => proxyRoutesOf(config, spec))
  const servers = new Map<ProxyAddress, ProxyServer>()
  const open = (address: ProxyAddress | null) => {
    if (address === null) return null
    const server = servers.get(address) ?? orFailure('auth_rejected', () => serverOf(address))
    servers.set(address, server)
    return server
  }
  const { http, https, rsync, other, noProxy } = routes
  const opened = { http: open(http), https: open(https), rsync: open(rsync), other: open(other), noProxy }
  return servers.size === 0 ? null : opened
}

/** The credentials of proxies, for the mask of a run. */
export function loginsOf(routes: OpenRoutes | null | undefined): Auth[] {
  if (!routes) return []
  const servers = [routes.http, routes.https, routes.rsync, routes.other]
  return servers.flatMap((server) => (server?.login ? [{ type: 'basic' as const, ...server.login }] : []))
}

function serverOf(address: ProxyAddress): ProxyServer {
  const { scheme, host, port, username } = address
  return { scheme, host, port, login: username === null ? null : { username, password: passwordOf(address) } }
}

function orFailure<T>(reason: SyncFailure['reason'], read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    const hint =
      reason === 'auth_rejected'
        ? 'Write the password into that file, which is read at each sync. Nothing of the copy was changed.'
        : 'Choose another proxy for this replica, or list it in worker.toml and start the worker again. Nothing of ' +
          'the copy was changed.'
    throw new SyncFailure(reason, `${error.message}; the upstream was not asked`, { hint })
  }
}

/** Reasons that a proxy may have given in place of the upstream. */
const OF_EITHER: readonly string[] = [
  'upstream_unreachable',
  'upstream_refused',
  'auth_rejected',
  'content_invalid',
  'timed_out',
]

/** A failure of a run that used proxies, with their names where it may be theirs; any other error as it is. */
export function namingProxies(error: unknown, labels: readonly string[]): unknown {
  if (!(error instanceof SyncFailure) || labels.length === 0) return error
  if (!OF_EITHER.includes(error.reason) || labels.some((label) => error.message.includes(label))) return error
  const { reason, message, tail, exitCode, hint } = error
  const facts: FailureFacts = { tail, exitCode, hint, cause: error }
  const by = labels.join(' and ')
  return new SyncFailure(reason, `${message}; it was asked through the proxy ${by}, which may be the cause`, facts)
}
