// proxies.ts — The proxies of worker.toml: what `proxy` may say, at the top, for one replica and in [[proxies]], and
// what the environment says where worker.toml wants that. Connects to nothing.
import { ConfigError, nearest, readIfThere } from '@kagami/runtime'
import type { ReplicaSpec } from '@kagami/protocol'
import type { Static } from 'typebox'
import { resolve } from 'node:path'
import type { ProxyTable } from './keys.ts'

/** A proxy as it is written down. */
export interface ProxyAddress {
  readonly scheme: 'http' | 'https' | 'socks5' | 'socks5h'
  readonly host: string
  readonly port: number
  readonly username: string | null
  /** As given, or where it is read at each sync; both null: it wants none. */
  readonly password: string | null
  readonly passwordFile: string | null
}

/** One proxy for each way to an upstream; null: directly. */
export interface ProxyRoutes {
  readonly http: ProxyAddress | null
  readonly https: ProxyAddress | null
  readonly rsync: ProxyAddress | null
  /** ssh and git. */
  readonly other: ProxyAddress | null
  /** Hosts that are reached directly. */
  readonly noProxy: readonly string[]
}

/** The proxies a worker knows. */
export interface ProxySettings {
  /** For replicas that say nothing. */
  readonly usual: ProxyRoutes
  /** The names in [[proxies]]: what the API may choose among. */
  readonly names: readonly string[]
  /** What `proxy` of a replica in worker.toml means. Throws ConfigError, which begins with `where`. */
  read(word: string, where: string): ProxyRoutes
}

/** The keys of worker.toml that say something about proxies. */
export interface ProxyKeys {
  readonly proxy: string
  readonly proxy_username?: string | undefined
  readonly proxy_password?: string | undefined
  readonly proxy_password_file?: string | undefined
  readonly no_proxy: readonly string[]
  readonly proxies: readonly Static<typeof ProxyTable>[]
}

/** Reads them. Throws ConfigError with the key that is wrong. The environment is read only where a proxy is "env". */
export function readProxies(
  keys: ProxyKeys,
  sourceOf: (key: string) => string,
  { env, folder }: { readonly env: NodeJS.ProcessEnv; readonly folder: string },
): ProxySettings {
  checkNoProxy(keys.no_proxy, `${sourceOf('no_proxy')}: no_proxy`)
  const named = readNamed(keys.proxies, sourceOf('proxies'), folder)
  const read = (word: string, where: string): ProxyRoutes => {
    if (word === 'none') return allBy(null, keys.no_proxy)
    if (word === 'env') return fromVariables(env, where, keys.no_proxy)
    const known = named.get(word)
    if (known !== undefined) return allBy(known, keys.no_proxy)
    if (!word.includes(':')) throw unknownName(word, where, [...named.keys()])
    return allBy(readAddress(word, where), keys.no_proxy)
  }
  const where = `${sourceOf('proxy')}: proxy`
  const usual = read(keys.proxy, where)
  return { usual: withLogin(usual, keys, { where, named, folder }), names: [...named.keys()], read }
}

/** What the settings say for a replica. Throws ConfigError for the name of a proxy that is not there. */
export function proxyRoutesOf(
  { proxySettings, providers }: { proxySettings: ProxySettings; providers: readonly unknown[] },
  { name, origin, options }: Pick<ReplicaSpec, 'name' | 'origin' | 'options'>,
  where: string = name,
): ProxyRoutes {
  const own = origin === 'config' ? providers.find((one) => (one as { name?: unknown } | null)?.name === name) : null
  const { proxy } = (own ?? {}) as { proxy?: string }
  if (proxy !== undefined) return proxySettings.read(proxy, `${where}: proxy`)
  const chosen = options['proxy']
  if (typeof chosen !== 'string' || chosen === '') return proxySettings.usual
  // An address of the API's choice could be any machine that the worker reaches.
  if (!proxySettings.names.includes(chosen)) throw unknownName(chosen, `${where}: option proxy`, proxySettings.names)
  return proxySettings.read(chosen, where)
}

