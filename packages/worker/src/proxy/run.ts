// run.ts — The proxies of one run: which one a host is reached by, and what is opened on this machine for its programs,
// until the run ends.
import type { Socket } from 'node:net'
import type { LocalPort, LocalProxy, PlainVia, Target, Via } from '../via.ts'
import { connectToProxy, openTunnel } from './dial.ts'
import { isExempt } from './exempt.ts'
import { openLocalPort, openLocalProxy, type Open } from './forward.ts'
import { hostWithPort, labelOf, proxyHeaders, refusalOf, type ProxyServer } from './server.ts'

/** The proxies of a replica, ready to be used: one for each way to an upstream; null: directly. */
export interface OpenRoutes {
  readonly http: ProxyServer | null
  readonly https: ProxyServer | null
  readonly rsync: ProxyServer | null
  /** ssh and git. */
  readonly other: ProxyServer | null
  /** Hosts that are reached directly. */
  readonly noProxy: readonly string[]
}

export interface RunProxies {
  /** The proxy a host is reached by; null: it is reached directly. */
  via(target: Target): Via | null
  /** The proxies that were used, as people know them. */
  used(): string[]
  /** Ends what was opened for programs. */
  close(): void
}

/** What the proxies of a run need of it. */
export interface RunNeeds {
  readonly signal: AbortSignal
  /** The addresses of a name, each of them allowed; for proxies that are given addresses. */
  resolve(name: string): Promise<readonly string[]>
  /** One line for the log of the run. */
  log(line: string): void
}

/** Opens no connection before somebody asks for one. */
export function createRunProxies(routes: OpenRoutes, needs: RunNeeds): RunProxies {
  const servers = [...new Set([routes.http, routes.https, routes.rsync, routes.other])].filter((one) => one !== null)
  const opened: Promise<Open<LocalPort>>[] = []
  const vias = new Map(servers.map((server) => [server, createVia(server, { ...needs, opened })]))
  const told = new Set<string>()
  return {
    via({ protocol, hostname }) {
      const server = routes[wayOf(protocol)]
      if (server === null || isExempt(hostname, routes.noProxy)) return null
      const via = vias.get(server)!
      if (!told.has(via.label)) needs.log(`through the proxy ${via.label}`)
      told.add(via.label)
      return via
    },
    used: () => [...told],
    close() {
      for (const one of opened)
        void one.then(
          ({ close }) => close(),
          () => {},
        )
    },
  }
}

function wayOf(protocol: string): 'http' | 'https' | 'rsync' | 'other' {
  const way = protocol.replace(/:$/, '')
  return way === 'http' || way === 'https' || way === 'rsync' ? way : 'other'
}

function createVia(server: ProxyServer, needs: RunNeeds & { readonly opened: Promise<Open<LocalPort>>[] }): Via {
  const { signal, opened } = needs
  const tunnel = (host: string, port: number, timeoutMs: number) =>
    server.scheme === 'socks5'
      ? tunnelToAddress(server, { host, port }, { ...needs, timeoutMs })
      : openTunnel(server, { host, port }, { signal, timeoutMs })
  const plain = server.scheme.startsWith('http')
    ? {
        connect: (timeoutMs: number) => connectToProxy(server, { signal, timeoutMs }),
        headers: proxyHeaders(server),
        refusal: (status: number, headers: Parameters<PlainVia['refusal']>[1]) => refusalOf(server, status, headers),
      }
    : null
  const onward = { tunnel, plain }
  const once = createMemo(opened)
  return {
    label: labelOf(server),
    findsNames: server.scheme !== 'socks5',
    tunnel,
    plain,
    local: (host, port, timeoutMs) =>
      once<LocalProxy>(`proxy ${hostWithPort({ host, port })}`, () =>
        openLocalProxy(onward, { host, port, timeoutMs }),
      ),
    door: (host, port, timeoutMs) =>
      once<LocalPort>(`port ${hostWithPort({ host, port })}`, () => openLocalPort(onward, { host, port, timeoutMs })),
  }
}

/** Opens what has one name once. */
function createMemo(opened: Promise<Open<LocalPort>>[]) {
  const known = new Map<string, Promise<Open<LocalPort>>>()
  return async <Port extends LocalPort>(name: string, open: () => Promise<Open<Port>>): Promise<Port> => {
    const found = known.get(name) ?? open()
    if (!known.has(name)) opened.push(found)
    known.set(name, found)
    return (await found).local as Port
  }
}

/** The name is found here, and each address is checked here; the proxy is asked for one of them. */
async function tunnelToAddress(
  server: ProxyServer,
  { host, port }: { host: string; port: number },
  { resolve, signal, timeoutMs }: Pick<RunNeeds, 'resolve' | 'signal'> & { timeoutMs: number },
): Promise<Socket> {
  let failure: unknown
  for (const address of await resolve(host)) {
    try {
      return await openTunnel(server, { host: address, port }, { signal, timeoutMs })
    } catch (error) {
      failure = error
      if (signal.aborted) break
    }
  }
  throw failure
}
