// proxies.test.ts — What worker.toml may say about proxies, what is refused and with which cure, and when the
// environment counts.
import { ConfigError } from '@kagami/runtime'
import { describe, expect, test } from 'vitest'
import { openProxies } from '../proxy/open.ts'
import { labelOf } from '../proxy/server.ts'
import { providers } from '../providers/index.ts'
import { writeToml } from '../testing/worker-toml.ts'
import { loadWorkerConfig } from './config.ts'
import { declaredReplicas } from './replicas.ts'

const load = (text: string, env: Record<string, string> = {}, beside: Record<string, string> = {}) => {
  const config = loadWorkerConfig({ file: writeToml(`data_dir = "/d"\n${text}`, beside), env })
  const warnings: string[] = [...config.warnings]
  return { config, warnings, replicas: declaredReplicas(config, { workerId: 'w', kinds: providers, warnings }) }
}
const problem = (text: string, env: Record<string, string> = {}): ConfigError => {
  try {
    load(text, env)
  } catch (error) {
    if (error instanceof ConfigError) return error
    throw error
  }
  throw new Error('it was accepted')
}
/** How a replica reaches its upstream. */
const routesOf = (loaded: ReturnType<typeof load>, name = 'a', options = {}, origin: 'config' | 'api' = 'config') =>
  openProxies(loaded.config, { name, origin, options })
const provider = (more = '') => `[[providers]]\nname = "a"\nkind = "http"\nupstream = "http://h/"\n${more}`

describe('proxy', () => {
  test.each([
    ['http://proxy.example:3128', 'http://proxy.example:3128'],
    ['https://proxy.example:443/', 'https://proxy.example:443'],
    ['socks5://10.0.0.1:1080', 'socks5://10.0.0.1:1080'],
    ['socks5h://[::1]:1080', 'socks5h://[::1]:1080'],
  ])('takes %s', (written, label) => {
    const routes = routesOf(load(`proxy = "${written}"`))
    expect([routes?.http, routes?.https, routes?.rsync, routes?.other].map((one) => one && labelOf(one))).toEqual(
      Array.from({ length: 4 }, () => label),
    )
  })

  test('is none by default, and with "none"', () => {
    expect(routesOf(load(''))).toBe(null)
    expect(routesOf(load('proxy = "none"'))).toBe(null)
  })

  test.each([
    ['proxy = "http://proxy.example"', /has no port/],
    ['proxy = "socks4://proxy.example:1080"', /not the address of a proxy/],
    ['proxy = "ftp://proxy.example:21"', /not the address of a proxy/],
    ['proxy = "http://proxy.example:3128/path"', /not the address of a proxy/],
    ['proxy = "http://proxy.example:99999"', /no port from 1 to 65535/],
    ['proxy = "http://-x:80"', /not the address of a proxy/],
    ['proxy = "campus"', /there is no proxy "campus"/],
    ['proxy = "proxy.example:3128"', /not the address of a proxy/],
    ['proxy = ""', /proxy/],
    ['proxy = true', /proxy must be string/],
    ['proxy = "http://p:1"\nproxy_username = "u"', /needs a user name, and a password/],
    ['proxy = "http://p:1"\nproxy_password = "x"', /needs a user name, and a password/],
    [
      'proxy = "http://p:1"\nproxy_username = "u"\nproxy_password = "x"\nproxy_password_file = "y"',
      /needs a user name/,
    ],
    ['proxy = "http://p:1"\nproxy_username = "u:v"\nproxy_password = "x"', /no proxy takes these/],
    [`proxy = "http://p:1"\nproxy_username = "u"\nproxy_password = "${'x'.repeat(256)}"`, /no proxy takes these/],
    ['proxy_username = "u"\nproxy_password = "x"', /which is "none"/],
    ['proxy = "env"\nproxy_username = "u"\nproxy_password = "x"', /which is "env"/],
    ['no_proxy = ["http://mirror.lan"]', /no_proxy: "http:\/\/mirror.lan" is no host/],
    ['no_proxy = ["mirror.lan:80"]', /is no host/],
    ['no_proxy = "mirror.lan"', /no_proxy must be array/],
    ['[[proxies]]\nname = "none"\nurl = "http://p:1"', /has a meaning of its own/],
    ['[[proxies]]\nname = "a"\nurl = "http://p:1"\n[[proxies]]\nname = "a"\nurl = "http://q:1"', /two proxies/],
    ['[[proxies]]\nname = "a"\nurl = "p"', /not the address of a proxy/],
    ['[[proxies]]\nname = "a b"\nurl = "http://p:1"', /proxies.0.name/],
    ['[[proxies]]\nname = "a"\nurl = "http://p:1"\nuser = "u"', /proxies/],
    [provider('proxy = "campus"'), /providers\[0\] \(a\): proxy: there is no proxy "campus"/],
    [provider('options.proxy = "campus"'), /providers\[0\] \(a\): option proxy: there is no proxy "campus"/],
    ['http_proxy = "http://p:1"', /unknown key http_proxy; did you mean proxy = "http:\/\/p:1"/],
    [provider('rsync_proxy = "http://p:1"'), /unknown key rsync_proxy; did you mean proxy = /],
    [provider('no_proxy = ["h"]'), /no_proxy is written below \[\[providers\]\]/],
  ])('is refused as %j', (text, message) => expect(problem(text).message).toMatch(message))

  test('has no credentials in its address: it is refused with the cure, and they are not repeated', () => {
    const { message, hint } = problem('proxy = "http://worker:hunter2@proxy.example:3128"')
    expect(`${message} ${hint}`).not.toContain('hunter2')
    expect(hint).toContain('proxy_username and proxy_password_file')
    const named = problem('[[proxies]]\nname = "a"\nurl = "socks5h://hunter2@proxy.example:1"')
    expect(`${named.message} ${named.hint}`).not.toContain('hunter2')
  })

  test('reads its password at each sync, from a file beside worker.toml', () => {
    const loaded = load(
      'proxy = "http://p:1"\nproxy_username = "u"\nproxy_password_file = "secret"',
      {},
      { secret: 'one two\n' },
    )
    expect(routesOf(loaded)?.http?.login).toEqual({ username: 'u', password: 'one two' })
    const gone = load('proxy = "http://p:1"\nproxy_username = "u"\nproxy_password_file = "secret"')
    expect(() => routesOf(gone)).toThrow(/secret cannot be read, or is empty; the upstream was not asked/)
  })
})