/** The password of a proxy now. Throws ConfigError when its file cannot be read. */
export function passwordOf({ password, passwordFile, host }: ProxyAddress): string {
  if (passwordFile === null) return password ?? ''
  let text: string | null = null
  try {
    text = readIfThere(passwordFile)?.replace(/\r?\n$/, '') ?? null
  } catch {
    // Said below, like a file that is not there.
  }
  if (text) return text
  throw new ConfigError(`the password of the proxy ${host}: ${passwordFile} cannot be read, or is empty`)
}

function allBy(proxy: ProxyAddress | null, noProxy: readonly string[]): ProxyRoutes {
  return { http: proxy, https: proxy, rsync: proxy, other: proxy, noProxy }
}

function unknownName(word: string, where: string, names: readonly string[]): ConfigError {
  const near = nearest(word, [...names, 'none', 'env'])
  return new ConfigError(
    `${where}: there is no proxy "${word}" in worker.toml${near ? `; did you mean ${near}?` : ''}`,
    `${names.length > 0 ? `[[proxies]] has ${names.join(', ')}. ` : ''}Write an address such as ` +
      'http://proxy.example:3128 or socks5h://proxy.example:1080, or add a table [[proxies]] with that name.',
  )
}

const ADDRESS = /^([a-z0-9]+):\/\/(?:([^@/]*)@)?(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_][A-Za-z0-9._-]*)(?::(\d{1,5}))?\/?$/
const SCHEMES: readonly string[] = ['http', 'https', 'socks5', 'socks5h']

/** An address of worker.toml, which has a port and no credentials. Throws ConfigError, which never repeats any. */
function readAddress(text: string, where: string): ProxyAddress {
  const [, scheme = '', userinfo, , port] = ADDRESS.exec(text) ?? []
  if (userinfo !== undefined || text.includes('@'))
    throw new ConfigError(
      `${where}: the address has a user name or password in it, which logs would show`,
      'Write the address without them, and proxy_username and proxy_password_file beside it; in a table of ' +
        '[[proxies]] username and password_file.',
    )
  if (SCHEMES.includes(scheme) && port === undefined)
    throw new ConfigError(`${where}: "${text}" has no port`, 'Proxies have no usual one: write it, such as :3128.')
  return parseAddress(text, where)
}

function parseAddress(text: string, where: string): ProxyAddress {
  const [, scheme = '', userinfo, host = '', port] = ADDRESS.exec(text) ?? []
  const shown = text.replace(/\/\/[^@]*@/, '//…@').slice(0, 100)
  if (!SCHEMES.includes(scheme) || host === '')
    throw new ConfigError(
      `${where}: "${shown}" is not the address of a proxy`,
      'Write http://host:port or https://host:port for an HTTP proxy, socks5h://host:port for a SOCKS 5 proxy that ' +
        'finds the addresses of names, or socks5://host:port for one that is given addresses.',
    )
  // As curl does, where the environment names no port.
  const number = Number(port ?? (scheme === 'https' ? 443 : 1080))
  if (number < 1 || number > 65_535) throw new ConfigError(`${where}: "${shown}" has no port from 1 to 65535`)
  const [username, password] = userinfo === undefined ? [null, null] : loginOf(userinfo)
  return {
    scheme: scheme as ProxyAddress['scheme'],
    host: host.replace(/^\[|\]$/g, ''),
    port: number,
    username,
    password,
    passwordFile: null,
  }
}

function loginOf(userinfo: string): [string, string] {
  const [user = '', ...rest] = userinfo.split(':')
  const decode = (text: string) => {
    try {
      return decodeURIComponent(text)
    } catch {
      return text
    }
  }
  return [decode(user), decode(rest.join(':'))]
}

interface Login {
  readonly username?: string | undefined
  readonly password?: string | undefined
  readonly password_file?: string | undefined
}

/** A proxy with the credentials that are written beside its address. */
function signedIn(
  proxy: ProxyAddress,
  { username, password, password_file: passwordFile }: Login,
  { where, folder }: { where: string; folder: string },
): ProxyAddress {
  if (username === undefined && password === undefined && passwordFile === undefined) return proxy
  if (username === undefined || (password === undefined) === (passwordFile === undefined))
    throw new ConfigError(
      `${where}: a proxy that wants credentials needs a user name, and a password or the file of one`,
      'Write username and password_file; beside proxy at the top they are proxy_username and proxy_password_file.',
    )
  const long = [username, password ?? ''].some((text) => Buffer.byteLength(text) > 255 || /[\r\n\0]/.test(text))
  if (long || username.includes(':'))
    throw new ConfigError(
      `${where}: no proxy takes these credentials`,
      'At most 255 bytes each, without line ends; the user name without a colon.',
    )
  return {
    ...proxy,
    username,
    password: password ?? null,
    passwordFile: passwordFile === undefined ? null : resolve(folder, passwordFile),
  }
}

function readNamed(tables: ProxyKeys['proxies'], source: string, folder: string): Map<string, ProxyAddress | null> {
  const named = new Map<string, ProxyAddress | null>()
  for (const [index, { name, url, ...login }] of tables.entries()) {
    const where = `${source}: proxies[${index}] (${name})`
    if (['none', 'env'].includes(name))
      throw new ConfigError(`${where}: "${name}" has a meaning of its own`, 'Choose another name.')
    if (named.has(name)) throw new ConfigError(`${where}: there are two proxies of this name`)
    named.set(name, url === 'none' ? null : signedIn(readAddress(url, `${where}: url`), login, { where, folder }))
  }
  return named
}

function withLogin(
  routes: ProxyRoutes,
  { proxy, proxy_username, proxy_password, proxy_password_file, no_proxy }: ProxyKeys,
  { where, named, folder }: { where: string; named: ReadonlyMap<string, unknown>; folder: string },
): ProxyRoutes {
  const login = { username: proxy_username, password: proxy_password, password_file: proxy_password_file }
  if (Object.values(login).every((value) => value === undefined)) return routes
  if (proxy === 'none' || proxy === 'env' || named.has(proxy) || routes.http === null)
    throw new ConfigError(
      `${where}: proxy_username and proxy_password_file are for an address in proxy, which is "${proxy}"`,
      proxy === 'env' ? 'The variables have the credentials themselves.' : 'Write them into the table of [[proxies]].',
    )
  return allBy(signedIn(routes.http, login, { where, folder }), no_proxy)
}

/** Names, addresses and ranges. */
const EXEMPT = /^(?:\*|(?:\*?\.)?[A-Za-z0-9_][A-Za-z0-9._-]*|\[?[0-9A-Fa-f:.]+\]?(?:\/\d{1,3})?|[0-9.]+\/\d{1,2})$/

function checkNoProxy(entries: readonly string[], where: string): void {
  const wrong = entries.find((entry) => !EXEMPT.test(entry))
  if (wrong === undefined) return
  throw new ConfigError(
    `${where}: "${wrong}" is no host`,
    'Write names ("mirror.lan" is that host and all below it), addresses ("10.1.2.3"), ranges ("10.0.0.0/8"), or ' +
      '"*"; without scheme and port.',
  )
}

/** As curl reads them: HTTP_PROXY in capitals could be a header that somebody sent to a CGI program. */
function fromVariables(env: NodeJS.ProcessEnv, where: string, noProxy: readonly string[]): ProxyRoutes {
  const read = (...names: readonly string[]) => {
    const name = names.find((one) => env[one])
    if (name === undefined) return null
    const text = env[name]!
    return parseAddress(text.includes('://') ? text : `http://${text}`, `${where} = "env": ${name}`)
  }
  const all = ['all_proxy', 'ALL_PROXY']
  const exempt = (env['no_proxy'] || env['NO_PROXY'] || '').split(/[\s,]+/).filter((entry) => EXEMPT.test(entry))
  return {
    http: read('http_proxy', ...all),
    https: read('https_proxy', 'HTTPS_PROXY', ...all),
    rsync: read('RSYNC_PROXY', ...all),
    other: read(...all),
    noProxy: [...noProxy, ...exempt],
  }
}