describe('the proxy of a replica', () => {
  const LISTED =
    'proxy = "http://usual:1"\n[[proxies]]\nname = "campus"\nurl = "socks5h://campus:2"\nusername = "u"\n' +
    'password = "p"\n[[proxies]]\nname = "direct"\nurl = "none"\n'

  test.each([
    ['', 'http://usual:1'],
    ['proxy = "campus"', 'socks5h://campus:2'],
    ['proxy = "http://own:3"', 'http://own:3'],
    ['proxy = "none"', null],
    ['proxy = "direct"', null],
    ['options.proxy = "campus"', 'socks5h://campus:2'],
    ['options.proxy = "direct"', null],
    ['options.proxy = ""', 'http://usual:1'],
  ])('of worker.toml is what it says: %s', (more, label) => {
    const loaded = load(`${LISTED}${provider(more)}`)
    const found = routesOf(loaded, 'a', loaded.replicas[0]!.options)?.https
    expect(found ? labelOf(found) : null).toBe(label)
  })

  test('that was added by the API is one of those that worker.toml lists, and nothing else', () => {
    const loaded = load(`${LISTED}${provider('proxy = "http://own:3"')}`)
    const chosen = (proxy: string) => routesOf(loaded, 'a', { proxy }, 'api')
    expect(labelOf(chosen('')!.http!)).toBe('http://usual:1')
    expect(labelOf(chosen('campus')!.http!)).toBe('socks5h://campus:2')
    expect(chosen('campus')!.http!.login).toEqual({ username: 'u', password: 'p' })
    expect(chosen('direct')).toBe(null)
    for (const strange of ['none', 'env', 'http://169.254.169.254:80', 'Campus', 'campus ', '__proto__'])
      expect(() => chosen(strange)).toThrow(expect.objectContaining({ reason: 'invalid_options' }))
  })

  test('that is written below the last provider is for that one alone, which is said', () => {
    const other = '[[providers]]\nname = "b"\nkind = "http"\nupstream = "http://h/"\n'
    const { warnings } = load(`${provider()}${other}proxy = "http://p:1"`)
    expect(warnings).toEqual([expect.stringContaining('proxy is written below the last [[providers]]')])
    expect(load(`proxy = "http://q:1"\n${provider()}${other}proxy = "http://p:1"`).warnings).toEqual([])
  })
})

describe('the environment', () => {
  const ENV = {
    http_proxy: 'http://u:p%40ss@lower:1',
    HTTP_PROXY: 'http://upper:1',
    HTTPS_PROXY: 'upper:2',
    RSYNC_PROXY: 'rsync-proxy:873',
    ALL_PROXY: 'socks5h://all',
    NO_PROXY: 'mirror.lan, 10.0.0.0/8 ?bad?',
  }
  const labels = (routes: ReturnType<typeof routesOf>) =>
    [routes?.http, routes?.https, routes?.rsync, routes?.other].map((one) => one && labelOf(one))

  test('does not count', () => {
    expect(routesOf(load('', ENV))).toBe(null)
    const named = routesOf(load('proxy = "http://p:1"\nno_proxy = ["h"]', ENV))
    expect(labels(named)).toEqual(Array.from({ length: 4 }, () => 'http://p:1'))
    expect(named?.noProxy).toEqual(['h'])
  })

  test('counts where worker.toml says so, as curl reads it', () => {
    const routes = routesOf(load('proxy = "env"\nno_proxy = ["h"]', ENV))
    expect(labels(routes)).toEqual(['http://lower:1', 'http://upper:2', 'http://rsync-proxy:873', 'socks5h://all:1080'])
    expect(routes?.http?.login).toEqual({ username: 'u', password: 'p@ss' })
    expect(routes?.noProxy).toEqual(['h', 'mirror.lan', '10.0.0.0/8'])
    const { HTTP_PROXY } = ENV
    expect(routesOf(load('proxy = "env"', { HTTP_PROXY }))).toBe(null)
    expect(routesOf(load(provider('proxy = "env"'), ENV))).not.toBe(null)
  })

  test('that has something else is refused with the name of the variable, and without its secrets', () => {
    const { message } = problem('proxy = "env"', { https_proxy: 'socks4://worker:hunter2@p:1' })
    expect(message).toContain('https_proxy')
    expect(message).not.toContain('hunter2')
  })
})
